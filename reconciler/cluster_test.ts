import assert from "node:assert/strict";
import { resolveTypes } from "../kube/discovery.ts";
import { groupResource } from "../kube/types.ts";
import { keepStale } from "./cluster.ts";
import { discoveryOf, kindOf } from "./testing.ts";

const CONFIG_MAPS = kindOf("configmaps", "ConfigMap");
const WIDGETS = kindOf("widgets", "Widget", { group: "example.com", version: "v2" });
const GADGETS = kindOf("gadgets", "Gadget", { group: "example.com", version: "v2" });
const OTHERS = kindOf("others", "Other", { group: "other.com" });
const BEFORE = discoveryOf([CONFIG_MAPS, WIDGETS, GADGETS, OTHERS], { "widgets.example.com": ["v2", "v1"] });

Deno.test("a group whose discovery is stale keeps its kinds and their versions", () => {
  const now = { ...discoveryOf([CONFIG_MAPS, { ...GADGETS, version: "v3" }]), stale: ["example.com"] };
  const kept = keepStale(now, BEFORE);
  assert.deepEqual(kept.types.map(groupResource), ["configmaps", "gadgets.example.com", "widgets.example.com"]);
  assert.deepEqual(kept.versions.get("widgets.example.com"), ["v2", "v1"]);
  assert.deepEqual(kept.versions.get("gadgets.example.com"), ["v3", "v2"], "what is served now comes first");
  assert.equal(kept.versions.has("others.other.com"), false, "its group is gone, not stale");
  assert.deepEqual(resolveTypes(kept, "widget.v1.example.com").map(groupResource), ["widgets.example.com"]);
});

Deno.test("without a stale group, and at first, what is served now is all there is", () => {
  const now = discoveryOf([CONFIG_MAPS]);
  assert.equal(keepStale(now, BEFORE), now);
  const stale = { ...now, stale: ["example.com"] };
  assert.equal(keepStale(stale, undefined), stale);
});
