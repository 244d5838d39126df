/**
 * The label by which a user decides how much of a workload runs in DR.
 *
 * @module
 */

import { SCALE_OVERRIDE } from "../../crds/keys.ts";
import type { Draft } from "./context.ts";

/** `asSource`: the source's own count. A number: that many replicas. */
export type Wanted = number | "asSource";

/**
 * What should run of this draft. The label wins over `scaleToZero`: a whole number means that many replicas, any other
 * value the source's count.
 */
export function wantedReplicas(draft: Draft): Wanted {
  const label = draft.object.metadata.labels[SCALE_OVERRIDE];
  if (label === undefined) return draft.context.scaleToZero ? 0 : "asSource";
  return countIn(label) ?? "asSource";
}

/** Whether a label value asks for no replica at all. */
export function runsNothing(label: string): boolean {
  return countIn(label) === 0;
}

function countIn(label: string): number | undefined {
  return /^\d{1,9}$/.test(label) ? Number(label) : undefined;
}
