import assert from "node:assert/strict";
import { SECRETS } from "../builtin_types.ts";
import { fieldChanges } from "./field_changes.ts";
import { showValuesOf } from "./secret_values.ts";

const KEY = new Uint8Array(32).fill(7);
const HMAC = /^hmac:[0-9a-f]{16}$/;

Deno.test("everything of a Secret that may hold its values is shown as an HMAC", () => {
  const show = showValuesOf(SECRETS, KEY);
  const paths = [
    ["data", "password"],
    ["stringData", "password"],
    ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"],
    ["metadata", "annotations", "dr-syncer.io/desired-hash"],
    ["extra"],
  ];
  for (const path of paths) assert.match(String(show("aHVudGVyMg==", path)), HMAC, path.join("."));
  assert.match(String(show({ nested: "hunter2" }, ["data"])), HMAC);
});

Deno.test("the same bytes look the same in data and stringData, and otherwise in another run", () => {
  const show = showValuesOf(SECRETS, KEY);
  assert.equal(show(btoa("hunter2"), ["data", "a"]), show("hunter2", ["stringData", "b"]));
  assert.notEqual(show("hunter2", ["stringData", "a"]), show("hunter3", ["stringData", "a"]));
  const other = showValuesOf(SECRETS, new Uint8Array(32).fill(8));
  assert.notEqual(show("hunter2", ["stringData", "a"]), other("hunter2", ["stringData", "a"]));
});

Deno.test("type, labels and our own annotations of a Secret are no secret; nor is any other kind", () => {
  const show = showValuesOf(SECRETS, KEY);
  assert.equal(show("Opaque", ["type"]), "Opaque");
  assert.equal(show("web", ["metadata", "labels", "app"]), "web");
  assert.equal(show("{}", ["metadata", "annotations", "dr-syncer.io/origin"]), "{}");
  const maps = showValuesOf({ ...SECRETS, resource: "configmaps" }, KEY);
  assert.equal(maps("blue", ["data", "color"]), "blue");
  const others = showValuesOf({ ...SECRETS, group: "example.com" }, KEY);
  assert.equal(others("blue", ["data", "color"]), "blue");
});

Deno.test("a Secret that comes whole shows no value", () => {
  const secret = { data: { a: btoa("hunter2") }, stringData: { b: "hunter2" }, type: "Opaque" };
  const text = JSON.stringify(fieldChanges(undefined, secret, showValuesOf(SECRETS, KEY)));
  assert.doesNotMatch(text, /hunter2|aHVudGVyMg/);
});
