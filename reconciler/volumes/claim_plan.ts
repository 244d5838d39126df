/**
 * Which claims of a namespace take part in a pass, and where the source agent of each has to run: from plain facts.
 *
 * @module
 */
import { IGNORE, MANAGED_BY } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { type JsonObject, objectAt } from "../desired/json.ts";
import type { PodFacts } from "./pod_facts.ts";
import type { VolumeReason } from "./volume_reasons.ts";

/** What is known when a pass begins. */
export interface ClaimFacts {
  /** PersistentVolumeClaims of the source namespace. */
  readonly source: readonly KubeObject[];
  /** Those of the DR namespace. */
  readonly target: readonly KubeObject[];
  readonly sourcePods: readonly PodFacts[];
  readonly targetPods: readonly PodFacts[];
  readonly replicationId: string;
}

/** Where a source agent runs. */
export interface Placement {
  /** The only node that will do; undefined where the scheduler may choose. */
  readonly node?: string;
  readonly tolerations: readonly JsonObject[];
}

/** What is to be done about a claim. */
export type ClaimPlan =
  | {
    readonly kind: "copy";
    readonly claim: string;
    /** uid of the claim in DR. */
    readonly targetUid: string;
    readonly modes: readonly string[];
    readonly placement: Placement;
  }
  /** Nothing, at this moment (`Pending`) or ever (`Unsupported`). */
  | {
    readonly kind: "leave";
    readonly claim: string;
    readonly phase: "Pending" | "Unsupported";
    readonly reason: VolumeReason;
    readonly message: string;
  };

/** Plans every claim of the source that is mirrored, by name. */
export function planClaims(facts: ClaimFacts): ClaimPlan[] {
  const isWanted = ({ metadata }: KubeObject) =>
    metadata.labels?.[IGNORE] !== "true" && metadata.deletionTimestamp === undefined;
  return facts.source.filter(isWanted).map((claim) => planClaim(claim, facts)).filter((plan) => plan !== undefined)
    .sort((a, b) => a.claim < b.claim ? -1 : 1);
}

function planClaim(source: KubeObject, facts: ClaimFacts): ClaimPlan | undefined {
  const claim = source.metadata.name;
  const leave = (phase: "Pending" | "Unsupported", reason: VolumeReason, message: string): ClaimPlan => ({
    kind: "leave",
    claim,
    phase,
    reason,
    message,
  });
  const copy = facts.target.find(({ metadata }) => metadata.name === claim);
  // What the mirror leaves out has no copy and is no matter of ours; so is what is not a copy of this Replication.
  if (copy?.metadata.labels?.[MANAGED_BY] !== facts.replicationId) return undefined;
  const [spec, copySpec] = [objectAt(source, "spec") ?? {}, objectAt(copy, "spec") ?? {}];
  if (spec.volumeMode === "Block" || copySpec.volumeMode === "Block") {
    return leave("Unsupported", "BlockVolume", "its volumeMode is Block: only filesystems are copied");
  }
  if (objectAt(source, "status")?.phase !== "Bound") {
    return leave("Pending", "NotBound", "the claim is not bound in the source: it has no data yet");
  }
  if (copy.metadata.deletionTimestamp !== undefined) {
    return leave("Pending", "TargetDeleted", "the claim in DR is being deleted");
  }
  const intruder = usersOf(claim, facts.targetPods)[0];
  if (intruder !== undefined) {
    return leave("Pending", "TargetInUse", `Pod ${intruder.name} uses the claim in DR: nothing is written under it`);
  }
  const modes = Array.isArray(spec.accessModes) ? spec.accessModes.map(String) : [];
  const users = usersOf(claim, facts.sourcePods);
  if (isExclusive(modes) && users[0] !== undefined) {
    const message = `Pod ${users[0].name} uses the claim, whose access mode allows no second Pod: it is copied when ` +
      "nothing uses it";
    return leave("Pending", "ExclusiveClaim", message);
  }
  return { kind: "copy", claim, targetUid: copy.metadata.uid ?? "", modes, placement: placementOf(users) };
}

/** On the node of a Pod that uses the volume: it may be attached nowhere else. */
function placementOf(users: readonly PodFacts[]): Placement {
  const user = users.find(({ node }) => node !== undefined);
  return user === undefined ? { tolerations: [] } : { node: user.node, tolerations: user.tolerations };
}

/** Pods, agents aside, that hold a claim or are about to. */
export function usersOf(claim: string, pods: readonly PodFacts[]): PodFacts[] {
  return pods.filter((pod) => !pod.isOurs && !pod.isOver && pod.claims.includes(claim));
}

/** Why an agent on `node` stands in the way of a Pod that uses the volume; undefined when it does not. */
export function inTheWay(
  claim: string,
  modes: readonly string[],
  node: string | undefined,
  pods: readonly PodFacts[],
): string | undefined {
  if (!isExclusive(modes) && modes.some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany")) {
    return undefined;
  }
  const users = usersOf(claim, pods);
  const other = users.find((user) => isExclusive(modes) || user.node !== node);
  return other === undefined ? undefined : `Pod ${other.name} needs the volume on ${other.node ?? "any node"}`;
}

function isExclusive(modes: readonly string[]): boolean {
  return modes.includes("ReadWriteOncePod");
}
