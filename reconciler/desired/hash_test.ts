import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson, hashOf } from "./hash.ts";

/** The same value with the keys of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, member]) => [key, reversed(member)]));
}

Deno.test("the order of keys does not matter, anything else does", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
    assert.equal(hashOf(one), hashOf(reversed(one)));
    const [left, right] = [JSON.parse(canonicalJson(one)), JSON.parse(canonicalJson(other))];
    assert.equal(hashOf(left) === hashOf(right), canonicalJson(one) === canonicalJson(other));
  }));
});

Deno.test("canonical JSON is JSON of the same value", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(
      JSON.stringify(JSON.parse(canonicalJson(value))),
      JSON.stringify(JSON.parse(canonicalJson(reversed(value)))),
    );
    assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("a hash stays what it is from release to release", () => {
  assert.equal(
    canonicalJson({ b: [1, { z: null, a: "ü" }], a: undefined, A: true }),
    '{"A":true,"b":[1,{"a":"ü","z":null}]}',
  );
  // printf '{"a":1,"b":2}' | sha256sum | cut -c1-32
  assert.equal(hashOf({ b: 2, a: 1 }), "43258cff783fe7036d8a43033f830adf");
});
