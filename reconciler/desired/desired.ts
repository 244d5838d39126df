/**
 * What the DR copy of a source object should be: a chain of pure functions, without I/O.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import type { Desired, DesiredContext } from "./context.ts";
import { quiesce } from "./quiesce.ts";
import { sanitize } from "./sanitize.ts";
import { findSkip } from "./skip.ts";
import { stamp } from "./stamp.ts";

export type { Desired, DesiredContext, KindAdaptation, Report, Skip, SkipReason, Wanted } from "./context.ts";

/**
 * The copy of `source` in the destination namespace, with its hash, or why there is none. The source is as a server
 * returned it, managedFields included (they tell which Service ports the user chose); it is not changed. An object that
 * is being deleted has a copy until it is gone.
 */
export function desired(source: KubeObject, context: DesiredContext): Desired {
  const skipped = findSkip(source, context);
  if (skipped !== undefined) return skipped;
  const draft = quiesce(sanitize(source, context));
  const { object, hash } = stamp(draft, {
    apiVersion: context.targetApiVersion,
    name: source.metadata.name,
    namespace: context.destinationNamespace,
  });
  return { kind: "object", object, hash, reports: draft.reports };
}
