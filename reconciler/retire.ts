/**
 * A key whose source is gone, or is not mirrored any more: its copy goes, if every guard holds.
 *
 * @module
 */
import { FIELD_MANAGER, ORPHANED_AT } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject } from "../kube/types.ts";
import { type GuardFacts, type GuardVerdict, type Intent, judgeDelete, type NamespaceState } from "./deletes.ts";
import { desired, type SkipReason } from "./desired/desired.ts";
import { ownedBy } from "./desired/ownership.ts";
import { isEnd } from "./desired/skip.ts";
import type { MirroredKind } from "./kinds.ts";
import { desiredContext, type MirrorContext, readCopy } from "./mirror_context.ts";
import { type CopyMark, type Entry, markOf } from "./memory.ts";
import type { Outcome } from "./outcome.ts";
import type { Item } from "./queue.ts";

/** How long a delete whose turn has not come waits before it is looked at anew: it is rung for when it has. */
const TURN_REVIEW_MS = 30_000;

/** Retires a key. `skipReason` is set when the source is there but not mirrored. */
export async function retire(
  { key, seen }: Pick<Item, "key" | "seen">,
  kind: MirroredKind,
  name: string,
  why: string,
  context: MirrorContext,
  skipReason?: SkipReason,
): Promise<Outcome> {
  if (skipReason === undefined) context.memory.forgetSource(key);
  const nothingLeft = nothingToRetire(why, skipReason);
  // Not served in DR at present: its copy may be back with its kind.
  const isAway = kind.target === undefined && context.memory.get(key)?.copy !== undefined;
  const live = await readCopy(kind, name, context);
  const { replicationId, sourceClusterId, sourceNamespace } = context.identity;
  if (live === undefined || ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, name) !== "ours") {
    if (isAway) context.ledger.setAside(key);
    else context.ledger.cancel(key);
    forgetCopy(key, context, skipReason);
    return nothingLeft;
  }
  const entry = context.memory.ensure(key);
  context.memory.setCopy(entry, markOf(live.metadata));
  if (entry.copy?.controller !== undefined) {
    context.ledger.cancel(key);
    entry.state = "Skipped";
    return { type: "Skipped", reason: "OwnedByDR", message: `${entry.copy.controller} of the DR cluster owns it` };
  }
  entry.state = "Deleting";
  if (skipReason !== undefined) context.ledger.noteEnd(key, isEnd(skipReason));
  const intent = context.ledger.open(key, context.clock.wallMs());
  if (!seen) context.deleteOrder?.enter(key, kind.tier);
  const verdict = await judge(intent, kind, context);
  return await carryOut(verdict, { key, kind, name, live, intent, skipReason, why }, context);
}

function nothingToRetire(why: string, skipReason: SkipReason | undefined): Outcome {
  return skipReason === undefined ? { type: "Gone" } : { type: "Skipped", reason: skipReason, message: why };
}

function forgetCopy(key: string, context: MirrorContext, skipReason: SkipReason | undefined): void {
  if (skipReason === undefined) return context.memory.forget(key);
  const entry = context.memory.ensure(key);
  context.memory.setCopy(entry, undefined);
  entry.state = "Skipped";
}

async function judge(intent: Intent, kind: MirroredKind, context: MirrorContext): Promise<GuardVerdict> {
  // The cheap guards first: the Lease is read only for a delete that could happen now.
  const early = judgeDelete(intent, factsNow(kind, "Present", context));
  if (early.type === "Wait" || early.type === "Retain") return early;
  const namespace = await context.sourceNamespaceState();
  const verdict = judgeDelete(intent, factsNow(kind, namespace, context));
  if (verdict.type === "Hold") return verdict;
  await context.fence.recheck();
  return judgeDelete(intent, factsNow(kind, namespace, context));
}

/** What the guards look at, of a kind, as it is known at this moment. */
export function factsNow(kind: MirroredKind, namespace: NamespaceState, context: MirrorContext): GuardFacts {
  return {
    nowWallMs: context.clock.wallMs(),
    policy: context.options.deletion,
    kindListed: context.kindListed(kind.name),
    namespace,
    sourceIdentityKnown: context.sourceIdentityKnown(),
    fenceOpen: context.mayWrite(),
    window: context.ledger.window,
    counts: context.ledger.counts,
    copiesByKind: context.memory.copiesByKind(),
  };
}

interface Retirement {
  readonly key: string;
  readonly kind: MirroredKind;
  readonly name: string;
  readonly live: KubeObject;
  readonly intent: Intent;
  readonly skipReason?: SkipReason;
  readonly why: string;
}

async function carryOut(verdict: GuardVerdict, what: Retirement, context: MirrorContext): Promise<Outcome> {
  const { key } = what;
  switch (verdict.type) {
    case "Wait":
      context.ledger.release(key);
      return { type: "Waiting", retryInMs: verdict.forMs, why: verdict.why, keepsTurn: verdict.isGrace };
    case "Hold":
      context.ledger.hold(key, verdict.holdType, what.live.metadata.uid ?? "", context.clock.wallMs());
      return { type: "Held", holdType: verdict.holdType };
    case "Retain":
      context.ledger.cancel(key);
      return { type: "Skipped", reason: "Retained", message: "deletion.policy is Retain" };
    case "MarkOrphaned":
      return await markOrphaned(what, context);
    case "Delete":
      context.ledger.release(key);
      if (context.deleteOrder?.mayGo(key) === false) {
        return { type: "Waiting", retryInMs: TURN_REVIEW_MS, why: "others are deleted first", keepsTurn: true };
      }
      return await deleteCopy(what, context);
  }
}

async function deleteCopy(what: Retirement, context: MirrorContext): Promise<Outcome> {
  const { key, kind, name, live, intent } = what;
  if (kind.target === undefined) return { type: "Gone" };
  await context.ledger.reserve(context.options.deletion.budget.windowMs, context.clock.wallMs(), intent);
  const objection = await objectionNow(what, context).catch((error: unknown) => {
    context.ledger.unreserve(intent);
    throw error;
  });
  if (objection !== undefined) {
    context.ledger.unreserve(intent);
    return objection;
  }
  try {
    await context.target.delete(kind.target, { namespace: context.identity.destinationNamespace, name }, {
      uid: live.metadata.uid,
      resourceVersion: live.metadata.resourceVersion,
      propagationPolicy: "Background",
      signal: context.signal,
    });
  } catch (error) {
    if (!isKubeError(error, "NotFound")) {
      context.ledger.unreserve(intent);
      if (isKubeError(error, "Conflict")) {
        return { type: "Waiting", retryInMs: 0, why: "the copy changed meanwhile", keepsTurn: true };
      }
      throw error;
    }
  }
  context.ledger.cancel(key);
  context.audit("delete", kind.name, name, live.metadata.resourceVersion ?? "");
  forgetCopy(key, context, what.skipReason);
  return { type: "Written", operation: "delete" };
}

/** The guards once more, as late as can be: what was true before the account was written may not be true any more. */
async function objectionNow(
  { key, kind, name, intent }: Retirement,
  context: MirrorContext,
): Promise<Outcome | undefined> {
  const wait = (why: string, retryInMs: number): Outcome => ({ type: "Waiting", retryInMs, why });
  if (await sourceWanted(kind, name, context)) {
    context.ledger.cancel(key);
    return wait("the source object is back", 0);
  }
  await context.fence.recheck();
  const namespace = await context.sourceNamespaceState();
  // The state tells of the cluster that was asked just now: another one may have said that the object is gone.
  const known = context.sourceIdentityKnown() &&
    (namespace === "Present" || (namespace === "Recreated" && intent.approved));
  if (!context.mayWrite() || !known || !context.kindListed(kind.name)) {
    return wait("a guard does not hold any more", 1_000);
  }
}

/** Guard 2: whether the source has the object, under any uid, and it is one that is mirrored. */
async function sourceWanted(kind: MirroredKind, name: string, context: MirrorContext): Promise<boolean> {
  if (!kind.selected) return false;
  const ref = { namespace: context.identity.sourceNamespace, name };
  try {
    const source = await context.source.get(kind.source, ref, { signal: context.signal });
    return desired(source, desiredContext(kind, context)).kind !== "skip";
  } catch (error) {
    if (isKubeError(error, "NotFound")) return false;
    throw error;
  }
}

/** Marks a copy that is never deleted; once. */
async function markOrphaned(what: Retirement, context: MirrorContext): Promise<Outcome> {
  const { key, kind, name } = what;
  context.ledger.cancel(key);
  const entry = context.memory.ensure(key);
  entry.state = "Skipped";
  if (entry.copy === undefined || entry.copy.orphaned) {
    return { type: "Skipped", reason: "Orphaned", message: `${what.why}; ${kind.name} are never deleted` };
  }
  await annotate(kind, name, entry.copy, entry, new Date(context.clock.wallMs()).toISOString(), context);
  context.audit("orphan", kind.name, name, entry.copy?.resourceVersion ?? "");
  return { type: "Written", operation: "orphan" };
}

/** The source is back: the copy is no orphan any more. Answers the copy as it is now. */
export async function unmarkOrphaned(
  kind: MirroredKind,
  name: string,
  copy: CopyMark,
  entry: Entry,
  context: MirrorContext,
): Promise<KubeObject | undefined> {
  return await annotate(kind, name, copy, entry, null, context);
}

async function annotate(
  kind: MirroredKind,
  name: string,
  copy: CopyMark,
  entry: Entry,
  orphanedAt: string | null,
  context: MirrorContext,
): Promise<KubeObject | undefined> {
  if (kind.target === undefined) return undefined;
  const ref = { namespace: context.identity.destinationNamespace, name };
  const metadata = {
    uid: copy.uid,
    resourceVersion: copy.resourceVersion,
    annotations: { [ORPHANED_AT]: orphanedAt },
  };
  const stored = await context.target.patch(kind.target, ref, { type: "merge", body: { metadata } }, {
    fieldManager: FIELD_MANAGER,
    signal: context.signal,
  });
  context.memory.setCopy(entry, markOf(stored.metadata));
  return stored;
}
