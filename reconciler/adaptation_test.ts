import assert from "node:assert/strict";
import { adaptationsOf, ruleNames } from "./adaptation.ts";
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

Deno.test("overrides are those of the kind, in their order", () => {
  const override = (name: string, kind: string) => (
    { name, match: { kind }, jsonPatch: [{ op: "remove" as const, path: "/x" }] }
  );
  const overrides = [override("all", "*"), override("web", "deployments.apps"), override("last", "Deploy")];
  const adaptations = adaptationsOf({ overrides }, discovery);
  assert.deepEqual(adaptations("deployments.apps").overrides?.map(({ name }) => name), ["all", "web", "last"]);
  assert.deepEqual(adaptations("configmaps").overrides?.map(({ name }) => name), ["all"]);
});

Deno.test("the label selector holds for every kind", () => {
  const labelSelector = { matchLabels: { app: "shop" } };
  const adaptations = adaptationsOf({ labelSelector }, discovery);
  for (const kind of ["configmaps", "widgets.example.com"]) {
    assert.deepEqual(adaptations(kind).labelSelector, labelSelector);
  }
});

Deno.test("every rule that changes objects has a name, the field and what tells it from others", () => {
  const names = ruleNames({
    excludeObjects: [{ kind: "cm", name: "x" }],
    imageRewrites: [{ from: "a.example.com", to: "b.example.com" }, { from: "c.example.com", to: "d.example.com" }],
    storageClassMappings: [{ from: "*", to: "standard" }],
    accessModeMappings: [{ from: "ReadWriteMany", to: "ReadWriteOnce" }],
    ingressHostMappings: [{ from: "*.example.com", to: "*.example.org" }],
    overrides: [{ name: "web", match: { kind: "deploy" }, jsonPatch: [{ op: "remove", path: "/spec/x" }] }],
  });
  assert.deepEqual(names, [
    "imageRewrites[0]",
    "imageRewrites[1]",
    "storageClassMappings[*]",
    "accessModeMappings[ReadWriteMany]",
    "ingressHostMappings[*.example.com]",
    "overrides[web]",
  ]);
});
