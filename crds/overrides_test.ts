import assert from "node:assert/strict";
import { parsePointer } from "./json_pointer.ts";
import { overrideProblems } from "./overrides.ts";
import type { JsonPatchOperation, Replication } from "./types.ts";

function problemsOf(operation: JsonPatchOperation) {
  const override = { name: "web", match: { kind: "*" }, jsonPatch: [operation] };
  return overrideProblems({ spec: { overrides: [override] } } as unknown as Replication);
}

Deno.test("pointers are unescaped once, in the right order", () => {
  assert.deepEqual(parsePointer(""), []);
  assert.deepEqual(parsePointer("/a~1b/~01/"), ["a/b", "~1", ""]);
  assert.equal(parsePointer("a/b"), undefined);
  assert.equal(parsePointer("/a~2"), undefined);
  assert.equal(parsePointer("/a~"), undefined);
});

const FREE = [
  "/spec/replicas",
  "/data/password",
  "/spec/template/metadata/name",
  "/metadata/labels/app",
  "/metadata/annotations/example.com~1note",
  "/metadata/annotations/dr-syncer.io.example.com~1x",
];

const FIXED = [
  "",
  "/apiVersion",
  "/kind",
  "/status",
  "/status/phase",
  "/metadata",
  "/metadata/name",
  "/metadata/namespace",
  "/metadata/uid",
  "/metadata/ownerReferences/-",
  "/metadata/labels",
  "/metadata/annotations",
  "/metadata/labels/dr-syncer.io~1managed-by",
  "/metadata/annotations/dr-syncer.io~1origin",
  "/metadata/labels/dr-syncer.io~1scale-override",
  "/spec/template/spec/nodeSelector/dr-syncer.io~1standby",
];

for (const path of FREE) {
  Deno.test(`an override may change ${path}`, () => {
    for (const op of ["add", "replace"] as const) assert.deepEqual(problemsOf({ op, path, value: "x" }), []);
    assert.deepEqual(problemsOf({ op: "remove", path }), []);
    assert.deepEqual(problemsOf({ op: "move", from: path, path: "/spec/x" }), []);
  });
}

for (const path of FIXED) {
  Deno.test(`an override may not change "${path}", but test it and copy it`, () => {
    const fields = (operation: JsonPatchOperation) => problemsOf(operation).map(({ field }) => field);
    const field = "spec.overrides[web].jsonPatch[0].path";
    for (const op of ["add", "replace"] as const) assert.deepEqual(fields({ op, path, value: "x" }), [field]);
    assert.deepEqual(fields({ op: "remove", path }), [field]);
    assert.deepEqual(fields({ op: "copy", from: "/spec/x", path }), [field]);
    assert.deepEqual(fields({ op: "move", from: "/spec/x", path }), [field]);
    assert.deepEqual(fields({ op: "move", from: path, path: "/spec/x" }), ["spec.overrides[web].jsonPatch[0].from"]);
    assert.deepEqual(fields({ op: "test", path, value: "x" }), []);
    assert.deepEqual(fields({ op: "copy", from: path, path: "/spec/x" }), []);
  });
}

/** [operation, field that is wrong] */
const MALFORMED: readonly [JsonPatchOperation, string][] = [
  [{ op: "add", path: "/spec/x" }, "value"],
  [{ op: "replace", path: "/spec/x" }, "value"],
  [{ op: "test", path: "/spec/x" }, "value"],
  [{ op: "move", path: "/spec/x" }, "from"],
  [{ op: "copy", path: "/spec/x" }, "from"],
  [{ op: "remove", path: "spec/x" }, "path"],
  [{ op: "copy", from: "/spec/~x", path: "/spec/x" }, "from"],
  [{ op: "add", path: "/metadata/labels/tier", value: 1 }, "value"],
  [{ op: "add", path: "/metadata/annotations/a", value: null }, "value"],
];

for (const [operation, field] of MALFORMED) {
  Deno.test(`${JSON.stringify(operation)} can never be carried out: ${field}`, () => {
    assert.deepEqual(problemsOf(operation).map((problem) => problem.field), [
      `spec.overrides[web].jsonPatch[0].${field}`,
    ]);
  });
}

Deno.test("a null is a value, and a malformed selector is told", () => {
  assert.deepEqual(problemsOf({ op: "add", path: "/spec/x", value: null }), []);
  const labelSelector = { matchLabels: { "-": "" } };
  const overrides = [{ name: "a", match: { kind: "*", labelSelector }, jsonPatch: [] }];
  const problems = overrideProblems({ spec: { overrides } } as unknown as Replication);
  assert.deepEqual(problems.map(({ field }) => field), ["spec.overrides[a].match.labelSelector.matchLabels"]);
});
