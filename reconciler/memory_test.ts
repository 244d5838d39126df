import assert from "node:assert/strict";
import fc from "fast-check";
import { DESIRED_HASH, ORPHANED_AT } from "../crds/keys.ts";
import type { ObjectMeta } from "../kube/types.ts";
import { fingerprint, keyOf, markOf, Memory, splitKey } from "./memory.ts";

const live: ObjectMeta = {
  name: "web",
  uid: "u",
  resourceVersion: "10",
  generation: 3,
  labels: { app: "web" },
  annotations: { note: "x" },
};

Deno.test("a key names kind and name, also a name with a slash or colon in it", () => {
  const deployments = { group: "apps", resource: "deployments" };
  assert.equal(keyOf(deployments, "web"), "deployments.apps/web");
  assert.deepEqual(splitKey("deployments.apps/web"), { kind: "deployments.apps", name: "web" });
  assert.deepEqual(splitKey("roles.rbac/system:a/b"), { kind: "roles.rbac", name: "system:a/b" });
});

Deno.test("copies are counted by kind whatever happens to their entries", () => {
  const keys = fc.constantFrom("configmaps/a", "configmaps/b", "secrets/a");
  const ops = fc.record({ key: keys, op: fc.constantFrom("seen", "gone", "forget", "ensure") });
  fc.assert(fc.property(fc.array(ops), (sequence) => {
    const memory = new Memory();
    const copies = new Set<string>();
    for (const { key, op } of sequence) {
      if (op === "forget") memory.forget(key);
      else {
        const entry = memory.ensure(key);
        if (op !== "ensure") memory.setCopy(entry, op === "seen" ? markOf(live) : undefined);
      }
      if (op === "seen") copies.add(key);
      else if (op !== "ensure") copies.delete(key);
    }
    for (const kind of ["configmaps", "secrets"]) {
      const expected = [...copies].filter((key) => splitKey(key).kind === kind).length;
      assert.equal(memory.copiesByKind().get(kind) ?? 0, expected);
    }
  }));
});

Deno.test("the fingerprint changes with everything that may be drift", () => {
  const changes: Partial<ObjectMeta>[] = [
    { generation: 4 },
    { labels: { app: "webx" } },
    { labels: undefined },
    { annotations: { note: "y" } },
    { annotations: { note: "x", more: "" } },
    { deletionTimestamp: "2026-01-01T00:00:00Z" },
    { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "o" }] },
  ];
  for (const change of changes) {
    assert.notEqual(fingerprint({ ...live, ...change }), fingerprint(live), JSON.stringify(change));
  }
  // A key moved from labels to annotations is not the same.
  assert.notEqual(fingerprint({ name: "a", labels: { k: "v" } }), fingerprint({ name: "a", annotations: { k: "v" } }));
});

Deno.test("a status change leaves the fingerprint; without a generation every change counts", () => {
  assert.equal(fingerprint({ ...live, resourceVersion: "11", managedFields: [{}] }), fingerprint(live));
  const plain = { ...live, generation: undefined };
  assert.notEqual(fingerprint({ ...plain, resourceVersion: "11" }), fingerprint(plain));
});

Deno.test("a mark tells hash and orphan; an object that no server stored has none", () => {
  assert.deepEqual(markOf({ ...live, annotations: { [DESIRED_HASH]: "h", [ORPHANED_AT]: "" } }), {
    uid: "u",
    resourceVersion: "10",
    fingerprint: fingerprint({ ...live, annotations: { [DESIRED_HASH]: "h", [ORPHANED_AT]: "" } }),
    hash: "h",
    orphaned: true,
  });
  assert.deepEqual([markOf(live)?.hash, markOf(live)?.orphaned], ["", false]);
  assert.equal(markOf({ name: "a", uid: "u" }), undefined);
  assert.equal(markOf({ name: "a", resourceVersion: "1" }), undefined);
});

Deno.test("a relist of a kind distrusts the source's versions of that kind alone", () => {
  const memory = new Memory();
  for (const key of ["configmaps/a", "secrets/a"]) memory.ensure(key).sourceResourceVersion = "5";
  memory.distrustSource("configmaps");
  assert.equal(memory.get("configmaps/a")?.sourceResourceVersion, undefined);
  assert.equal(memory.get("secrets/a")?.sourceResourceVersion, "5");
  memory.forget("secrets/a");
  memory.forget("secrets/never");
  assert.equal(memory.size, 1);
});

Deno.test("Pods and classes of a copy count until it is gone, not those of what was never there", () => {
  const memory = new Memory();
  const of = (key: string) => memory.ensure(key);
  const named = () => [...memory.namedClasses()].map(([key]) => key);
  of("deployments.apps/web");
  memory.note("deployments.apps/web", { pods: 2, classes: ["PriorityClass/high"] });
  of("deployments.apps/api").state = "Skipped";
  memory.note("deployments.apps/api", { pods: 3, classes: ["PriorityClass/low"] });
  assert.deepEqual([memory.pods, named()], [2, ["deployments.apps/web"]]);
  memory.setCopy(of("deployments.apps/api"), markOf(live));
  assert.equal(memory.pods, 5, "its copy is still there");
  memory.note("deployments.apps/api", { pods: "any", classes: [] });
  assert.deepEqual([memory.pods, named()], ["any", ["deployments.apps/web"]]);
  memory.forget("deployments.apps/api");
  memory.note("deployments.apps/web", { pods: 0, classes: [] });
  assert.deepEqual([memory.pods, named()], [0, []]);
  assert.deepEqual([...memory.classes], ["PriorityClass/high", "PriorityClass/low"], "what was named once is known");
});
