/**
 * What a copy should be, with what the Replication knows beside the object.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";
import { type Desired, desired, type Wanted } from "./desired/desired.ts";
import { classesOf } from "./desired/classes.ts";
import { podsOf } from "./desired/pods.ts";
import { ruleFor } from "./desired/rules.ts";
import type { MirroredKind } from "./kinds.ts";
import { type Entry, keyOf } from "./memory.ts";
import { desiredContext, type MirrorContext } from "./mirror_context.ts";

/** The copy of a source object; the rules of the spec that it used are noted. */
export function desiredCopy(source: KubeObject, kind: MirroredKind, context: MirrorContext): Desired {
  const want = desired(source, desiredContext(kind, context));
  for (const rule of want.kind === "skip" ? [] : want.used) context.usedRules.add(rule);
  // Of a copy that keeps something, only the look at it tells what it holds.
  const isKept = context.memory.get(keyOf(kind.source, source.metadata.name))?.kept !== undefined;
  if (want.kind === "object" && !isKept) noteCopy(want.object, kind, context);
  return want;
}

/** Notes what of the copy matters for the standby as a whole. */
export function noteCopy(copy: KubeObject, kind: MirroredKind, context: MirrorContext): void {
  context.memory.note(keyOf(kind.source, copy.metadata.name), {
    pods: podsOf(copy, kind.source, kind.specReplicasPath),
    classes: classesOf(copy, kind.source),
  });
}

/** What can be written over a live copy: less what cannot change in one that exists, which is noted in its entry. */
export function settle(
  want: Wanted,
  live: KubeObject,
  kind: MirroredKind,
  entry: Entry,
  context: MirrorContext,
): Wanted {
  const settled = ruleFor(kind.source).settle?.(want.object, live);
  entry.kept = settled === undefined || settled.reports.length === 0 ? undefined : settled.reports;
  if (settled !== undefined) noteCopy(settled.object, kind, context);
  return settled === undefined ? want : { ...want, object: settled.object };
}
