/**
 * Objects that have no copy.
 *
 * @module
 */

import { COMPONENT, IGNORE } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { type DesiredContext, type Skip, skip, type SkipReason } from "./context.ts";
import { mirroredKind } from "./kinds.ts";
import { controllerOf, skipOwned } from "./owners.ts";
import { ruleFor } from "./rules.ts";
import { findDeselected } from "./selected.ts";

/** Why `source` has no copy, or undefined when it has one. What the user says comes first, then what the kind says. */
export function findSkip(source: KubeObject, context: DesiredContext): Skip | undefined {
  const labels = source.metadata.labels;
  if (labels?.[COMPONENT] !== undefined) return skip(source, "Component", "it is part of dr-syncer");
  if (labels?.[IGNORE] === "true") return skip(source, "Ignored", `it has the label ${IGNORE}`);
  const deselected = findDeselected(source, context.adaptation);
  if (deselected !== undefined) return deselected;
  if (context.type.kind === "Pod" && context.type.group === "") return skipPod(source);
  const kind = mirroredKind(context.type);
  if (!kind.mirrored) return { kind: "skip", reason: "ExcludedKind", message: kind.message };
  return ruleFor(context.type).skip?.(source, context) ?? skipOwned(source);
}

/**
 * Whether an object has come to its end by itself, so that its copy goes although nobody has deleted or deselected anything. Only what
 * its own controller writes for good is an end: a label, a selector or an owner may be a slip that hits thousands of objects.
 */
export function isEnd(reason: SkipReason | undefined): boolean {
  return reason === "FinishedJob";
}

function skipPod(source: KubeObject): Skip {
  const owner = controllerOf(source.metadata);
  if (owner !== undefined) {
    return skip(source, "OwnedByWorkload", `${owner.kind} ${owner.name} starts its own in DR`);
  }
  return skip(source, "UnownedPod", "no workload owns it, so nothing will start it in DR");
}
