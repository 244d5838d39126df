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
import { noteCopy, settle } from "./desired_copy.ts";
import { isAsMade } from "./desired/service_account.ts";
import { truceMs } from "./dispute.ts";
import { changedBy, isOnlyOurs } from "./managers.ts";
import { type Entry, markOf } from "./memory.ts";
import { type Attempt, fenced, readCopy } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { isReleasedCopy, reclaimCopy } from "./reclaim.ts";
import { unmarkOrphaned } from "./retire.ts";

/** What somebody in DR changed of what was written already, when that is why there is to be a write. */
export interface Drift {
  /** See `differenceOf`. */
  readonly difference: string;
  readonly live: KubeObject;
}

/** What a look calls for. */
export type Look =
  /** Nothing is to be written. */
  | { readonly type: "Done"; readonly outcome: Outcome }
  /** `want` is what can be written over it. */
  | { readonly type: "Write"; readonly want: Wanted; readonly drift?: Drift }
  /** Somebody else changed it, or DR never took it as it was written. */
  | { readonly type: "Drifted"; readonly want: Wanted; readonly difference: string; readonly path: string }
  /** Nobody's object is in the way, and may become the copy. */
  | { readonly type: "Adopt"; readonly want: Wanted; readonly live: KubeObject; readonly drift?: Drift }
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
    if (entry.kept !== undefined) noteCopy(attempt.want.object, kind, context);
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
    return lookAtOurs(attempt, await unmarkOrphaned(kind, name, entry.copy, entry, context) ?? live);
  }
  return lookAtOurs(attempt, live);
}

/** An object that is not ours: nobody's may become the copy, if the policy says so. */
function lookAtOther(attempt: Attempt, live: KubeObject, isUnmanaged: boolean): Look {
  const { kind, want, entry, sourceController, context } = attempt;
  const owner = controllerOf(live.metadata);
  if (
    isUnmanaged && owner !== undefined && owner.kind === sourceController?.kind && owner.name === sourceController.name
  ) {
    return left("OwnedByDR", `${owner.kind} ${owner.name} makes its own in the DR cluster`);
  }
  const isNobodys = isUnmanaged && owner === undefined && live.metadata.labels?.[COMPONENT] === undefined &&
    live.metadata.deletionTimestamp === undefined;
  const mayAdopt = context.options.conflictPolicy === "Adopt" || isAsMade(kind.source, live);
  const message = "an object of this name that is not ours exists in the DR namespace";
  if (!isNobodys || !mayAdopt) return done({ type: "Conflict", message });
  const field = ruleFor(kind.source).stays?.(live, want.object);
  if (field !== undefined) return done({ type: "Conflict", message: `${message}, and keeps its ${field} for life` });
  const settled = settle(want, live, kind, entry, context);
  // It was the copy, and lost what shows that.
  const drift = entry.written === want.hash ? driftOf(attempt, live, settled) : undefined;
  return drift?.type === "Done" ? drift : { type: "Adopt", want: settled, live, drift };
}

function lookAtOurs(attempt: Attempt, live: KubeObject): Look {
  const { kind, want: wanted, entry, context } = attempt;
  const want = settle(wanted, live, kind, entry, context);
  if (isAsWanted(live, want, entry, context.targetSchema(kind))) return done({ type: "Unchanged" });
  if (entry.copy?.hash !== want.hash) {
    const field = ruleFor(kind.source).stays?.(live, want.object);
    if (field !== undefined) return { type: "Replace", field };
    // An earlier version of it was put back.
    const drift = entry.written === want.hash ? driftOf(attempt, live, want) : undefined;
    return drift?.type === "Done" ? drift : { type: "Write", want, drift };
  }
  const difference = differenceOf(live, want.object) ?? "";
  // DR did not take it by the schema it had before: try the new one.
  if (entry.remainder?.hash === want.hash && entry.remainder.difference === difference) return { type: "Write", want };
  const path = firstDifference(live, want.object) ?? "";
  // What could not change before may change by now (the request of a claim that is bound): nobody edited it.
  if (ruleFor(kind.source).settle !== undefined && isOnlyOurs(live, path)) return { type: "Write", want };
  if (context.options.driftPolicy === "Report") return { type: "Drifted", want, difference, path };
  const drift = driftOf(attempt, live, want);
  return drift.type === "Done" ? drift : { type: "Write", want, drift };
}

/** What is to be corrected, unless whoever changes it never agrees. */
function driftOf(
  { entry, context }: Attempt,
  live: KubeObject,
  want: Wanted,
): Drift & { type: "Drift" } | Look & { type: "Done" } {
  const difference = differenceOf(live, want.object) ?? "";
  if (truceMs(entry.dispute, { hash: want.hash, difference }, context.clock.wallMs()) === 0) {
    return { type: "Drift", difference, live };
  }
  const path = firstDifference(live, want.object) ?? "";
  const manager = changedBy(live, path);
  const who = manager === undefined ? "somebody" : `field manager ${manager}`;
  return left("OwnedByDR", `${who} in the DR cluster changes ${path} back each time it is put right`);
}

function done(outcome: Outcome): Look & { readonly type: "Done" } {
  return { type: "Done", outcome };
}

function left(reason: "Drifted" | "OwnedByDR", message: string): Look & { readonly type: "Done" } {
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
