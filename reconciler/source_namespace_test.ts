import assert from "node:assert/strict";
import { SourceNamespace } from "./source_namespace.ts";
import { kindOf } from "./testing.ts";

Deno.test("the version that was known counts for every kind but those that another server keeps", () => {
  const namespace = new (SourceNamespace as unknown as new () => SourceNamespace)();
  namespace.knownVersion = "4711";
  namespace.foreignGroups = new Set(["metrics.example.com"]);
  assert.equal(namespace.knownVersionOf(kindOf("configmaps", "ConfigMap")), "4711");
  assert.equal(namespace.knownVersionOf(kindOf("widgets", "Widget", { group: "example.com" })), "4711");
  assert.equal(namespace.knownVersionOf(kindOf("meters", "Meter", { group: "metrics.example.com" })), undefined);
});
