import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type GuardFacts,
  type GuardVerdict,
  holdId,
  type Intent,
  judgeDelete,
  neverDeleted,
  windowAt,
} from "./deletes.ts";
import { IntentCounts } from "./intent_counts.ts";

const NOW = 1_000_000_000;
const KEY = "configmaps/a";

function intent(key = KEY, fields: Partial<Intent> = {}): Intent {
  return { key, sinceWallMs: NOW - 60_000, approved: false, ...fields };
}

function factsOf(fields: Partial<GuardFacts> = {}, intents: Intent[] = [intent()]): GuardFacts {
  return {
    nowWallMs: NOW,
    policy: { policy: "Mirror", graceMs: 30_000, budget: { count: 3, percent: 10, windowMs: 600_000 } },
    kindListed: true,
    namespace: "Present",
    sourceIdentityKnown: true,
    fenceOpen: true,
    window: { startWallMs: NOW - 1_000, count: 0 },
    counts: IntentCounts.of(intents),
    copiesByKind: new Map([["configmaps", 20]]),
    ...fields,
  };
}

const budget = (count: number, percent = 10) => ({
  policy: { policy: "Mirror" as const, graceMs: 30_000, budget: { count, percent, windowMs: 600_000 } },
});

function many(kind: string, count: number, fields: Partial<Intent> = {}): Intent[] {
  return Array.from({ length: count }, (_, index) => intent(`${kind}/x${index}`, fields));
}

interface Case {
  readonly what: string;
  readonly intent?: Intent;
  readonly facts: Partial<GuardFacts>;
  readonly others?: Intent[];
  readonly expected: string;
}

const cases: Case[] = [
  { what: "all guards hold", facts: {}, expected: "Delete" },
  { what: "policy Retain", facts: { policy: { ...factsOf().policy, policy: "Retain" } }, expected: "Retain" },
  { what: "grace not over", intent: intent(KEY, { sinceWallMs: NOW - 29_999 }), facts: {}, expected: "Wait 1" },
  { what: "grace just over", intent: intent(KEY, { sinceWallMs: NOW - 30_000 }), facts: {}, expected: "Delete" },
  { what: "identity unknown", facts: { sourceIdentityKnown: false }, expected: "Wait 10000" },
  { what: "kind not listed", facts: { kindListed: false }, expected: "Wait 2000" },
  { what: "fence not open", facts: { fenceOpen: false }, expected: "Wait 10000" },
  { what: "namespace unknown", facts: { namespace: "Unknown" }, expected: "Wait 5000" },
  { what: "namespace gone", facts: { namespace: "Gone" }, expected: "Hold SourceNamespaceGone" },
  { what: "namespace Terminating", facts: { namespace: "Terminating" }, expected: "Hold SourceNamespaceGone" },
  {
    what: "namespace gone, approved",
    intent: intent(KEY, { approved: true }),
    facts: { namespace: "Gone" },
    expected: "Hold SourceNamespaceGone",
  },
  { what: "namespace re-created", facts: { namespace: "Recreated" }, expected: "Hold SourceNamespaceRecreated" },
  {
    what: "namespace re-created, approved",
    intent: intent(KEY, { approved: true }),
    facts: { namespace: "Recreated" },
    expected: "Delete",
  },
  { what: "a PVC", intent: intent("persistentvolumeclaims/data"), facts: {}, expected: "MarkOrphaned" },
  {
    what: "a PVC, approved",
    intent: intent("persistentvolumeclaims/data", { approved: true }),
    facts: {},
    expected: "MarkOrphaned",
  },
  {
    what: "a PVC of a namespace that is gone",
    intent: intent("persistentvolumeclaims/data"),
    facts: { namespace: "Gone" },
    expected: "Hold SourceNamespaceGone",
  },
  { what: "as many as the budget allows", facts: {}, others: many("secrets", 2), expected: "Delete" },
  { what: "one more than the budget allows", facts: {}, others: many("secrets", 3), expected: "Hold Budget" },
  {
    what: "one more, approved",
    intent: intent(KEY, { approved: true }),
    facts: {},
    others: many("secrets", 3),
    expected: "Delete",
  },
  {
    what: "the window is used up",
    facts: { window: { startWallMs: NOW - 1_000, count: 3 } },
    expected: "Hold Budget",
  },
  {
    what: "the window that was used up has passed",
    facts: { window: { startWallMs: NOW - 600_000, count: 3 } },
    expected: "Delete",
  },
  {
    what: "percent allows more than count",
    facts: { copiesByKind: new Map([["configmaps", 60], ["secrets", 40]]) },
    others: many("secrets", 9),
    expected: "Delete",
  },
  {
    what: "one more than percent",
    facts: { copiesByKind: new Map([["configmaps", 60], ["secrets", 40]]) },
    others: many("secrets", 10),
    expected: "Hold Budget",
  },
  {
    what: "approved others do not use the budget",
    facts: {},
    others: many("secrets", 9, { approved: true }),
    expected: "Delete",
  },
  {
    what: "others that are in the window's count already do not count twice",
    facts: { window: { startWallMs: NOW - 1_000, count: 2 } },
    others: many("secrets", 2, { counted: true }),
    expected: "Delete",
  },
  { what: "PVCs do not use the budget", facts: {}, others: many("persistentvolumeclaims", 9), expected: "Delete" },
  {
    what: "the window is used up, of an object that has ended",
    intent: intent(KEY, { ended: true }),
    facts: { window: { startWallMs: NOW - 1_000, count: 4 } },
    expected: "Delete",
  },
  {
    what: "the namespace is gone, of an object that has ended",
    intent: intent(KEY, { ended: true }),
    facts: { namespace: "Gone" },
    expected: "Hold SourceNamespaceGone",
  },
  { what: "others have ended", facts: {}, others: many("secrets", 9, { ended: true }), expected: "Delete" },
  {
    what: "a kind would be emptied together with what has ended",
    facts: { copiesByKind: new Map([["configmaps", 4], ["secrets", 90]]) },
    others: [...many("configmaps", 2, { ended: true }), intent("configmaps/b")],
    expected: "Hold KindEmptied",
  },
  {
    what: "it is the only object of its kind beside what has ended",
    facts: { copiesByKind: new Map([["configmaps", 3], ["secrets", 90]]) },
    others: many("configmaps", 2, { ended: true }),
    expected: "Delete",
  },
  {
    what: "a kind of two would be emptied",
    facts: { copiesByKind: new Map([["configmaps", 2], ["secrets", 90]]) },
    others: many("configmaps", 1),
    expected: "Hold KindEmptied",
  },
  {
    what: "a kind would be emptied together with what was approved before",
    facts: { copiesByKind: new Map([["configmaps", 3], ["secrets", 90]]) },
    others: many("configmaps", 2, { approved: true }),
    expected: "Hold KindEmptied",
  },
  {
    what: "the only object of a kind",
    facts: { copiesByKind: new Map([["configmaps", 1], ["secrets", 90]]) },
    expected: "Delete",
  },
  {
    what: "100 percent switches the budget off",
    facts: { ...budget(0, 100), copiesByKind: new Map([["configmaps", 2]]) },
    others: many("configmaps", 1),
    expected: "Delete",
  },
  {
    what: "the source went back to before it",
    intent: intent(KEY, { doubted: true }),
    facts: {},
    expected: "Hold SourceWentBack",
  },
  {
    what: "the source went back to before it, and a person said yes",
    intent: intent(KEY, { doubted: true, approved: true }),
    facts: budget(0, 100),
    expected: "Delete",
  },
  {
    what: "the source went back to before it, budget or not",
    intent: intent(KEY, { doubted: true }),
    facts: budget(0, 100),
    expected: "Hold SourceWentBack",
  },
  { what: "a budget of nothing", facts: budget(0, 0), expected: "Hold Budget" },
];

function short(verdict: GuardVerdict): string {
  if (verdict.type === "Wait") return `Wait ${verdict.forMs}`;
  return verdict.type === "Hold" ? `Hold ${verdict.holdType}` : verdict.type;
}

for (const { what, facts, expected, others = [], ...one } of cases) {
  Deno.test(`a delete when ${what}: ${expected}`, () => {
    const judged = one.intent ?? intent();
    assert.equal(short(judgeDelete(judged, factsOf(facts, [judged, ...others]))), expected);
  });
}

const kinds = ["configmaps", "secrets", "persistentvolumeclaims", "customresourcedefinitions.apiextensions.k8s.io"];

const situations = fc.record({
  kind: fc.constantFrom(...kinds),
  approved: fc.boolean(),
  doubted: fc.boolean(),
  ended: fc.boolean(),
  ageMs: fc.integer({ min: 0, max: 100_000 }),
  others: fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      approved: fc.boolean(),
      counted: fc.boolean(),
      ended: fc.boolean(),
    }),
    { maxLength: 12 },
  ),
  policy: fc.constantFrom("Mirror" as const, "Retain" as const),
  graceMs: fc.constantFrom(0, 30_000),
  count: fc.nat(6),
  percent: fc.nat(100),
  kindListed: fc.boolean(),
  namespace: fc.constantFrom("Present", "Terminating", "Gone", "Recreated", "Unknown") as fc.Arbitrary<
    GuardFacts["namespace"]
  >,
  sourceIdentityKnown: fc.boolean(),
  fenceOpen: fc.boolean(),
  windowAgeMs: fc.integer({ min: 0, max: 700_000 }),
  windowCount: fc.nat(6),
  copies: fc.record({ configmaps: fc.nat(20), secrets: fc.nat(20) }),
});

Deno.test("nothing is deleted while a single guard does not hold", () => {
  let deletes = 0;
  fc.assert(
    fc.property(situations, (s) => {
      const { approved, doubted, ended } = s;
      const judged = intent(`${s.kind}/judged`, { sinceWallMs: NOW - s.ageMs, approved, doubted, ended });
      const others = s.others.map(({ kind, ...rest }, index) => intent(`${kind}/o${index}`, rest));
      const window = { startWallMs: NOW - s.windowAgeMs, count: s.windowCount };
      const facts = factsOf({
        policy: {
          policy: s.policy,
          graceMs: s.graceMs,
          budget: { count: s.count, percent: s.percent, windowMs: 600_000 },
        },
        kindListed: s.kindListed,
        namespace: s.namespace,
        sourceIdentityKnown: s.sourceIdentityKnown,
        fenceOpen: s.fenceOpen,
        window,
        copiesByKind: new Map(Object.entries(s.copies)),
      }, [judged, ...others]);
      if (judgeDelete(judged, facts).type !== "Delete") return;
      deletes++;
      assert.equal(s.policy, "Mirror");
      assert.ok(s.ageMs >= s.graceMs, "grace");
      assert.ok(s.kindListed && s.sourceIdentityKnown && s.fenceOpen);
      assert.ok(!s.doubted || s.approved, "doubted");
      assert.ok(s.namespace === "Present" || (s.namespace === "Recreated" && s.approved), s.namespace);
      assert.ok(s.kind === "configmaps" || s.kind === "secrets", s.kind);
      if (s.approved || s.ended || s.percent === 100) return;
      const inWindow = s.windowAgeMs < 600_000 ? s.windowCount : 0;
      const asking = others.filter((one) =>
        !one.approved && !one.counted && !one.ended && !neverDeleted(one.key)
      ).length +
        1;
      const all = s.copies.configmaps + s.copies.secrets + inWindow;
      assert.ok(inWindow + asking <= Math.max(s.count, all * s.percent / 100), "budget");
      const ofKind = others.filter((one) => one.key.startsWith(`${s.kind}/`));
      const going = ofKind.filter((one) => !one.ended).length + 1;
      const copies = s.copies[s.kind] - ofKind.filter((one) => one.ended).length;
      assert.ok(copies <= 1 || going < copies, "the kind is emptied");
    }),
    { numRuns: 30_000 },
  );
  assert.ok(deletes > 20, `only ${deletes} situations led to a delete`);
});

Deno.test("a window lasts as long as it says and then counts from nothing", () => {
  const window = { startWallMs: NOW, count: 5 };
  assert.equal(windowAt(window, 1_000, NOW + 999), window);
  assert.deepEqual(windowAt(window, 1_000, NOW + 1_000), { startWallMs: NOW + 1_000, count: 0 });
});

Deno.test("a hold's id names the set and the reason, whatever the order", () => {
  assert.equal(holdId("Budget", ["a", "b"]), holdId("Budget", ["b", "a"]));
  const others = [holdId("Budget", ["a"]), holdId("Budget", ["a", "b", "c"]), holdId("KindEmptied", ["a", "b"])];
  assert.ok(!others.includes(holdId("Budget", ["a", "b"])));
  assert.match(holdId("Budget", []), /^[0-9a-f]{10}$/);
});
