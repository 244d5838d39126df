/**
 * Objects that the Replication's spec does not select.
 *
 * @module
 */

import { matchesGlob } from "../../crds/glob.ts";
import { matchesLabels } from "../../crds/label_selector.ts";
import type { KubeObject } from "../../kube/types.ts";
import { type KindAdaptation, type Skip, skip } from "./context.ts";

/** Why the spec leaves this object out, or undefined when it does not. */
export function findDeselected(source: KubeObject, adaptation: KindAdaptation | undefined): Skip | undefined {
  const { labelSelector, excludedNames = [] } = adaptation ?? {};
  const pattern = excludedNames.find((name) => matchesGlob(name, source.metadata.name));
  if (pattern !== undefined) return skip(source, "Deselected", `spec.excludeObjects has ${pattern} of its kind`);
  if (labelSelector === undefined || matchesLabels(labelSelector, source.metadata.labels)) return undefined;
  return skip(source, "Deselected", "spec.labelSelector does not match its labels");
}
