/**
 * A look at the live copy: whether it is ours, as it should be, or is to be written.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";
import { DESIRED_HASH } from "../crds/keys.ts";
import { covers, differenceOf } from "./desired/compare.ts";
import type { Wanted } from "./desired/desired.ts";
import { ownedBy } from "./desired/ownership.ts";
import type { MirroredKind } from "./kinds.ts";
import { type Entry, markOf } from "./memory.ts";
import { fenced, type MirrorContext, readCopy } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { unmarkOrphaned } from "./retire.ts";

/** Looks at the live copy. Answers an outcome when nothing is to be written, and updates what we know of it. */
export async function lookAtCopy(
  kind: MirroredKind,
  name: string,
  want: Wanted,
  entry: Entry,
  context: MirrorContext,
): Promise<Outcome | undefined> {
  const live = await readCopy(kind, name, context);
  if (live === undefined) {
    context.memory.setCopy(entry, undefined);
    return undefined;
  }
  const { replicationId, sourceClusterId, sourceNamespace } = context.identity;
  if (ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, name) !== "ours") {
    context.memory.setCopy(entry, undefined);
    return { type: "Conflict", message: "an object of this name that is not ours exists in the DR namespace" };
  }
  context.memory.setCopy(entry, markOf(live.metadata));
  if (entry.copy?.orphaned) {
    if (!context.mayWrite()) return fenced(context);
    await unmarkOrphaned(kind, name, entry.copy, entry, context);
  }
  return isAsWanted(live, want, entry, context.targetSchema(kind)) ? { type: "Unchanged" } : undefined;
}

/** Whether a live copy is as it should be, but for what DR is known not to take by the schema it has. */
export function isAsWanted(live: KubeObject, want: Wanted, entry: Entry, schema: string | undefined): boolean {
  if (live.metadata.annotations?.[DESIRED_HASH] !== want.hash) return false;
  if (covers(live, want.object)) return true;
  const { remainder } = entry;
  return remainder?.hash === want.hash && remainder.schema === schema &&
    remainder.difference === differenceOf(live, want.object);
}
