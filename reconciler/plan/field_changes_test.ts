import assert from "node:assert/strict";
import type { PlannedField } from "../../crds/plan.ts";
import { fieldChanges } from "./field_changes.ts";

const asItIs = (value: unknown) => value;

const cases: [what: string, before: unknown, after: unknown, fields: PlannedField[]][] = [
  ["nothing", { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }, []],
  ["a value", { data: { a: "1" } }, { data: { a: "2" } }, [{ path: "data.a", from: "1", to: "2" }]],
  ["a field that comes", { data: {} }, { data: { a: "1" } }, [{ path: "data.a", to: "1" }]],
  ["a field that goes", { data: { a: "1" } }, { data: {} }, [{ path: "data.a", from: "1" }]],
  ["a whole mapping that comes", {}, { data: { a: "1", b: "2" } }, [
    { path: "data.a", to: "1" },
    { path: "data.b", to: "2" },
  ]],
  ["an empty mapping that comes", {}, { spec: {} }, [{ path: "spec", to: {} }]],
  ["a key with dots", { metadata: { labels: {} } }, { metadata: { labels: { "example.com/a": "1" } } }, [
    { path: 'metadata.labels["example.com/a"]', to: "1" },
  ]],
  ["a member of a named list", { c: [{ name: "a", i: 1 }, { name: "b", i: 1 }] }, {
    c: [{ name: "b", i: 2 }, { name: "a", i: 1 }],
  }, [{ path: "c[b].i", from: 1, to: 2 }]],
  ["a named list that grows", { c: [{ name: "a" }] }, { c: [{ name: "a" }, { name: "b", i: 1 }] }, [
    { path: "c[b].i", to: 1 },
    { path: "c[b].name", to: "b" },
  ]],
  ["a list of values", { c: [1, 2] }, { c: [1] }, [{ path: "c", from: [1, 2], to: [1] }]],
  ["a list of objects without names", { r: [{ v: 1 }, { v: 2 }] }, { r: [{ v: 1 }, { v: 3 }] }, [
    { path: "r[1].v", from: 2, to: 3 },
  ]],
  ["two items of one name", { c: [{ name: "a", p: 1 }, { name: "a", p: 2 }] }, {
    c: [{ name: "a", p: 1 }, { name: "a", p: 3 }],
  }, [{ path: "c[1].p", from: 2, to: 3 }]],
  ["null where nothing was", { a: {} }, { a: { b: null } }, [{ path: "a.b", to: null }]],
  ["what the server keeps", { metadata: { resourceVersion: "1", generation: 1 }, status: { a: 1 } }, {
    metadata: { resourceVersion: "2", generation: 2, managedFields: [{}] },
    status: { a: 2 },
  }, []],
  ["a field called status further down", { spec: { status: 1 } }, { spec: { status: 2 } }, [
    { path: "spec.status", from: 1, to: 2 },
  ]],
];

for (const [what, before, after, fields] of cases) {
  Deno.test(`changes of an object: ${what}`, () => assert.deepEqual(fieldChanges(before, after, asItIs), fields));
}

Deno.test("a value is shown as the kind wants it, an absent one is not asked for", () => {
  const shown: unknown[] = [];
  const show = (value: unknown, path: readonly string[]) => {
    shown.push([path.join("/"), value]);
    return "…";
  };
  assert.deepEqual(fieldChanges({ data: { a: "1" } }, { data: { b: "2" } }, show), [
    { path: "data.a", from: "…" },
    { path: "data.b", to: "…" },
  ]);
  assert.deepEqual(shown, [["data/a", "1"], ["data/b", "2"]]);
});
