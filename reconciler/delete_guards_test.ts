/**
 * Whatever happens, and in whatever order, before and between the calls of the mirror: it asks for no delete that must not be.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Happening, Run, type Turn } from "./delete_model/run.ts";
import { type LeaseFields, type Lists, type Meddling, type Resource, World } from "./delete_model/world.ts";
import { createMetrics } from "./metrics.ts";

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
  [1, fc.record({ ...does("identity"), is: fc.boolean() })],
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
const soon = fc.record({
  do: fc.constant("soon" as const),
  calls: fc.integer({ min: 1, max: 9 }),
  what: weighted<Happening>([2, change], [4, trouble], [2, changedHands], [1, namespace], [1, watches]),
});
const turn = weighted<Turn>(
  [10, change],
  [1, trouble],
  [4, fc.record(does("heal"))],
  [4, soon],
  [8, fc.record({ do: fc.constant("pass" as const), ms: passing })],
  [1, fc.record({ do: fc.constant("start" as const), without })],
  [6, fc.constantFrom<Turn[]>({ do: "resync" }, { do: "resync" }, { do: "approve" }, { do: "look at the fence" })],
);
/** All is well and the window is a new one; then an object goes, and something happens while its copy is to go. */
const race = fc.tuple(soon, fc.record({ ...does("remove"), ...one })).map(([soon, remove]): Turn[] => [
  { do: "heal" },
  { do: "pass", ms: 700_000 },
  { do: "create", of: remove.of, name: remove.name },
  soon,
  remove,
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
const turns = fc.array(weighted<Turn[]>([16, turn.map((turn) => [turn])], [2, race], [1, back]), {
  minLength: 5,
  maxLength: 40,
  size: "max",
}).map((parts) => parts.flat());
const policies = fc.record({
  // Retain is one rule among many.
  policy: weighted([9, fc.constant("Mirror" as const)], [1, fc.constant("Retain" as const)]),
  graceMs: fc.constantFrom(0, 30_000),
  budget: fc.record({
    count: fc.constantFrom(1, 3),
    percent: fc.constantFrom(0, 100, 100),
    windowMs: fc.constant(600_000),
  }),
});

Deno.test("whatever happens, in whatever order: no delete is asked for that must not be", async () => {
  const metrics = createMetrics();
  let deletes = 0;
  let approved = 0;
  await fc.assert(
    fc.asyncProperty(policies, turns, async (policy, sequence) => {
      const world = new World(policy);
      for (const name of ["a", "b", "c"]) {
        world.create("configmaps", name);
        world.create("secrets", name);
      }
      const run = new Run(world, metrics);
      try {
        for (const turn of [{ do: "start", without: [] } as const, ...sequence]) {
          await run.turn(turn);
          if (world.truth.violation !== undefined) throw world.truth.violation;
        }
      } finally {
        run.stop();
      }
      deletes += world.truth.deletes.length;
      approved += world.truth.deletes.filter((one) => one.approved).length;
    }),
    { numRuns: 400 },
  );
  assert.ok(deletes > 300 && approved > 30, `only ${deletes} deletes, ${approved} of them approved`);
});
