import assert from "node:assert/strict";
import { SYNC_NOW } from "../../crds/keys.ts";
import type { ObjectMeta } from "../../kube/types.ts";
import { type Members, type MembersFacts, planMembers } from "./members.ts";
import { childOf, CONTROL, familyOf, namespaceOf } from "./testing.ts";

const GONE = "2026-01-01T00:00:00Z";

function plan(change: Partial<MembersFacts>): Members {
  return planMembers({
    family: familyOf(),
    namespaces: [],
    replications: [],
    controlNamespace: CONTROL,
    objection: () => undefined,
    wasHanded: () => false,
    ...change,
  });
}

/** What becomes of each child or namespace, in one word. */
function fates(members: Members): Record<string, string> {
  const of = (list: readonly { metadata: ObjectMeta }[], fate: string) =>
    list.map(({ metadata }) => [metadata.name.replace("apps.", ""), fate]);
  return Object.fromEntries([
    ...members.reports.map(({ name, reason }) => [name, reason]),
    ...of(members.create, "made"),
    ...of(members.leaving, "leaves"),
    ...of(members.gone, "gone"),
  ]);
}

Deno.test("what a namespace has for a child, by what it is now", () => {
  const family = familyOf();
  const labels = {};
  const cases: [string, MembersFacts["namespaces"], string | undefined][] = [
    ["it has the labels", [namespaceOf("one")], undefined],
    ["it lost the labels", [namespaceOf("one", { labels })], "leaves"],
    ["it lost them and is Terminating", [namespaceOf("one", { labels, deletionTimestamp: GONE })], "gone"],
    ["it is Terminating", [namespaceOf("one", { deletionTimestamp: GONE })], "gone"],
    ["it is not there", [], "gone"],
    ["it was created anew, without labels", [namespaceOf("one", { labels, uid: "other" })], "gone"],
    ["it was created anew, with labels", [namespaceOf("one", { uid: "other" })], undefined],
    ["the list is not complete", undefined, undefined],
  ];
  for (const [what, namespaces, fate] of cases) {
    const members = plan({ family, namespaces, replications: [childOf(family, "one")] });
    assert.equal(fates(members).one, fate, what);
    assert.deepEqual([members.children.length, members.create.length], [1, 0], what);
  }
});

Deno.test("a child without the namespace's uid never leaves", () => {
  const family = familyOf();
  const child = childOf(family, "one", { annotations: {} });
  assert.equal(
    fates(plan({ family, namespaces: [namespaceOf("one", { labels: {} })], replications: [child] })).one,
    "gone",
  );
});

Deno.test("a matching namespace gets a child, unless something is against it", () => {
  const long = "n".repeat(61);
  const family = familyOf({ destinationNamespace: "dr-{namespace}" });
  const members = plan({
    family,
    namespaces: [
      namespaceOf("one"),
      namespaceOf("no", { labels: {} }),
      namespaceOf("going", { deletionTimestamp: GONE }),
      namespaceOf("kube-public"),
      namespaceOf("openshift-x"),
      namespaceOf(CONTROL),
      namespaceOf("copy", { labels: { mirror: "yes", "dr-syncer.io/managed-by": "x" } }),
      namespaceOf("part", { labels: { mirror: "yes", "dr-syncer.io/component": "x" } }),
      namespaceOf(long),
      namespaceOf("taken"),
      namespaceOf("wrong"),
    ],
    replications: [childOf(family, "taken", { ownerReferences: [] })],
    objection: ({ spec }) => spec.sourceNamespace === "wrong" ? { reason: "TargetTaken", message: "" } : undefined,
  });
  assert.deepEqual(fates(members), {
    one: "made",
    "kube-public": "ProtectedNamespace",
    "openshift-x": "ProtectedNamespace",
    [CONTROL]: "ProtectedNamespace",
    copy: "StandbyNamespace",
    part: "StandbyNamespace",
    [long]: "NameTooLong",
    taken: "NameTaken",
    wrong: "TargetTaken",
  });
  assert.deepEqual([members.skipped, members.leftOut], [8, 3], "what is left out by design is no fault");
});

Deno.test("a name in DR may be protected though the source's is not", () => {
  const family = familyOf({ destinationNamespace: "dr-syncer-{namespace}" });
  assert.deepEqual(fates(plan({ family, namespaces: [namespaceOf("system")] })), { system: "ProtectedNamespace" });
});

Deno.test("a child that is being deleted is neither counted nor made anew before it is gone", () => {
  const family = familyOf();
  const child = childOf(family, "one", { deletionTimestamp: GONE });
  const members = plan({ family, namespaces: [namespaceOf("one")], replications: [child] });
  assert.deepEqual([members.children, members.create, members.update, members.reports], [[], [], [], []]);
});

Deno.test("a child is made equal to its parent, and what people say to it stays", () => {
  const family = familyOf({ paused: true });
  const child = childOf(family, "one");
  const namespaces = [namespaceOf("one", { uid: "again" })];
  const annotations = { ...child.metadata.annotations, [SYNC_NOW]: "mine", "dr-syncer.io/approve": "x" };
  const spec = { ...child.spec, paused: false, labelSelector: {} };
  const meddled = { ...child, metadata: { ...child.metadata, labels: {}, annotations }, spec };
  const [update] = plan({ family, namespaces, replications: [meddled] }).update;
  assert.deepEqual(update?.patch, {
    metadata: {
      uid: "child one",
      labels: { "dr-syncer.io/family": "apps" },
      annotations: { "dr-syncer.io/source-namespace-uid": "again" },
    },
    spec: { paused: true, labelSelector: null },
  });
  assert.deepEqual(plan({ family, namespaces: [namespaceOf("one")], replications: [child] }).update, []);
});

Deno.test("a child whose namespace is gone follows its parent, too", () => {
  const family = familyOf();
  const child = childOf(family, "one");
  const [update] = plan({ family: familyOf({ scaleToZero: false }), replications: [child] }).update;
  assert.deepEqual(update?.patch, { metadata: { uid: "child one" }, spec: { scaleToZero: false } });
});

Deno.test("sync-now is handed on once", () => {
  const family = familyOf({}, { annotations: { [SYNC_NOW]: "7" } });
  const child = childOf(familyOf(), "one");
  const facts = { family, namespaces: [namespaceOf("one")], replications: [child] };
  const [update] = plan(facts).update;
  assert.deepEqual(update?.patch, { metadata: { uid: "child one", annotations: { [SYNC_NOW]: "7" } } });
  assert.deepEqual(plan({ ...facts, wasHanded: () => true }).update, []);
});
