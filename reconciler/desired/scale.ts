/**
 * Anything with a scale subresource: replicas of a standby.
 *
 * @module
 */

import { ORIGINAL_REPLICAS } from "../../crds/keys.ts";
import type { DesiredContext, Draft, KindRule } from "./context.ts";
import { ensureObject, objectAt } from "./json.ts";
import { keepOriginal } from "./original.ts";
import { wantedReplicas } from "./scale_override.ts";

const BUILT_IN_PATH = ".spec.replicas";

/** Deployment, ReplicationController, and others whose replicas are in `spec.replicas`. */
export const replicasRule: KindRule = { quiesce: (draft) => setReplicas(draft, BUILT_IN_PATH) };

/** Whether a kind has replicas that can be set. */
export function hasScale(context: DesiredContext): boolean {
  return context.specReplicasPath !== undefined || context.type.subresources.includes("scale");
}

/** Scales any kind that `hasScale`; without a known path only where `spec.replicas` is there, else it is reported. */
export function quiesceScale(draft: Draft): void {
  const path = draft.context.specReplicasPath;
  if (path !== undefined || typeof objectAt(draft.object, "spec")?.replicas === "number") {
    setReplicas(draft, path ?? BUILT_IN_PATH);
  } else if (wantedReplicas(draft) !== "asSource") {
    draft.reports.push({
      reason: "ScalePathUnknown",
      message: `${draft.object.kind} ${draft.object.metadata.name} has a scale subresource, but the field of its ` +
        `replicas is not known: it is not scaled down`,
    });
  }
}

/**
 * Sets the wanted replicas at a path like `.spec.replicas` and notes the source's count, empty when the source leaves it
 * to a default.
 */
export function setReplicas(draft: Draft, path: string): void {
  const wanted = wantedReplicas(draft);
  const keys = path.split(".").filter((key) => key !== "");
  const field = keys.pop();
  if (wanted === "asSource" || field === undefined) return;
  const parent = ensureObject(draft.object, ...keys);
  const original = parent[field];
  keepOriginal(draft, ORIGINAL_REPLICAS, typeof original === "number" ? String(original) : "");
  parent[field] = wanted;
}
