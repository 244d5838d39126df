/**
 * What the tests of this folder share: a family, its namespaces and children.
 *
 * @module
 */
import { newChild } from "../../crds/family.ts";
import { replicationSpec } from "../../crds/schema/replication.ts";
import type { FamilySpec, Replication, ReplicationFamily, ReplicationSpecInput } from "../../crds/types.ts";
import type { KubeObject, ObjectMeta } from "../../kube/types.ts";

export const CONTROL = "dr-syncer-system";
/** Labels that the family of these tests selects. */
export const LABELS = { mirror: "yes" };

/** A stored family. */
export function familyOf(
  spec: Partial<ReplicationSpecInput> = {},
  metadata: Partial<ObjectMeta> = {},
): ReplicationFamily {
  const input = { destinationCluster: "dr", sourceNamespaceSelector: { matchLabels: LABELS }, ...spec };
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: "apps", namespace: CONTROL, uid: "parent", ...metadata },
    spec: replicationSpec.parse(input) as FamilySpec,
  };
}

/** A Namespace as its watch shows it; its uid is its name. */
export function namespaceOf(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: name, labels: LABELS, ...metadata } };
}

/** A stored child, as its parent made it. */
export function childOf(family: ReplicationFamily, namespace: string, metadata: Partial<ObjectMeta> = {}): Replication {
  const child = newChild(family, { name: namespace, uid: namespace });
  return { ...child, metadata: { ...child.metadata, uid: `child ${namespace}`, resourceVersion: "1", ...metadata } };
}
