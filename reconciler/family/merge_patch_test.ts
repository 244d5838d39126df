import assert from "node:assert/strict";
import * as fc from "fast-check";
import { mergePatch } from "./merge_patch.ts";

type Json = Record<string, unknown>;

/** RFC 7386, section 2. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Json = isObject ? { ...target as Json } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = apply(result[key], value);
  }
  return result;
}

const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: "small" }, fc.integer({ max: 3 }), fc.array(tie("any"), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("any"), { maxKeys: 3, noNullPrototype: true }),
})).object as fc.Arbitrary<Json>;

Deno.test("a merge patch makes the one of the other, and is none between equals", () => {
  fc.assert(fc.property(value, value, (from, to) => {
    const patch = mergePatch(from, to);
    assert.deepEqual(patch === undefined ? from : apply(from, patch), to);
    assert.equal(mergePatch(to, structuredClone(to)), undefined);
  }));
});

Deno.test("it says nothing of what is the same", () => {
  const from = { a: 1, b: { c: [1], d: 2 }, e: 3 };
  assert.deepEqual(mergePatch(from, { a: 1, b: { c: [1, 2], d: 2 } }), { b: { c: [1, 2] }, e: null });
});
