import assert from "node:assert/strict";
import { KubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/types.ts";
import { DeletionLedger } from "../intents.ts";
import { HandClock } from "../testing.ts";
import { holdsOf, type LeaverPorts, retireLeavers } from "./leavers.ts";
import { childOf, familyOf, namespaceOf } from "./testing.ts";

/** A family of so many children whose namespaces lost their labels, and what is read of those. */
function leavers(count: number, deletion: object = { grace: "0s" }, children = count) {
  const family = familyOf({ deletion });
  const all = Array.from({ length: children }, (_, index) => childOf(family, `n${index}`));
  const clock = new HandClock();
  const ledger = new DeletionLedger({ startWallMs: clock.wallMs(), count: 0 }, () => Promise.resolve());
  const removed: string[] = [];
  const read = new Map<string, KubeObject>();
  for (const { spec } of all) read.set(spec.sourceNamespace, namespaceOf(spec.sourceNamespace, { labels: {} }));
  const facts = { family, children: all, leaving: all.slice(0, count) };
  const ports: LeaverPorts = {
    ledger,
    clock,
    source: {
      get: (_type, { name }) => {
        const namespace = read.get(name);
        if (namespace === undefined) return Promise.reject(new KubeError("NotFound", "", { httpStatus: 404 }));
        return Promise.resolve(namespace);
      },
    },
    remove: ({ spec }) => Promise.resolve(void removed.push(spec.sourceNamespace)),
    signal: new AbortController().signal,
  };
  return { facts, ports, clock, ledger, removed, read, retire: () => retireLeavers(facts, ports) };
}

Deno.test("a child leaves after the grace, unless its namespace has its labels back by then", async () => {
  const one = leavers(1, { grace: "30s" }, 3);
  assert.equal(await one.retire(), 30_000);
  one.clock.advance(29_999);
  assert.equal(await one.retire(), 1);
  assert.deepEqual(one.removed, []);
  await retireLeavers({ ...one.facts, leaving: [] }, one.ports);
  one.clock.advance(1);
  assert.equal(await one.retire(), 30_000, "the grace begins anew");
  one.clock.advance(30_000);
  await one.retire();
  await one.retire();
  assert.deepEqual(one.removed, ["n0"], "once");
  assert.equal(one.ledger.window.count, 1);
});

Deno.test("a read of the source has the last word", async () => {
  const cases: [string, KubeObject | undefined][] = [
    ["the labels are there", namespaceOf("n0")],
    ["it is another one", namespaceOf("n0", { labels: {}, uid: "other" })],
    ["it is Terminating", namespaceOf("n0", { labels: {}, deletionTimestamp: "2026-01-01T00:00:00Z" })],
    ["it is gone", undefined],
  ];
  for (const [what, namespace] of cases) {
    const one = leavers(1, { grace: "0s" }, 3);
    if (namespace === undefined) one.read.delete("n0");
    else one.read.set("n0", namespace);
    assert.ok(Number.isFinite(await one.retire()), what);
    assert.deepEqual(one.removed, [], what);
  }
});

Deno.test("all of several, or more than the budget, are held until exactly they are approved", async () => {
  for (const [count, children, type] of [[2, 2, "KindEmptied"], [4, 9, "Budget"]] as const) {
    const some = leavers(count, { grace: "0s" }, children);
    assert.equal(await some.retire(), Infinity);
    const [hold] = holdsOf(some.ledger);
    assert.deepEqual([hold?.type, hold?.count, hold?.sample?.[0]], [type, count, "apps.n0"]);
    some.facts.family.metadata.annotations = { "dr-syncer.io/approve": `other, ${hold?.id}` };
    assert.equal(await some.retire(), 0, "approved: to be looked at again at once");
    await some.retire();
    assert.equal(some.removed.length, count);
    assert.deepEqual(holdsOf(some.ledger), []);
  }
});

Deno.test("a budget of 100 percent holds nothing, policy Retain keeps no child", async () => {
  for (const deletion of [{ grace: "0s", budget: { percent: 100 } }, { policy: "Retain", grace: "0s" }]) {
    const some = leavers(deletion.policy === undefined ? 9 : 1, deletion, 9);
    await some.retire();
    assert.equal(some.removed.length, some.facts.leaving.length);
  }
});

Deno.test("a delete that fails is not counted, and tried again", async () => {
  const one = leavers(1, { grace: "0s" }, 3);
  const failing = { ...one.ports, remove: () => Promise.reject(new KubeError("Forbidden", "no")) };
  await assert.rejects(retireLeavers(one.facts, failing), /no/);
  assert.equal(one.ledger.window.count, 0);
  await one.retire();
  assert.deepEqual([one.removed, one.ledger.window.count], [["n0"], 1]);
});
