/**
 * What a copy should be, with what the Replication knows beside the object.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";
import { type Desired, desired, type Wanted } from "./desired/desired.ts";
import { podsOf } from "./desired/pods.ts";
import { ruleFor } from "./desired/rules.ts";
import type { MirroredKind } from "./kinds.ts";
import { type Entry, keyOf } from "./memory.ts";
import { desiredContext, type MirrorContext } from "./mirror_context.ts";

/** The copy of a source object; the rules of the spec that it used are noted. */
export function desiredCopy(source: KubeObject, kind: MirroredKind, context: MirrorContext): Desired {
  const want = desired(source, desiredContext(kind, context));
  for (const rule of want.kind === "skip" ? [] : want.used) context.usedRules.add(rule);
  if (want.kind === "object") {
    const pods = podsOf(want.object, kind.source, context.specReplicasPath(kind));
    context.memory.note(keyOf(kind.source, source.metadata.name), pods === 0 ? undefined : { pods });
  }
  return want;
}

/** What can be written over a live copy: less what cannot change in one that exists, which is noted in its entry. */
export function settle(want: Wanted, live: KubeObject, kind: MirroredKind, entry: Entry): Wanted {
  const settled = ruleFor(kind.source).settle?.(want.object, live);
  entry.kept = settled === undefined || settled.reports.length === 0 ? undefined : settled.reports;
  return settled === undefined ? want : { ...want, object: settled.object };
}
