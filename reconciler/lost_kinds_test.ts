import assert from "node:assert/strict";
import { kindsOfDrAlone, LostKinds } from "./lost_kinds.ts";
import { KubeError } from "../kube/errors.ts";
import { groupResource, type ResourceType } from "../kube/types.ts";
import { discoveryOf, HandClock, kindOf } from "./testing.ts";

const WIDGETS = kindOf("widgets", "Widget", { group: "example.com" });
const GADGETS = kindOf("gadgets", "Gadget", { group: "example.com" });

/** What was asked for at a moment of the test's clock. */
class Asked {
  readonly clock = new HandClock();
  readonly abort = new AbortController();
  kinds: readonly ResourceType[] | undefined;
  /** Copies by kind. */
  copies: Record<string, number> = {};
  fails = false;
  /** How old a count might be, by kind, since it was last looked at. */
  ages: Record<string, number> = {};
  readonly lost = new LostKinds({
    counts: {
      count: (type, _place, sinceMs) => {
        const name = groupResource(type);
        this.ages[name] = this.clock.monotonicMs() - sinceMs;
        if (this.fails) return Promise.reject(new KubeError("Timeout", "no answer"));
        return Promise.resolve(this.copies[name] ?? 0);
      },
    },
    destinationNamespace: "shop",
    replicationId: "0123456789ab",
    clock: this.clock,
    signal: this.abort.signal,
    kinds: () => this.kinds,
    changed: () => {},
  });

  /** Looks at these kinds; answers how old each count might be. */
  async look(kinds: readonly ResourceType[] | undefined, afterMs = 600_000): Promise<Record<string, number>> {
    this.kinds = kinds;
    this.ages = {};
    this.clock.advance(afterMs);
    this.lost.look();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return this.ages;
  }
}

Deno.test("a kind that is DR's alone from now on is counted anew, others are when the last count is old", async () => {
  const asked = new Asked();
  assert.deepEqual(await asked.look(undefined), {});
  assert.deepEqual(await asked.look([WIDGETS]), { "widgets.example.com": 300_000 }, "as others have counted it");
  asked.copies = { "widgets.example.com": 2 };
  const both = [WIDGETS, GADGETS];
  assert.deepEqual(await asked.look(both), { "widgets.example.com": 300_000, "gadgets.example.com": 0 });
  assert.deepEqual(await asked.look(both), { "widgets.example.com": 10_000, "gadgets.example.com": 300_000 });
  assert.deepEqual(await asked.look([]), {});
  assert.deepEqual(await asked.look([GADGETS]), { "gadgets.example.com": 0 });
});

Deno.test("after a count that failed, one that began since the kind is DR's alone is enough", async () => {
  const asked = new Asked();
  await asked.look([]);
  asked.fails = true;
  assert.deepEqual(await asked.look([WIDGETS]), { "widgets.example.com": 0 });
  asked.fails = false;
  assert.deepEqual(await asked.look([WIDGETS], 5_000), { "widgets.example.com": 5_000 });
  assert.deepEqual(await asked.look([WIDGETS]), { "widgets.example.com": 300_000 });
});

Deno.test("what was found stays while it is not known which kinds only DR serves", async () => {
  const asked = new Asked();
  asked.copies = { "widgets.example.com": 2 };
  await asked.look([WIDGETS]);
  await asked.look(undefined);
  assert.deepEqual(asked.lost.findings.map(({ name, copies }) => [name, copies]), [["widgets.example.com", 2]]);
  await asked.look([]);
  assert.deepEqual(asked.lost.findings, []);
});

Deno.test("copies are looked for of mirrored kinds that are not followed, and not of those that may be unknown only", () => {
  const target = discoveryOf([
    kindOf("configmaps", "ConfigMap"),
    kindOf("pods", "Pod"),
    kindOf("nodes", "Node", { namespaced: false }),
    kindOf("widgets", "Widget", { group: "example.com" }),
    kindOf("gadgets", "Gadget", { group: "away.example.com" }),
  ]);
  const found = kindsOfDrAlone(target, new Set(["configmaps"]), ["away.example.com"]);
  assert.deepEqual(found.map(({ resource }) => resource), ["widgets"]);
});
