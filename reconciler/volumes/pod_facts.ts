/**
 * What volumes need to know of a Pod.
 *
 * @module
 */
import { COMPONENT } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { isObject, type JsonObject, objectAt, objectsAt } from "../desired/json.ts";

/** A Pod, as far as volumes care. */
export interface PodFacts {
  readonly name: string;
  readonly uid: string;
  /** Part of dr-syncer: an agent. */
  readonly isOurs: boolean;
  /** Its containers have ended for good: it holds no volume. */
  readonly isOver: boolean;
  readonly isReady: boolean;
  /** Undefined while it is not scheduled. */
  readonly node?: string;
  /** Its own address, and its node's. */
  readonly address?: string;
  readonly nodeAddress?: string;
  /** PersistentVolumeClaims that it mounts. */
  readonly claims: readonly string[];
  readonly tolerations: readonly JsonObject[];
  /** Why it does not run (yet), in the words of scheduler or kubelet. */
  readonly trouble?: string;
}

/** Reads a Pod. */
export function podFacts(pod: KubeObject): PodFacts {
  const phase = textAt(pod, "status", "phase");
  const ready = objectsAt(pod, "status", "conditions").find(({ type }) => type === "Ready");
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? "",
    isOurs: pod.metadata.labels?.[COMPONENT] !== undefined,
    isOver: phase === "Succeeded" || phase === "Failed",
    isReady: ready?.status === "True",
    node: textAt(pod, "spec", "nodeName"),
    address: textAt(pod, "status", "podIP"),
    nodeAddress: textAt(pod, "status", "hostIP"),
    claims: claimsOf(pod),
    tolerations: objectsAt(pod, "spec", "tolerations"),
    trouble: troubleOf(pod, phase),
  };
}

/** Claims of volumes, those of generic ephemeral volumes included: they are called POD-VOLUME. */
function claimsOf(pod: KubeObject): string[] {
  return objectsAt(pod, "spec", "volumes").flatMap((volume) => {
    if (isObject(volume.ephemeral)) return [`${pod.metadata.name}-${String(volume.name)}`];
    const claim = objectAt(volume, "persistentVolumeClaim")?.claimName;
    return typeof claim === "string" ? [claim] : [];
  });
}

function troubleOf(pod: KubeObject, phase: string | undefined): string | undefined {
  const scheduled = objectsAt(pod, "status", "conditions").find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return words(scheduled.reason, scheduled.message);
  const states = objectsAt(pod, "status", "containerStatuses").map((status) => objectAt(status, "state") ?? {});
  for (const state of states) {
    const waiting = objectAt(state, "waiting");
    if (waiting !== undefined && waiting.reason !== "ContainerCreating") return words(waiting.reason, waiting.message);
    const ended = objectAt(state, "terminated");
    if (ended !== undefined) return words(ended.reason, ended.message ?? `exit code ${ended.exitCode}`);
  }
  return phase === "Failed" ? words(objectAt(pod, "status")?.reason, objectAt(pod, "status")?.message) : undefined;
}

function words(reason: unknown, message: unknown): string {
  return [reason, message].filter((text) => typeof text === "string" && text !== "").join(": ").slice(0, 500);
}

function textAt(pod: KubeObject, part: "spec" | "status", field: string): string | undefined {
  const value = objectAt(pod, part)?.[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}
