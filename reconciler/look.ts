/**
 * A look at the live copy: whether it is ours, as it should be, or what is to be done with it.
 *
 * @module
 */
import { COMPONENT, DESIRED_HASH } from "../crds/keys.ts";
import type { KubeObject } from "../kube/types.ts";
import { covers, differenceOf, firstDifference } from "./desired/compare.ts";
import type { Wanted } from "./desired/desired.ts";
import { ownedBy } from "./desired/ownership.ts";
import { controllerOf } from "./desired/owners.ts";
import { ruleFor } from "./desired/rules.ts";
import { settle } from "./desired_copy.ts";
import { isAsMade } from "./desired/service_account.ts";
import { truceMs } from "./dispute.ts";
import { type Entry, markOf } from "./memory.ts";
import { type Attempt, fenced, readCopy } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { isReleasedCopy, reclaimCopy } from "./reclaim.ts";
import { unmarkOrphaned } from "./retire.ts";

/** What a look calls for. */
export type Look =
  /** Nothing is to be written. */
  | { readonly type: "Done"; readonly outcome: Outcome }
  /** `want` is what can be written over it; `drift` is the digest of what somebody else changed, when that is why. */
  | { readonly type: "Write"; readonly want: Wanted; readonly drift?: string }
  /** Somebody else changed it, or DR never took it as it was written. */
  | { readonly type: "Drifted"; readonly want: Wanted; readonly difference: string; readonly path: string }
  /** Nobody's object is in the way, and may become the copy. */
  | { readonly type: "Adopt"; readonly live: KubeObject }
  /** No write can make this copy what it should be. */
  | { readonly type: "Replace"; readonly field: string };

/** Looks at the live copy, and notes what is known of it. Throws `KubeError`. */
export async function lookAtCopy(attempt: Attempt): Promise<Look> {
  const { kind, name, entry, context } = attempt;
  let live = await readCopy(kind, name, context);
  if (live !== undefined && isReleasedCopy(live.metadata, context, name)) {
    // As with an adoption, no precondition of the call stands for the fence.
    await context.fence.recheck();
    if (!context.mayWrite()) return done(fenced(context));
    live = await reclaimCopy(attempt, live);
  }
  if (live === undefined) {
    context.memory.setCopy(entry, undefined);
    entry.kept = undefined;
    return { type: "Write", want: attempt.want };
  }
  const { replicationId, sourceClusterId, sourceNamespace } = context.identity;
  const ownership = ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, name);
  if (ownership !== "ours") {
    context.memory.setCopy(entry, undefined);
    return lookAtOther(attempt, live, ownership === "unmanaged");
  }
  context.memory.setCopy(entry, markOf(live.metadata));
  if (entry.copy?.controller !== undefined) {
    return left("OwnedByDR", `${entry.copy.controller} of the DR cluster owns it`);
  }
  if (entry.copy?.orphaned) {
    if (!context.mayWrite()) return done(fenced(context));
    await unmarkOrphaned(kind, name, entry.copy, entry, context);
  }
  return lookAtOurs(attempt, live);
}

/** An object that is not ours: nobody's may become the copy, if the policy says so. */
function lookAtOther({ kind, sourceController, context }: Attempt, live: KubeObject, isUnmanaged: boolean): Look {
  const owner = controllerOf(live.metadata);
  if (
    isUnmanaged && owner !== undefined && owner.kind === sourceController?.kind && owner.name === sourceController.name
  ) {
    return left("OwnedByDR", `${owner.kind} ${owner.name} makes its own in the DR cluster`);
  }
  const isNobodys = isUnmanaged && owner === undefined && live.metadata.labels?.[COMPONENT] === undefined &&
    live.metadata.deletionTimestamp === undefined;
  const mayAdopt = context.options.conflictPolicy === "Adopt" || isAsMade(kind.source, live);
  if (isNobodys && mayAdopt) return { type: "Adopt", live };
  return done({ type: "Conflict", message: "an object of this name that is not ours exists in the DR namespace" });
}

function lookAtOurs({ kind, want: wanted, entry, context }: Attempt, live: KubeObject): Look {
  const want = settle(wanted, live, kind, entry);
  if (isAsWanted(live, want, entry, context.targetSchema(kind))) return done({ type: "Unchanged" });
  if (entry.copy?.hash !== want.hash) {
    const field = ruleFor(kind.source).stays?.(live, want.object);
    return field === undefined ? { type: "Write", want } : { type: "Replace", field };
  }
  const difference = differenceOf(live, want.object) ?? "";
  // DR did not take it by the schema it had before: try the new one.
  if (entry.remainder?.hash === want.hash && entry.remainder.difference === difference) return { type: "Write", want };
  const path = firstDifference(live, want.object) ?? "";
  if (context.options.driftPolicy === "Report") return { type: "Drifted", want, difference, path };
  if (truceMs(entry.dispute, { hash: want.hash, difference }, context.clock.wallMs()) > 0) {
    return left("OwnedByDR", `somebody in the DR cluster changes ${path} back each time it is put right`);
  }
  return { type: "Write", want, drift: difference };
}

function done(outcome: Outcome): Look {
  return { type: "Done", outcome };
}

function left(reason: "Drifted" | "OwnedByDR", message: string): Look {
  return done({ type: "Left", reason, message });
}

/** Whether a live copy is as it should be, but for what DR is known not to take by the schema it has. */
export function isAsWanted(live: KubeObject, want: Wanted, entry: Entry, schema: string | undefined): boolean {
  if (live.metadata.annotations?.[DESIRED_HASH] !== want.hash) return false;
  if (covers(live, want.object)) return true;
  const { remainder } = entry;
  return remainder?.hash === want.hash && remainder.schema === schema &&
    remainder.difference === differenceOf(live, want.object);
}
