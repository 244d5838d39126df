/**
 * What the DR copy of a source object should be: a chain of pure functions, without I/O.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { adapt } from "./adapt.ts";
import type { Desired, DesiredContext } from "./context.ts";
import { reportMentions } from "./namespace_names.ts";
import { override } from "./override.ts";
import { quiesce } from "./quiesce.ts";
import { sanitize } from "./sanitize.ts";
import { findSkip } from "./skip.ts";
import { stamp } from "./stamp.ts";

export type { Desired, DesiredContext, KindAdaptation, Mappings, Report, Skip, SkipReason, Wanted } from "./context.ts";

/**
 * The copy of `source` in the destination namespace, with its hash, or why there is none. The source is as a server
 * returned it, managedFields included (they tell which Service ports the user chose); it is not changed. An object that
 * is being deleted has a copy until it is gone.
 */
export function desired(source: KubeObject, context: DesiredContext): Desired {
  const skipped = findSkip(source, context);
  if (skipped !== undefined) return skipped;
  const draft = adapt(sanitize(source, context));
  const invalid = override(draft);
  if (invalid !== undefined) return invalid;
  reportMentions(draft);
  // After the overrides: none of them undoes what keeps a standby quiet.
  quiesce(draft);
  const { object, hash } = stamp(draft, {
    apiVersion: context.targetApiVersion,
    name: source.metadata.name,
    namespace: context.destinationNamespace,
  });
  return { kind: "object", object, hash, reports: draft.reports, used: draft.used };
}
