import assert from "node:assert/strict";
import { DESIRED_HASH } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { desiredCrd, isDefinitionOf, lostVersion } from "./crd.ts";

/** `v1` is served, `(v1)` is there but not served. */
function definition(versions: string[], stored?: string[]): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com", uid: "u" },
    spec: {
      versions: versions.map((name) => ({ name: name.replace(/[()]/g, ""), served: !name.startsWith("(") })),
    },
    ...(stored === undefined ? {} : { status: { storedVersions: stored } }),
  };
}

const cases: [string, KubeObject, string[], RegExp | undefined][] = [
  ["nothing goes", definition(["v1"], ["v1"]), ["v1"], undefined],
  ["a version comes", definition(["v1beta1"], ["v1beta1"]), ["v1", "v1beta1"], undefined],
  [
    "a stored version goes",
    definition(["v1", "v1beta1"], ["v1beta1", "v1"]),
    ["v1"],
    /no version v1beta1 .*storedVersions/,
  ],
  ["a served version goes", definition(["v1", "v1beta1"], ["v1"]), ["v1"], /not serve version v1beta1/],
  [
    "a version is not served any more",
    definition(["v1", "v1beta1"], ["v1"]),
    ["v1", "(v1beta1)"],
    /not serve version v1beta1/,
  ],
  ["a version that is not served goes", definition(["v1", "(v1alpha1)"], ["v1"]), ["v1"], undefined],
  ["DR has no status yet", definition(["v1"]), ["v1"], undefined],
];

for (const [what, live, wanted, expected] of cases) {
  Deno.test(`what is lost of a definition when ${what}`, () => {
    const lost = lostVersion(live, definition(wanted));
    if (expected === undefined) assert.equal(lost, undefined);
    else assert.match(lost ?? "", expected);
  });
}

Deno.test("a definition is known by its source cluster and name, whatever it holds", () => {
  const copy = desiredCrd(definition(["v1"]), "a");
  assert.ok(isDefinitionOf({ ...copy, spec: {} }, "a"));
  assert.ok(!isDefinitionOf({ ...copy, metadata: { ...copy.metadata, name: "gadgets.example.com" } }, "a"));
  assert.ok(!isDefinitionOf(desiredCrd(copy, "b"), "a"), "a chain names the cluster it comes from last");
});

Deno.test("another source makes another hash", () => {
  const hash = (versions: string[]) => desiredCrd(definition(versions), "a").metadata.annotations?.[DESIRED_HASH];
  assert.equal(hash(["v1"]), hash(["v1"]));
  assert.notEqual(hash(["v1"]), hash(["v1", "v2"]));
});
