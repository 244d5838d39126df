/**
 * What a Replication asks for, in the terms of the mirror: the same for who mirrors and for who plans.
 *
 * @module
 */
import { parseDurationMs } from "../crds/duration.ts";
import { APPROVE } from "../crds/keys.ts";
import { replicationId } from "../crds/replication_id.ts";
import type { AnyReplication, RemoteCluster, Replication } from "../crds/types.ts";
import { destinationNamespaceOf, resourceTypesOf } from "../crds/validate.ts";
import type { DeletionPolicy, DeletionWindow } from "./deletes.ts";
import type { MirrorIdentity, MirrorOptions } from "./mirror_context.ts";
import { Selection } from "./selection.ts";

/** Who mirrors what to where. */
export function identityOf(
  replication: Replication,
  { source, target }: { readonly source: { clusterId: string }; readonly target: { clusterId: string } },
): MirrorIdentity {
  const ends = {
    sourceClusterId: source.clusterId,
    destinationClusterId: target.clusterId,
    sourceNamespace: replication.spec.sourceNamespace,
    destinationNamespace: destinationNamespaceOf(replication),
  };
  return { ...ends, replicationId: replicationId(ends) };
}

/** What shapes copies and deletes; `trackingKeys` are the controller's. */
export function mirrorOptionsOf(spec: Replication["spec"], trackingKeys: readonly string[]): MirrorOptions {
  return {
    scaleToZero: spec.scaleToZero,
    rbacObjects: spec.rbacObjects,
    helmReleases: spec.helmReleases,
    trackingKeys,
    crds: spec.crds,
    deletion: deletionPolicyOf(spec.deletion),
    conflictPolicy: spec.conflictPolicy,
    driftPolicy: spec.driftPolicy,
    immutableFieldPolicy: spec.immutableFieldPolicy,
  };
}

/** The kinds it selects; `remote` is its RemoteCluster, which may have defaults. */
export function selectionOf(replication: Replication, remote: RemoteCluster | undefined): Selection {
  return new Selection(resourceTypesOf(replication, remote), replication.spec.excludeResourceTypes ?? []);
}

/** The deletion window as the status kept it. */
export function deletionWindowOf({ status }: AnyReplication, nowWallMs: number): DeletionWindow {
  const startWallMs = Date.parse(status?.deletions?.windowStart ?? "");
  return {
    startWallMs: Number.isNaN(startWallMs) ? nowWallMs : startWallMs,
    count: status?.deletions?.count ?? 0,
  };
}

/** Ids of the holds that a person has approved. */
export function approvalsOf({ metadata }: AnyReplication): ReadonlySet<string> {
  const ids = (metadata.annotations?.[APPROVE] ?? "").split(",").map((id) => id.trim());
  return new Set(ids.filter((id) => id !== ""));
}

/** `spec.deletion`, parsed. */
export function deletionPolicyOf(spec: Replication["spec"]["deletion"]): DeletionPolicy {
  const { count, percent, window } = spec.budget;
  return {
    policy: spec.policy,
    graceMs: parseDurationMs(spec.grace),
    budget: { count, percent, windowMs: parseDurationMs(window) },
  };
}
