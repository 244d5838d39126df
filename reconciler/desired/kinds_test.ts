import assert from "node:assert/strict";
import { ALWAYS_EXCLUDED, CRD_TIER, mirroredKind, NAMESPACE_TIER } from "./kinds.ts";
import { typeOf } from "./testing.ts";

const tierOf = (apiVersion: string, kind: string) => {
  const answer = mirroredKind(typeOf({ apiVersion, kind }));
  assert.ok(answer.mirrored, kind);
  return answer.tier;
};
const reasonOf = (apiVersion: string, kind: string, changes = {}) => {
  const answer = mirroredKind({ ...typeOf({ apiVersion, kind }), ...changes });
  return answer.mirrored ? undefined : answer.reason;
};

Deno.test("a full pass goes from what others need to what needs others", () => {
  const order = [
    CRD_TIER,
    NAMESPACE_TIER,
    tierOf("v1", "ResourceQuota"),
    tierOf("rbac.authorization.k8s.io/v1", "Role"),
    tierOf("v1", "ServiceAccount"),
    tierOf("rbac.authorization.k8s.io/v1", "RoleBinding"),
    tierOf("v1", "Secret"),
    tierOf("v1", "PersistentVolumeClaim"),
    tierOf("v1", "Service"),
    tierOf("networking.k8s.io/v1", "NetworkPolicy"),
    tierOf("example.com/v1", "Widget"),
    tierOf("apps/v1", "Deployment"),
    tierOf("autoscaling/v2", "HorizontalPodAutoscaler"),
    tierOf("networking.k8s.io/v1", "Ingress"),
  ];
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.equal(new Set(order).size, order.length);
  assert.equal(tierOf("v1", "ConfigMap"), tierOf("v1", "Secret"));
  assert.equal(tierOf("v1", "Endpoints"), tierOf("networking.k8s.io/v1", "NetworkPolicy"));
});

Deno.test("kinds that are not mirrored say why", () => {
  assert.equal(reasonOf("v1", "Pod"), "Pod");
  assert.equal(reasonOf("v1", "Namespace"), "ClusterScoped");
  assert.equal(reasonOf("dr-syncer.io/v1alpha1", "Replication"), "OwnKind");
  assert.equal(reasonOf("apps/v1", "ControllerRevision"), "ExcludedKind");
  assert.equal(reasonOf("events.k8s.io/v1", "Event"), "ExcludedKind");
  assert.equal(reasonOf("snapshot.storage.k8s.io/v1", "VolumeSnapshot"), "ExcludedKind");
  assert.equal(reasonOf("acme.cert-manager.io/v1", "Challenge"), "ExcludedKind");
  assert.equal(reasonOf("cert-manager.io/v1", "Certificate"), undefined);
  assert.equal(reasonOf("example.com/v1", "Widget", { verbs: ["get", "list", "create", "patch"] }), "MissingVerbs");
  for (const why of Object.values(ALWAYS_EXCLUDED)) assert.match(why, /^[a-z]/);
});
