/**
 * Owner references of source objects.
 *
 * @module
 */

import type { KubeObject, ObjectMeta, OwnerReference } from "../../kube/types.ts";
import { type Skip, skip } from "./context.ts";

/** Groups whose kinds make their dependents anew in DR. */
const WORKLOAD_GROUPS: ReadonlySet<string> = new Set(["apps", "batch", "apps.openshift.io"]);
const CORE_WORKLOADS: ReadonlySet<string> = new Set(["ReplicationController", "Pod", "Service"]);
/** Kinds that exist only as part of their controller, whatever that is. */
const DEPENDENT_KINDS: ReadonlySet<string> = new Set(["ReplicaSet", "ReplicationController"]);
/** Kinds that carry data, and are copied without their owner. */
const DATA_KINDS: ReadonlySet<string> = new Set(["PersistentVolumeClaim", "Secret", "ConfigMap"]);

/** The owner with `controller: true`, if any. */
export function controllerOf(meta: ObjectMeta): OwnerReference | undefined {
  return meta.ownerReferences?.find((owner) => owner.controller === true);
}

/**
 * Skips what a built-in workload makes anew in DR (without its owner a ReplicaSet would run on its own there). Claims,
 * Secrets and ConfigMaps are copied whoever owns them, but for the claim of a Pod's ephemeral volume, which lives and
 * dies with its Pod.
 */
export function skipOwned(source: KubeObject): Skip | undefined {
  const owner = controllerOf(source.metadata);
  if (owner === undefined || !isRemade(source.kind, owner)) return undefined;
  return skip(source, "OwnedByWorkload", `${owner.kind} ${owner.name} makes its own in DR`);
}

function isRemade(kind: string, owner: OwnerReference): boolean {
  const group = owner.apiVersion.includes("/") ? owner.apiVersion.slice(0, owner.apiVersion.indexOf("/")) : "";
  if (kind === "PersistentVolumeClaim" && group === "" && owner.kind === "Pod") return true;
  if (DATA_KINDS.has(kind)) return false;
  if (DEPENDENT_KINDS.has(kind)) return true;
  return group === "" ? CORE_WORKLOADS.has(owner.kind) : WORKLOAD_GROUPS.has(group);
}
