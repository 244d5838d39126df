import assert from "node:assert/strict";
import type { JsonObject } from "../desired/json.ts";
import { withoutLeft } from "./left_fields.ts";

const ports = [{ name: "http", port: 80, protocol: "TCP" }, { name: "admin", port: 81, protocol: "TCP" }];

const CASES: readonly (readonly [string, JsonObject, JsonObject, JsonObject, JsonObject])[] = [
  [
    "a key that is owned and no longer applied goes; one of somebody else stays",
    { data: { a: "1", b: "2", theirs: "3" } },
    { "f:data": { ".": {}, "f:a": {}, "f:b": {} } },
    { data: { a: "1" } },
    { data: { a: "1", theirs: "3" } },
  ],
  [
    "a map whose last key goes, goes too",
    { metadata: { labels: { a: "1" } }, data: { a: "1" } },
    { "f:metadata": { "f:labels": { "f:a": {} } } },
    { metadata: {}, data: { a: "1" } },
    { metadata: {}, data: { a: "1" } },
  ],
  [
    "an item of a list goes with its key",
    { spec: { ports } },
    {
      "f:spec": {
        "f:ports": {
          'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} },
          'k:{"port":81,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} },
        },
      },
    },
    { spec: { ports: [{ name: "http", port: 80 }] } },
    { spec: { ports: [ports[0]] } },
  ],
  [
    "a field of an item goes, the item stays",
    { list: [{ name: "a", old: 1, kept: 2 }] },
    { "f:list": { 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:old": {}, "f:kept": {} } } },
    { list: [{ name: "a", kept: 2 }] },
    { list: [{ name: "a", kept: 2 }] },
  ],
  [
    "a member of a set goes",
    { finalizers: ["a", "b"] },
    { "f:finalizers": { 'v:"a"': {}, 'v:"b"': {} } },
    { finalizers: ["b"] },
    { finalizers: ["b"] },
  ],
  [
    "a list that is one value goes as a whole",
    { args: ["a", "b"], kept: 1 },
    { "f:args": {}, "f:kept": {} },
    { kept: 1 },
    { kept: 1 },
  ],
];

for (const [what, object, owned, applied, expected] of CASES) {
  Deno.test(`without what has left: ${what}`, () => {
    const before = structuredClone(object);
    assert.deepEqual(withoutLeft(object, owned, applied), expected);
    assert.deepEqual(object, before);
  });
}
