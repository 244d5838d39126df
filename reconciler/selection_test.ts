import assert from "node:assert/strict";
import { Selection } from "./selection.ts";
import { discoveryOf, kindOf } from "./testing.ts";

const configMaps = kindOf("configmaps", "ConfigMap", { shortNames: ["cm"] });
const deployments = kindOf("deployments", "Deployment", { group: "apps", shortNames: ["deploy"] });
const ingresses = kindOf("ingresses", "Ingress", { group: "networking.k8s.io" });

Deno.test("an empty selection means all kinds; spellings are those of kubectl", () => {
  const all = discoveryOf([configMaps, deployments, ingresses]);
  assert.equal(new Selection([], []).resolve(all).selected, "*");
  assert.equal(new Selection(["Deployment", "*"], []).resolve(all).selected, "*");
  const resolved = new Selection(["CM", "deployments.apps", "Ingress.networking.k8s.io"], ["deploy"]).resolve(all);
  assert.deepEqual(resolved.selected, new Set(["configmaps", "deployments.apps", "ingresses.networking.k8s.io"]));
  assert.deepEqual(resolved.deselected, new Set(["deployments.apps"]));
  assert.deepEqual(resolved.unknown, []);
});

Deno.test("a name of several groups means all of them; one that nobody has is told", () => {
  const knative = kindOf("deployments", "Deployment", { group: "other.io" });
  const resolved = new Selection(["deployment", "gizmos"], ["gadgets"]).resolve(discoveryOf([deployments, knative]));
  assert.deepEqual(resolved.selected, new Set(["deployments.apps", "deployments.other.io"]));
  assert.deepEqual(resolved.unknown, ["gizmos", "gadgets"]);
});
