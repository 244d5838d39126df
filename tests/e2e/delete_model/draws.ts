/**
 * Histories as they are drawn: what happens mostly bears upon a delete that is under way.
 *
 * @module
 */
import fc from "fast-check";
import type { Resource } from "./clusters.ts";
import type { Meddling } from "./hands.ts";
import type { Happening } from "./happenings.ts";
import type { Turn } from "./run.ts";
import type { LeaseFields, Lists } from "./world.ts";

/** Arbitraries by how often each is drawn. */
function weighted<T>(...parts: (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]): fc.Arbitrary<T> {
  return fc.oneof(...parts.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

const of = fc.constantFrom<Resource[]>("configmaps", "configmaps", "secrets", "persistentvolumeclaims");
const name = fc.constantFrom("a", "b", "c", "d");
const one = { of, name };
const does = <const D extends Happening["do"]>(...verbs: D[]) => ({ do: fc.constantFrom(...verbs) });
const how = fc.constantFrom<Meddling[]>(
  "edit",
  "remove",
  "replace",
  "label off",
  "label of another",
  "other origin",
  "owner",
);
const lease = fc.constantFrom<LeaseFields[]>(
  {},
  undefined,
  { role: "Active" },
  { role: "Testing" },
  { holder: "they/dr-syncer-system" },
  { epochs: 1 },
);
const lists = fc.constantFrom<Lists[]>("whole", "refused", "broken off", "empty");
const becomes = fc.constantFrom("Terminating" as const, "Gone" as const, "Created" as const, "Created anew" as const);
const become = fc.constantFrom("Broken" as const, "Open" as const, "Opened anew" as const);

const change = weighted<Happening>(
  [6, fc.record({ ...does("create"), ...one })],
  [9, fc.record({ ...does("remove"), ...one })],
  [2, fc.record({ ...does("create anew"), ...one })],
  [3, fc.record({ ...does("ignore"), is: fc.boolean(), ...one })],
);
const namespace = fc.record({ ...does("namespace"), becomes });
const watches = fc.record({ ...does("watches"), become });
const changedHands = weighted<Happening>(
  [3, fc.record({ ...does("lease"), is: lease })],
  [1, fc.record({ ...does("lead"), is: fc.boolean() })],
  // The known one is back with all else (`heal`): a single answer of another, between two of its own, no read can tell.
  [1, fc.record({ ...does("identity"), is: fc.constant(false) })],
);
const trouble = weighted<Happening>(
  [4, fc.record({ ...does("meddle"), how, ...one })],
  [2, fc.record({ ...does("lists"), of, how: lists })],
  [1, namespace],
  [2, watches],
  [4, changedHands],
  [1, fc.record({ ...does("reads", "persist"), is: fc.boolean() })],
  [1, fc.record(does("stop"))],
);
const passing = fc.constantFrom(500, 31_000, 31_000, 700_000);
const without = fc.constantFrom<string[][]>([], [], ["secrets"], ["configmaps"]);
/** A delete is the 12th call at most, of those that a look at the Replication and one at the object ask for. */
function sooner(what: fc.Arbitrary<Happening>): fc.Arbitrary<Turn> {
  return fc.record({ do: fc.constant("soon" as const), calls: fc.integer({ min: 1, max: 12 }), what });
}
const soon = sooner(weighted<Happening>([2, change], [4, trouble], [2, changedHands], [1, namespace], [1, watches]));
const turn = weighted<Turn>(
  [10, change],
  [1, trouble],
  [4, fc.record(does("heal"))],
  [4, soon],
  [8, fc.record({ do: fc.constant("pass" as const), ms: passing })],
  [1, fc.record({ do: fc.constant("start" as const), without })],
  [6, fc.constantFrom<Turn[]>({ do: "resync" }, { do: "resync" }, { do: "approve" }, { do: "look at the fence" })],
);
/** What bears upon the delete of one copy. */
function trial({ of, name }: { readonly of: Resource; readonly name: string }): fc.Arbitrary<Happening> {
  const same = { of: fc.constant(of), name: fc.constant(name) };
  return weighted<Happening>(
    [3, fc.record({ ...does("create", "create anew"), ...same })],
    [3, fc.record({ ...does("meddle"), how, ...same })],
    [2, fc.record({ ...does("lists"), of: same.of, how: lists })],
    [5, changedHands],
    [3, trouble],
  );
}
/** All is well and the window is a new one; then an object goes, and something happens while its copy is to go: at once, or later. */
const race = fc.record(one).chain((one) => fc.tuple(fc.constant(one), sooner(trial(one)), fc.boolean()))
  .map(([one, soon, late]): Turn[] => [
    { do: "heal" },
    { do: "pass", ms: 700_000 },
    { do: "create", ...one },
    ...(late ? [{ do: "remove", ...one } as const, soon] : [soon, { do: "remove", ...one } as const]),
    { do: "pass", ms: 31_000 },
  ]);
/** An object goes, is back, and goes again. */
const back = fc.tuple(fc.record(one), passing).map(([one, backMs]): Turn[] => [
  { do: "heal" },
  { do: "create", ...one },
  { do: "remove", ...one },
  { do: "pass", ms: 500 },
  { do: "create", ...one },
  { do: "pass", ms: backMs },
  { do: "remove", ...one },
]);
/** A whole kind goes, and a person says that it may. */
const held = fc.tuple(of, soon).map(([of, soon]): Turn[] => [
  { do: "heal" },
  { do: "pass", ms: 700_000 },
  { do: "create", of, name: "a" },
  { do: "create", of, name: "b" },
  ...["a", "b", "c", "d"].map((name): Turn => ({ do: "remove", of, name })),
  { do: "pass", ms: 31_000 },
  soon,
  { do: "approve" },
  { do: "pass", ms: 31_000 },
]);
/** Another cluster answers at the source's address, from before a full pass on or in the middle of it. */
const astray = sooner(fc.constant({ do: "identity", is: false })).map((soon): Turn[] => [
  { do: "heal" },
  { do: "pass", ms: 700_000 },
  soon,
  { do: "resync" },
  { do: "pass", ms: 31_000 },
  { do: "resync" },
  { do: "pass", ms: 31_000 },
]);
/** A history. */
export const turns = fc.array(
  weighted<Turn[]>([10, turn.map((turn) => [turn])], [6, race], [1, back], [1, held], [1, astray]),
  {
    minLength: 5,
    maxLength: 24,
    size: "max",
  },
).map((parts) => parts.flat());
/** What the Replication says of deletes. */
export const policies = fc.record({
  // Retain is one rule among many.
  policy: weighted([9, fc.constant("Mirror" as const)], [1, fc.constant("Retain" as const)]),
  graceMs: fc.constantFrom(0, 30_000),
  budget: fc.record({
    count: fc.constantFrom(1, 3),
    percent: fc.constantFrom(0, 100, 100),
    windowMs: fc.constant(600_000),
  }),
});
