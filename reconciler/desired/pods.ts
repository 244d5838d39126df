/**
 * How many Pods of a copy may run in a standby.
 *
 * @module
 */

import { SCALE_OVERRIDE } from "../../crds/keys.ts";
import { groupResource, type KubeObject, type ResourceType } from "../../kube/types.ts";
import { objectAt } from "./json.ts";
import { ruleFor } from "./rules.ts";
import { runsNothing } from "./scale_override.ts";

/** A count; `any` where it cannot be known beforehand. */
export type Pods = number | "any";

const COUNTED: ReadonlySet<string> = new Set([
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "replicationcontrollers",
]);
/** Defaults of a Deployment's `replicas` and `maxSurge`. */
const ONE_REPLICA = 1;
const QUARTER = "25%";

/**
 * Pods that label `dr-syncer.io/scale-override` lets a copy run although the rest of the standby stands still: its
 * replicas, and what a rolling update starts beside them. Jobs, DaemonSets, and what runs Pods of its own making are not
 * counted in replicas: `any`.
 */
export function podsOf(copy: KubeObject, type: ResourceType, specReplicasPath?: string): Pods {
  const label = copy.metadata.labels?.[SCALE_OVERRIDE];
  if (label === undefined || runsNothing(label)) return 0;
  const name = groupResource(type);
  if (COUNTED.has(name)) return replicasOf(copy);
  const runs = ruleFor(type).quiesce !== undefined || specReplicasPath !== undefined ||
    type.subresources.includes("scale");
  return runs ? "any" : 0;
}

/** All together. */
export function sumOf(pods: Iterable<Pods>): Pods {
  let sum = 0;
  for (const one of pods) {
    if (one === "any") return "any";
    sum += one;
  }
  return sum;
}

function replicasOf(copy: KubeObject): number {
  const spec = objectAt(copy, "spec");
  const replicas = typeof spec?.replicas === "number" ? spec.replicas : ONE_REPLICA;
  return copy.kind === "Deployment" && replicas > 0 ? replicas + surgeOf(copy, replicas) : replicas;
}

function surgeOf(copy: KubeObject, replicas: number): number {
  const strategy = objectAt(copy, "spec", "strategy");
  if (strategy?.type === "Recreate") return 0;
  const surge = objectAt(copy, "spec", "strategy", "rollingUpdate")?.maxSurge ?? QUARTER;
  if (typeof surge === "number") return surge;
  return Math.ceil(replicas * Number.parseInt(String(surge), 10) / 100);
}
