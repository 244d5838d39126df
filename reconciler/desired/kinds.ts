/**
 * Which kinds are mirrored, and in which order a full pass writes them.
 *
 * @module
 */

import { GROUP } from "../../crds/keys.ts";
import { groupResource, type ResourceType } from "../../kube/types.ts";

/** Why a whole kind is not mirrored. */
export type KindExclusion = "ClusterScoped" | "OwnKind" | "MissingVerbs" | "ExcludedKind" | "Pod";

/** Whether a kind is mirrored; `tier` orders a full pass, low before high, deletes the other way. */
export type MirroredKind =
  | { readonly mirrored: true; readonly tier: number }
  | { readonly mirrored: false; readonly reason: KindExclusion; readonly message: string };

/** Kinds that are never mirrored, by `resource.group`, each with the reason shown to users. */
export const ALWAYS_EXCLUDED: Readonly<Record<string, string>> = {
  "pods": "its workload starts it; a Pod without an owner is reported",
  "controllerrevisions.apps": "history that a StatefulSet or DaemonSet keeps itself",
  "events": "tells about the source cluster",
  "events.events.k8s.io": "tells about the source cluster",
  "leases.coordination.k8s.io": "a lock of processes in the source cluster",
  "leasecandidates.coordination.k8s.io": "a lock of processes in the source cluster",
  "podtemplates": "no controller reads it",
  "pods.metrics.k8s.io": "a measurement",
  "csistoragecapacities.storage.k8s.io": "a measurement of the source cluster's storage",
  "resourceclaims.resource.k8s.io": "allocated to devices of the source cluster",
  "volumesnapshots.snapshot.storage.k8s.io": "a copy would take a snapshot of an empty volume",
  "volumegroupsnapshots.groupsnapshot.storage.k8s.io": "a copy would take a snapshot of an empty volume",
  "certificaterequests.cert-manager.io": "one request of the source cluster's cert-manager",
  "orders.acme.cert-manager.io": "one request of the source cluster's cert-manager",
  "challenges.acme.cert-manager.io": "one request of the source cluster's cert-manager",
};

/** Verbs without which a kind cannot be mirrored. */
const NEEDED_VERBS = ["list", "watch", "create", "patch"];

/** Tier of CustomResourceDefinitions in a full pass. */
export const CRD_TIER = 0;
/** Tier of the Namespace itself in a full pass. */
export const NAMESPACE_TIER = 1;
const CUSTOM_RESOURCE_TIER = 10;

const TIERS: Readonly<Record<string, number>> = {
  "resourcequotas": 2,
  "limitranges": 2,
  "roles.rbac.authorization.k8s.io": 3,
  "serviceaccounts": 4,
  "rolebindings.rbac.authorization.k8s.io": 5,
  "secrets": 6,
  "configmaps": 6,
  "persistentvolumeclaims": 7,
  "services": 8,
  // After Services: an endpoint controller removes Endpoints whose Service it cannot find.
  "endpoints": 9,
  "endpointslices.discovery.k8s.io": 9,
  "networkpolicies.networking.k8s.io": 9,
  "replicationcontrollers": 11,
  "deployments.apps": 11,
  "replicasets.apps": 11,
  "statefulsets.apps": 11,
  "daemonsets.apps": 11,
  "jobs.batch": 11,
  "cronjobs.batch": 11,
  "horizontalpodautoscalers.autoscaling": 12,
  "poddisruptionbudgets.policy": 12,
  "scaledobjects.keda.sh": 12,
  "scaledjobs.keda.sh": 12,
  "ingresses.networking.k8s.io": 13,
};

/** Tells whether and when objects of a kind are mirrored. */
export function mirroredKind(type: ResourceType): MirroredKind {
  const id = groupResource(type);
  const exclude = (reason: KindExclusion, why: string): MirroredKind => ({
    mirrored: false,
    reason,
    message: `${id} is not mirrored: ${why}`,
  });
  if (!type.namespaced) return exclude("ClusterScoped", "only namespaced kinds are");
  if (type.group === GROUP) return exclude("OwnKind", "it configures dr-syncer");
  const why = ALWAYS_EXCLUDED[id];
  if (why !== undefined) return exclude(id === "pods" ? "Pod" : "ExcludedKind", why);
  const missing = NEEDED_VERBS.filter((verb) => !type.verbs.includes(verb));
  if (missing.length > 0) return exclude("MissingVerbs", `the API does not offer ${missing.join(", ")}`);
  return { mirrored: true, tier: TIERS[id] ?? CUSTOM_RESOURCE_TIER };
}
