import assert from "node:assert/strict";
import { DESIRED_HASH, MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { desiredCrd, isDefinitionOf } from "./crd.ts";
import { desiredNamespace } from "./namespace.ts";
import { ownedBy } from "./ownership.ts";
import { contextFor } from "./testing.ts";

const NAMESPACE: KubeObject = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name: "shop",
    uid: "6a5d5bcc-342b-43ab-a1da-fb05f87f6a1b",
    resourceVersion: "224",
    labels: {
      "kubernetes.io/metadata.name": "shop",
      "pod-security.kubernetes.io/enforce": "baseline",
      "kustomize.toolkit.fluxcd.io/name": "shop",
      team: "shop",
    },
    annotations: {
      "example.com/cost-center": "42",
      "openshift.io/sa.scc.uid-range": "1000/10000",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
  },
  spec: { finalizers: ["kubernetes"] },
  status: { phase: "Active" },
};

Deno.test("a Namespace travels with its labels and annotations, less those of the cluster and of GitOps tools", () => {
  const before = structuredClone(NAMESPACE);
  const copy = desiredNamespace(NAMESPACE, contextFor(NAMESPACE, { destinationNamespace: "shop-dr" }));
  assert.deepEqual(NAMESPACE, before);
  const { [ORIGIN]: origin, [DESIRED_HASH]: hash, ...annotations } = copy.metadata.annotations!;
  assert.match(hash!, /^[0-9a-f]{32}$/);
  assert.ok(origin!.includes(NAMESPACE.metadata.uid!));
  assert.deepEqual({ ...copy, metadata: { ...copy.metadata, annotations } }, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: "shop-dr",
      labels: { "pod-security.kubernetes.io/enforce": "baseline", team: "shop", [MANAGED_BY]: "a1b2c3d4e5f6" },
      annotations: { "example.com/cost-center": "42" },
    },
  });
  const { sourceClusterId } = contextFor(NAMESPACE);
  assert.equal(ownedBy(copy.metadata, "a1b2c3d4e5f6", sourceClusterId, "shop", "shop"), "ours");
});

Deno.test("a definition travels without status and the CA of its conversion webhook, and names where it is from", () => {
  const clientConfig = { service: { namespace: "operators", name: "convert", path: "/convert" } };
  const definition = (config: object): KubeObject => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com", labels: {}, annotations: {} },
    spec: {
      group: "example.com",
      conversion: { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"], clientConfig: config } },
    },
  });
  const source = {
    ...definition({ ...clientConfig, caBundle: "Q0E=" }),
    metadata: { name: "widgets.example.com", uid: "1", resourceVersion: "2", managedFields: [], finalizers: ["x"] },
    status: { storedVersions: ["v1"] },
  };
  const copy = desiredCrd(source, "cluster-a");
  assert.deepEqual(copy.spec, definition(clientConfig).spec);
  assert.ok(isDefinitionOf(copy, "cluster-a") && !isDefinitionOf(copy, "cluster-b"));
  assert.ok(!isDefinitionOf(source, "cluster-a"));
});
