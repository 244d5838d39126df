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
import { ruleFor } from "./desired/rules.ts";
import { type Entry, markOf } from "./memory.ts";
import { type Attempt, fenced, readCopy } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { unmarkOrphaned } from "./retire.ts";

/** What a look calls for. */
export type Look =
  /** Nothing is to be written. */
  | { readonly type: "Done"; readonly outcome: Outcome }
  | { readonly type: "Write" }
  /** No write can make this copy what it should be. */
  | { readonly type: "Replace"; readonly field: string };

const WRITE: Look = { type: "Write" };

/** Looks at the live copy, and notes what is known of it. Throws `KubeError`. */
export async function lookAtCopy(attempt: Attempt): Promise<Look> {
  const { kind, name, want, entry, context } = attempt;
  const live = await readCopy(kind, name, context);
  if (live === undefined) {
    context.memory.setCopy(entry, undefined);
    return WRITE;
  }
  const { replicationId, sourceClusterId, sourceNamespace } = context.identity;
  if (ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, name) !== "ours") {
    context.memory.setCopy(entry, undefined);
    return done({ type: "Conflict", message: "an object of this name that is not ours exists in the DR namespace" });
  }
  context.memory.setCopy(entry, markOf(live.metadata));
  if (entry.copy?.orphaned) {
    if (!context.mayWrite()) return done(fenced(context));
    await unmarkOrphaned(kind, name, entry.copy, entry, context);
  }
  if (isAsWanted(live, want, entry, context.targetSchema(kind))) return done({ type: "Unchanged" });
  const field = entry.copy?.hash === want.hash ? undefined : ruleFor(kind.source).stays?.(live, want.object);
  return field === undefined ? WRITE : { type: "Replace", field };
}

function done(outcome: Outcome): Look {
  return { type: "Done", outcome };
}

/** Whether a live copy is as it should be, but for what DR is known not to take by the schema it has. */
export function isAsWanted(live: KubeObject, want: Wanted, entry: Entry, schema: string | undefined): boolean {
  if (live.metadata.annotations?.[DESIRED_HASH] !== want.hash) return false;
  if (covers(live, want.object)) return true;
  const { remainder } = entry;
  return remainder?.hash === want.hash && remainder.schema === schema &&
    remainder.difference === differenceOf(live, want.object);
}
