import assert from "node:assert/strict";
import type { JsonPatchOperation } from "../../crds/types.ts";
import { applyOperation, PatchError } from "./json_patch.ts";
import type { JsonObject } from "./json.ts";

/** [document, operation, document after it; undefined where it does not fit]: RFC 6902, appendix A, and its edges. */
const CASES: readonly [JsonObject, JsonPatchOperation, JsonObject | undefined][] = [
  [{ foo: "bar" }, { op: "add", path: "/baz", value: "qux" }, { foo: "bar", baz: "qux" }],
  [{ foo: "bar" }, { op: "add", path: "/foo", value: 1 }, { foo: 1 }],
  [{ l: ["a", "b"] }, { op: "add", path: "/l/1", value: "x" }, { l: ["a", "x", "b"] }],
  [{ l: ["a"] }, { op: "add", path: "/l/1", value: "x" }, { l: ["a", "x"] }],
  [{ l: ["a"] }, { op: "add", path: "/l/-", value: ["x"] }, { l: ["a", ["x"]] }],
  [{ l: ["a"] }, { op: "add", path: "/l/2", value: "x" }, undefined],
  [{ l: ["a"] }, { op: "add", path: "/l/01", value: "x" }, undefined],
  [{ l: ["a"] }, { op: "add", path: "/l/x", value: "x" }, undefined],
  [{ foo: "bar" }, { op: "add", path: "/a/b", value: 1 }, undefined],
  [{ foo: "bar" }, { op: "add", path: "/foo/b", value: 1 }, undefined],
  [{ foo: null }, { op: "add", path: "/foo/b", value: 1 }, undefined],
  [{}, { op: "add", path: "", value: {} }, undefined],
  [{ a: {} }, { op: "add", path: "/a/constructor", value: 1 }, { a: { constructor: 1 } }],
  [{ a: 1, b: 2 }, { op: "remove", path: "/a" }, { b: 2 }],
  [{ a: null }, { op: "remove", path: "/a" }, {}],
  [{ l: [1, 2, 3] }, { op: "remove", path: "/l/1" }, { l: [1, 3] }],
  [{ l: [1] }, { op: "remove", path: "/l/1" }, undefined],
  [{ l: [1] }, { op: "remove", path: "/l/-" }, undefined],
  [{ l: [1] }, { op: "remove", path: "/l/length" }, undefined],
  [{ a: {} }, { op: "remove", path: "/a/toString" }, undefined],
  [{ a: 1 }, { op: "remove", path: "/b" }, undefined],
  [{ a: 1 }, { op: "replace", path: "/a", value: { b: 2 } }, { a: { b: 2 } }],
  [{ l: [1, 2, 3] }, { op: "replace", path: "/l/0", value: 9 }, { l: [9, 2, 3] }],
  [{ l: [1, 2] }, { op: "replace", path: "/l/-", value: 9 }, undefined],
  [{ l: [1, 2] }, { op: "replace", path: "/l/01", value: 9 }, undefined],
  [{ a: 1 }, { op: "replace", path: "/b", value: 9 }, undefined],
  [{ a: { b: 1 }, c: {} }, { op: "move", from: "/a/b", path: "/c/d" }, { a: {}, c: { d: 1 } }],
  [{ l: [1, 2, 3] }, { op: "move", from: "/l/0", path: "/l/2" }, { l: [2, 3, 1] }],
  [{ a: { b: 1 } }, { op: "move", from: "/a", path: "/a/b" }, undefined],
  [{ a: 1 }, { op: "move", from: "/b", path: "/c" }, undefined],
  [{ a: 1, l: [] }, { op: "copy", from: "/a", path: "/l/0" }, { a: 1, l: [1] }],
  [{ a: 1, l: [] }, { op: "copy", from: "/a", path: "/l/9" }, undefined],
  [{ a: 1 }, { op: "copy", from: "/b", path: "/c" }, undefined],
  [{ a: { x: 1, y: [2] } }, { op: "test", path: "/a", value: { y: [2], x: 1 } }, { a: { x: 1, y: [2] } }],
  [{ a: "1" }, { op: "test", path: "/a", value: 1 }, undefined],
  [{ l: [1, 2] }, { op: "test", path: "/l", value: [2, 1] }, undefined],
  [{}, { op: "test", path: "/a", value: null }, undefined],
  [{ "a/b": 1, "m~n": 2 }, { op: "test", path: "/a~1b", value: 1 }, { "a/b": 1, "m~n": 2 }],
  [{ "a/b": 1, "m~n": 2 }, { op: "remove", path: "/m~0n" }, { "a/b": 1 }],
];

for (const [document, operation, expected] of CASES) {
  const { op, path, from } = operation;
  Deno.test(`${op} ${from ?? ""} ${path} of ${JSON.stringify(document)}: ${JSON.stringify(expected) ?? "no"}`, () => {
    const patched = structuredClone(document);
    if (expected === undefined) assert.throws(() => applyOperation(patched, operation), PatchError);
    else {
      applyOperation(patched, operation);
      assert.deepEqual(patched, expected);
    }
  });
}

Deno.test("what is added or copied is nobody else's", () => {
  const value = { list: [1] };
  const document: JsonObject = {};
  applyOperation(document, { op: "add", path: "/a", value });
  applyOperation(document, { op: "copy", from: "/a", path: "/b" });
  applyOperation(document, { op: "add", path: "/a/list/-", value: 2 });
  assert.deepEqual([value, document.b], [{ list: [1] }, { list: [1] }]);
});

Deno.test("copies of copies end before they fill the memory", () => {
  const document: JsonObject = { a: "x".repeat(1_000) };
  assert.throws(() => {
    for (let times = 0; times < 40; times++) applyOperation(document, { op: "copy", from: "", path: `/copy-${times}` });
  }, PatchError);
  assert.ok(JSON.stringify(document).length < 10 * 1024 * 1024);
});
