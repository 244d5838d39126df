import assert from "node:assert/strict";
import { type Announced, isShown } from "./announced.ts";
import type { Definition } from "./definition_facts.ts";

const NAME = "widgets.example.com";
const definition: Definition = { established: true, served: ["v1", "v2"], schemas: "own-2" };
const announced: Announced = {
  name: NAME,
  schemasBefore: new Map([["example.com/v1", "a"], ["example.com/v2", "a"]]),
  ownBefore: "own-1",
};

function shown(
  served: readonly string[],
  schemas: Record<string, string>,
  change: { definition?: Definition | null; announced?: Partial<Announced> } = {},
): boolean {
  const catalogue = {
    discovery: { types: [], versions: new Map(served.length === 0 ? [] : [[NAME, served]]), stale: [] },
    schemas: new Map(Object.entries(schemas)),
  };
  const of = change.definition === null ? undefined : change.definition ?? definition;
  return isShown({ ...announced, ...change.announced }, of, catalogue);
}

const NEW = { "example.com/v1": "b", "example.com/v2": "b" };

Deno.test("a definition is shown when discovery has its versions and their schemas are others", () => {
  assert.equal(shown(["v1", "v2"], NEW), true);
  assert.equal(shown(["v2", "v1"], NEW), true);
  assert.equal(shown(["v1"], NEW), false);
  assert.equal(shown([], NEW), false);
  assert.equal(shown(["v1", "v2", "v3"], NEW), false, "one is yet to go");
  assert.equal(shown(["v1", "v2"], { ...NEW, "example.com/v2": "a" }), false);
  assert.equal(shown(["v1", "v2"], { "example.com/v1": "b" }), false);
});

Deno.test("a definition that is not established is not shown", () => {
  assert.equal(shown(["v1", "v2"], NEW, { definition: { ...definition, established: false } }), false);
});

Deno.test("schemas are not waited for where they have not changed, or are not told", () => {
  const old = { "example.com/v1": "a", "example.com/v2": "a" };
  assert.equal(shown(["v1", "v2"], old), false);
  assert.equal(shown(["v1", "v2"], old, { announced: { ownBefore: "own-2" } }), true);
  assert.equal(shown(["v1", "v2"], old, { announced: { ownBefore: undefined } }), false);
  assert.equal(shown(["v1", "v2"], {}), true);
});

Deno.test("a definition that is gone is shown when discovery has nothing of it", () => {
  assert.equal(shown([], NEW, { definition: null }), true);
  assert.equal(shown(["v1"], NEW, { definition: null }), false);
});
