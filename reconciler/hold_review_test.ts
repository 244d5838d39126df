import assert from "node:assert/strict";
import type { GuardFacts, HoldType, NamespaceState } from "./deletes.ts";
import { reviewHolds } from "./hold_review.ts";
import { DeletionLedger } from "./intents.ts";

const NOW = 1_000_000_000;
const WINDOW_MS = 600_000;

/** A ledger whose window has this count, and which holds that many of a kind. */
function holding(groups: readonly (readonly [kind: string, count: number, holdType: HoldType])[], used = 3) {
  const ledger = new DeletionLedger({ startWallMs: NOW, count: used }, () => Promise.resolve());
  for (const [kind, count, holdType] of groups) {
    for (let index = 0; index < count; index++) {
      ledger.open(`${kind}/${index}`, NOW - 60_000);
      ledger.hold(`${kind}/${index}`, holdType, "uid", NOW);
    }
  }
  return ledger;
}

interface Situation {
  readonly nowWallMs?: number;
  readonly namespace?: NamespaceState;
  readonly kindListed?: boolean;
  readonly copies?: Readonly<Record<string, number>>;
  /** Called for each judgement. */
  readonly judged?: () => void;
}

function factsOf(ledger: DeletionLedger, situation: Situation): GuardFacts {
  const { nowWallMs = NOW, namespace = "Present", kindListed = true, copies = {}, judged = () => {} } = situation;
  return {
    nowWallMs,
    get policy() {
      judged();
      return { policy: "Mirror" as const, graceMs: 30_000, budget: { count: 3, percent: 0, windowMs: WINDOW_MS } };
    },
    kindListed,
    namespace,
    sourceIdentityKnown: true,
    fenceOpen: true,
    window: ledger.window,
    counts: ledger.counts,
    copiesByKind: new Map(Object.entries({ configmaps: 50, secrets: 50, ...copies })),
  };
}

function review(ledger: DeletionLedger, situation: Situation = {}): string[] {
  return reviewHolds(ledger, () => factsOf(ledger, situation));
}

const types = (ledger: DeletionLedger) => ledger.holds().map(({ type, count }) => `${type} ${count}`);

Deno.test("a hold that stands is judged once for its whole set", () => {
  const ledger = holding([["configmaps", 5_000, "Budget"], ["secrets", 5_000, "Budget"]]);
  let looks = 0;
  const copies = { configmaps: 9_000, secrets: 9_000 };
  assert.deepEqual(review(ledger, { copies, judged: () => looks++ }), []);
  assert.ok(looks < 20, `${looks} looks`);
  assert.deepEqual(types(ledger), ["Budget 10000"]);
});

Deno.test("a window that has passed releases what the budget has room for, and nothing else", () => {
  const few = holding([["configmaps", 3, "Budget"]]);
  assert.deepEqual(review(few), []);
  const passed = { nowWallMs: NOW + WINDOW_MS };
  assert.deepEqual(review(few, passed), ["configmaps/0", "configmaps/1", "configmaps/2"]);
  assert.deepEqual(review(holding([["configmaps", 4, "Budget"]]), passed), []);
});

Deno.test("a set that shrinks is released when the budget has room for the rest", () => {
  const ledger = holding([["configmaps", 4, "Budget"]], 0);
  assert.deepEqual(review(ledger), []);
  ledger.cancel("configmaps/2");
  assert.deepEqual(review(ledger), ["configmaps/0", "configmaps/1", "configmaps/3"]);
});

Deno.test("another reason is taken over without a look at the objects", () => {
  const ledger = holding([["configmaps", 10, "KindEmptied"]]);
  assert.deepEqual(review(ledger, { copies: { configmaps: 10 } }), []);
  assert.deepEqual(types(ledger), ["KindEmptied 10"]);
  assert.deepEqual(review(ledger, { copies: { configmaps: 11 } }), []);
  assert.deepEqual(types(ledger), ["Budget 10"]);
  assert.deepEqual(review(ledger, { namespace: "Terminating" }), []);
  assert.deepEqual(types(ledger), ["SourceNamespaceGone 10"]);
});

Deno.test("a namespace that is back releases what was approved before it went", () => {
  const ledger = holding([["configmaps", 10, "Budget"]]);
  ledger.approve(new Set(ledger.holds().map(({ id }) => id)));
  for (const [key] of ledger.intents) ledger.hold(key, "SourceNamespaceGone", "uid", NOW);
  ledger.open("secrets/a", NOW - 60_000);
  ledger.hold("secrets/a", "SourceNamespaceGone", "uid", NOW);
  assert.deepEqual(review(ledger, { namespace: "Gone" }), []);
  const released = review(ledger, { namespace: "Recreated" });
  assert.deepEqual(released, Array.from({ length: 10 }, (_, index) => `configmaps/${index}`));
  assert.ok(
    ledger.holds().some(({ type, sample }) => type === "SourceNamespaceRecreated" && sample?.[0] === "secrets/a"),
  );
});

Deno.test("what cannot be judged now stays held", () => {
  const ledger = holding([["configmaps", 3, "Budget"]], 0);
  assert.deepEqual(review(ledger, { namespace: "Unknown" }), []);
  assert.deepEqual(review(ledger, { kindListed: false }), []);
  assert.deepEqual(types(ledger), ["Budget 3"]);
  assert.equal(review(ledger).length, 3);
});

Deno.test("a source that went back holds until it is approved", () => {
  const ledger = holding([]);
  ledger.doubt("configmaps/a");
  ledger.open("configmaps/a", NOW - 60_000);
  ledger.hold("configmaps/a", "SourceWentBack", "uid", NOW);
  assert.deepEqual(review(ledger, { nowWallMs: NOW + WINDOW_MS }), []);
  assert.deepEqual(types(ledger), ["SourceWentBack 1"]);
});

Deno.test("what is held of a kind that is not served any more is looked at", () => {
  const ledger = holding([["widgets.example.com", 2, "Budget"], ["configmaps", 4, "Budget"]]);
  const released = reviewHolds(ledger, (kind) => kind === "configmaps" ? factsOf(ledger, {}) : undefined);
  assert.deepEqual(released, ["widgets.example.com/0", "widgets.example.com/1"]);
});
