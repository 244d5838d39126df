import assert from "node:assert/strict";
import { adaptationsOf } from "./adaptation.ts";
import { discoveryOf, kindOf } from "./testing.ts";

const configMaps = kindOf("configmaps", "ConfigMap", { shortNames: ["cm"] });
const deployments = kindOf("deployments", "Deployment", { group: "apps", shortNames: ["deploy"] });
const widgets = kindOf("widgets", "Widget", { group: "example.com" });
const discovery = discoveryOf([configMaps, deployments, widgets]);

Deno.test("excluded names are those of the kind, in any spelling", () => {
  const excludeObjects = [
    { kind: "CM", name: "cache-*" },
    { kind: "Deployment.apps", name: "debug" },
    { kind: "configmap", name: "local" },
    { kind: "*", name: "tmp-*" },
    { kind: "gizmos", name: "x" },
  ];
  const adaptations = adaptationsOf({ excludeObjects }, discovery);
  assert.deepEqual(adaptations("configmaps").excludedNames, ["cache-*", "local", "tmp-*"]);
  assert.deepEqual(adaptations("deployments.apps").excludedNames, ["debug", "tmp-*"]);
  assert.deepEqual(adaptations("widgets.example.com").excludedNames, ["tmp-*"]);
});

Deno.test("the label selector holds for every kind", () => {
  const labelSelector = { matchLabels: { app: "shop" } };
  const adaptations = adaptationsOf({ labelSelector }, discovery);
  for (const kind of ["configmaps", "widgets.example.com"]) {
    assert.deepEqual(adaptations(kind).labelSelector, labelSelector);
  }
});
