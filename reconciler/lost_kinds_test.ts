import assert from "node:assert/strict";
import { kindsOfDrAlone } from "./lost_kinds.ts";
import { discoveryOf, kindOf } from "./testing.ts";

Deno.test("copies are looked for of mirrored kinds that are not followed, and not of those that may be unknown only", () => {
  const target = discoveryOf([
    kindOf("configmaps", "ConfigMap"),
    kindOf("pods", "Pod"),
    kindOf("nodes", "Node", { namespaced: false }),
    kindOf("widgets", "Widget", { group: "example.com" }),
    kindOf("gadgets", "Gadget", { group: "away.example.com" }),
  ]);
  const found = kindsOfDrAlone(target, new Set(["configmaps"]), ["away.example.com"]);
  assert.deepEqual(found.map(({ resource }) => resource), ["widgets"]);
});
