/**
 * Types of our kinds, derived from `crds/schema/`.
 *
 * `spec` is what the API server answers: its defaults are applied. Fields we do not know are kept, as in every object.
 *
 * @module
 */
import type { infer as Output, input as Input } from "zod";
import type { KubeObject } from "../kube/types.ts";
import { GROUP } from "./keys.ts";
import type { labelSelector } from "./schema/adaptation.ts";
import type { condition } from "./schema/common.ts";
import type { remoteClusterSpec, remoteClusterStatus } from "./schema/remote_cluster.ts";
import type { replicationSpec, replicationStatus } from "./schema/replication.ts";

/** A condition (metav1.Condition). */
export type Condition = Output<typeof condition>;

type AnySpec = Output<typeof replicationSpec>;
/** `spec` of a Replication of one namespace, with defaults. */
export type ReplicationSpec = Omit<AnySpec, "sourceNamespaceSelector"> & { sourceNamespace: string };
/** `spec` of a Replication of every namespace that a selector finds, with defaults. */
export type FamilySpec = Omit<AnySpec, "sourceNamespace"> & { sourceNamespaceSelector: LabelSelector };
/** `spec` of a Replication as a person writes it, without defaults. */
export type ReplicationSpecInput = Input<typeof replicationSpec>;
/** `status` of a Replication; absent until the controller saw it. */
export type ReplicationStatus = Output<typeof replicationStatus>;

/** `spec` of a RemoteCluster, with defaults. */
export type RemoteClusterSpec = Output<typeof remoteClusterSpec>;
/** `spec` of a RemoteCluster as a person writes it, without defaults. */
export type RemoteClusterSpecInput = Input<typeof remoteClusterSpec>;
/** `status` of a RemoteCluster; absent until the controller saw it. */
export type RemoteClusterStatus = Output<typeof remoteClusterStatus>;

/** A label selector (metav1.LabelSelector). */
export type LabelSelector = Output<typeof labelSelector>;

/** Where images come from in DR. */
export type ImageRewrite = NonNullable<ReplicationSpec["imageRewrites"]>[number];

/** What is patched in the copies of some objects. */
export type Override = NonNullable<ReplicationSpec["overrides"]>[number];

/** One operation of a JSON patch (RFC 6902). */
export type JsonPatchOperation = Override["jsonPatch"][number];

/** Something that waits for a person's approval. */
export type Hold = NonNullable<ReplicationStatus["holds"]>[number];
/** A claim whose data is copied. */
export type VolumeStatus = NonNullable<ReplicationStatus["volumes"]>[number];
/** An object that DR refused. */
export type Failure = NonNullable<ReplicationStatus["failures"]>[number];
/** What could not be adapted. */
export type ObjectReport = NonNullable<ReplicationStatus["reports"]>[number];
/** Counts of one kind. */
export type ResourceStatus = NonNullable<ReplicationStatus["resourceStatus"]>[number];
/** Counts over every kind. */
export type SyncStats = NonNullable<ReplicationStatus["syncStats"]>;
/** What a Replication is doing. */
export type Phase = NonNullable<ReplicationStatus["phase"]>;
/** What a DR namespace is. */
export type Role = NonNullable<ReplicationStatus["role"]>;
/** How a RemoteCluster is. */
export type Health = NonNullable<RemoteClusterStatus["health"]>;

/** A Replication of one namespace. */
export interface Replication extends KubeObject {
  kind: "Replication";
  spec: ReplicationSpec;
  status?: ReplicationStatus;
}

/** A Replication with a selector: mirrors nothing itself, but makes and owns a Replication for each namespace. */
export interface ReplicationFamily extends KubeObject {
  kind: "Replication";
  spec: FamilySpec;
  status?: ReplicationStatus;
}

/** A RemoteCluster. */
export interface RemoteCluster extends KubeObject {
  kind: "RemoteCluster";
  spec: RemoteClusterSpec;
  status?: RemoteClusterStatus;
}

/** Whether an object from the API server is a Replication. Looks at the kind only: the server checked the rest. */
export function isReplication(object: KubeObject): object is Replication {
  return object.kind === "Replication" && object.apiVersion.startsWith(`${GROUP}/`);
}

/** A Replication of either sort. */
export type AnyReplication = Replication | ReplicationFamily;

/** Whether a Replication is one of many namespaces. */
export function isFamily(replication: KubeObject): replication is ReplicationFamily {
  return (replication.spec as Partial<FamilySpec> | undefined)?.sourceNamespaceSelector !== undefined;
}

/** Whether a Replication is one of one namespace. */
export function isSingle(replication: KubeObject): replication is Replication {
  return !isFamily(replication);
}

/** Whether an object from the API server is a RemoteCluster. Looks at the kind only: the server checked the rest. */
export function isRemoteCluster(object: KubeObject): object is RemoteCluster {
  return object.kind === "RemoteCluster" && object.apiVersion.startsWith(`${GROUP}/`);
}
