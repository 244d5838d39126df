import assert from "node:assert/strict";
import { Wants } from "./volume_wants.ts";

const CLAIMS = ["a", "b", "c"];
const isDue = (claim: string) => claim === "b";

function taken(ask: (wants: Wants) => void): string[] {
  const wants = new Wants();
  ask(wants);
  const wanted = wants.take();
  return CLAIMS.filter((claim) => wanted.has(claim, () => isDue(claim)));
}

const cases: readonly (readonly [string, (wants: Wants) => void, string[]])[] = [
  ["nothing", () => {}, []],
  ["one claim", (wants) => wants.claim("a"), ["a"]],
  ["what is due", (wants) => wants.due(), ["b"]],
  ["one, and what is due", (wants) => [wants.claim("c"), wants.due()], ["b", "c"]],
  ["all", (wants) => [wants.claim("c"), wants.all()], CLAIMS],
];

for (const [name, ask, expected] of cases) {
  Deno.test(`wanted is ${name}`, () => assert.deepEqual(taken(ask), expected));
}

Deno.test("what was taken is not wanted any more", () => {
  for (const ask of ["all", "due"] as const) {
    const wants = new Wants();
    assert.equal(wants.isEmpty, true);
    wants[ask]();
    assert.equal(wants.isEmpty, false);
    wants.claim("a");
    assert.equal(wants.take().all, ask === "all");
    assert.equal(wants.isEmpty, true);
    assert.deepEqual(CLAIMS.filter((claim) => wants.take().has(claim, () => true)), []);
  }
});

Deno.test("what is given back is wanted beside what came meanwhile", () => {
  const wants = new Wants();
  wants.claim("a");
  assert.equal(wants.isEmpty, false);
  const wanted = wants.take();
  wants.claim("c");
  wanted.giveBack();
  const next = wants.take();
  assert.deepEqual(CLAIMS.filter((claim) => next.has(claim, () => false)), ["a", "c"]);
  for (const ask of ["all", "due"] as const) {
    assert.equal(wants.isEmpty, true);
    wants[ask]();
    wants.take().giveBack();
    const again = wants.take();
    assert.deepEqual([again.all, again.has("b", () => true)], [ask === "all", true]);
  }
});
