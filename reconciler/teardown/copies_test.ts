import assert from "node:assert/strict";
import { MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import { replicationId } from "../../crds/replication_id.ts";
import { groupResource, type ResourceType } from "../../kube/types.ts";
import { formatOrigin } from "../desired/ownership.ts";
import { isProvenCopy, reverseTiers, type TeardownTarget } from "./copies.ts";

const ends = { sourceNamespace: "shop", destinationClusterId: "dr", destinationNamespace: "shop-dr" };
const target: TeardownTarget = { ...ends, replicationId: replicationId({ ...ends, sourceClusterId: "home" }) };

function type(resource: string, group = ""): ResourceType {
  const verbs = ["create", "delete", "get", "list", "patch", "watch"];
  const namespaced = true;
  return {
    group,
    version: "v1",
    resource,
    kind: "",
    singular: "",
    shortNames: [],
    namespaced,
    verbs,
    subresources: [],
  };
}

Deno.test("what depends on others goes before them", () => {
  const types = [
    type("secrets"),
    type("configmaps"),
    type("widgets", "example.com"),
    type("deployments", "apps"),
    type("ingresses", "networking.k8s.io"),
    type("pods"),
  ];
  assert.deepEqual(reverseTiers(types).map((tier) => tier.map(groupResource)), [
    ["ingresses.networking.k8s.io"],
    ["deployments.apps"],
    ["widgets.example.com"],
    ["secrets", "configmaps"],
  ]);
});

const origins: { what: string; label?: string; origin?: string; proven: boolean }[] = [
  { what: "label and origin", proven: true },
  { what: "another label", label: "ffffffffffff", proven: false },
  { what: "the origin of another name", origin: originOf({ name: "b" }), proven: false },
  { what: "the origin of another namespace", origin: originOf({ namespace: "other" }), proven: false },
  { what: "the origin of another cluster", origin: originOf({ cluster: "elsewhere" }), proven: false },
  { what: "an origin that cannot be read", origin: "{", proven: false },
];

for (const { what, label, origin, proven } of origins) {
  Deno.test(`a copy with ${what} is ${proven ? "ours" : "not ours"}, though the source cluster is not known`, () => {
    const labels = { [MANAGED_BY]: label ?? target.replicationId };
    const annotations = { [ORIGIN]: origin ?? originOf({}) };
    assert.equal(isProvenCopy({ name: "a", labels, annotations }, target), proven);
  });
}

function originOf(parts: { cluster?: string; namespace?: string; name?: string }): string {
  return formatOrigin({ cluster: "home", namespace: "shop", name: "a", uid: "u", ...parts });
}
