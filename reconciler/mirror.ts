/**
 * Mirroring of one key, whatever rang for it: make the copy equal to what the source holds now.
 *
 * Read the source, work out what the copy should be, compare with what we know of the copy, write with preconditions, remember.
 * Losing a bell costs time, never data: every bell ends here.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import { apiVersionOf, type KubeObject } from "../kube/types.ts";
import { adoptCopy } from "./adopt.ts";
import { controllerOf } from "./desired/owners.ts";
import { ruleFor } from "./desired/rules.ts";
import { desiredCopy } from "./desired_copy.ts";
import { corrected } from "./dispute.ts";
import { classify, type Failure, isImmutable, overrideFailure } from "./failure.ts";
import type { MirroredKind } from "./kinds.ts";
import { takeItems, takeItemsInTheWay } from "./list_items.ts";
import { type Look, lookAtCopy } from "./look.ts";
import { type Entry, splitKey } from "./memory.ts";
import { type Attempt, fenced, type MirrorContext } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import type { Item } from "./queue.ts";
import { removeForReplacement } from "./replace.ts";
import { isNewer } from "./resource_version.ts";
import { retire } from "./retire.ts";
import { applyCopy, rehearse } from "./write.ts";

/** How often one attempt looks again after a conflict before it leaves the rest to the back-off. */
const MAX_LOOKS = 4;

const RECREATED: Outcome = { type: "Written", operation: "recreate" };

/** Mirrors one key. Throws `KubeError` for what the failure classes are there for. */
export async function mirrorKey(item: Item, context: MirrorContext): Promise<Outcome> {
  const { kind: kindName, name } = splitKey(item.key);
  const kind = context.kinds().get(kindName);
  if (kind === undefined) {
    context.ledger.setAside(item.key);
    // Its copy is to go or to stay: that is told when the kind is back.
    const known = context.memory.get(item.key);
    if (known?.copy !== undefined) known.state = "Deleting";
    return { type: "Gone" };
  }
  if (!context.mayWrite()) return fenced(context);
  if (!kind.selected) return await retire(item, kind, name, `${kindName} is not selected`, context, "Deselected");
  const source = await readSource(item, kind, name, context);
  if (source === undefined) return await retire(item, kind, name, "the source object is gone", context);
  const want = desiredCopy(source, kind, context);
  const entry = context.memory.ensure(item.key);
  noteSource(entry, source);
  if (want.kind === "skip") {
    const outcome = await retire(item, kind, name, want.message, context, want.reason);
    // A late hint of what is not mirrored must not look like a change that the watch has missed.
    const skipped = context.memory.get(item.key);
    if (skipped !== undefined) noteSource(skipped, source);
    return outcome;
  }
  context.ledger.cancel(item.key);
  if (want.kind === "invalid") return { type: "Failed", failure: overrideFailure(want.message) };
  entry.reports = want.reports.length === 0 ? undefined : want.reports;
  const outcome = await writeCopy(item, {
    kind,
    name,
    want,
    entry,
    context,
    sourceController: controllerOf(source.metadata),
  });
  if (outcome.type === "Written" || outcome.type === "Unchanged") entry.state = "Synced";
  return outcome;
}

/** The newest source object: the body that the bell carried, else a read. Undefined when there is none. */
async function readSource(
  item: Item,
  kind: MirroredKind,
  name: string,
  context: MirrorContext,
): Promise<KubeObject | undefined> {
  const entry = context.memory.get(item.key);
  // A body of another version is from before the kinds were planned anew.
  const usable = item.body !== undefined && item.body.apiVersion === apiVersionOf(kind.source);
  if (usable && !isStale(item.body as KubeObject, entry)) return item.body;
  try {
    return await context.source.get(kind.source, { namespace: context.identity.sourceNamespace, name }, {
      signal: context.signal,
    });
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

function isStale(body: KubeObject, entry: Entry | undefined): boolean {
  return entry?.sourceUid === body.metadata.uid && entry?.sourceResourceVersion !== body.metadata.resourceVersion &&
    !isNewer(body.metadata.resourceVersion, entry?.sourceResourceVersion);
}

function noteSource(entry: Entry, source: KubeObject): void {
  entry.sourceUid = source.metadata.uid;
  entry.sourceResourceVersion = source.metadata.resourceVersion;
}

async function writeCopy(item: Item, attempt: Attempt): Promise<Outcome> {
  const { kind, want, entry, context } = attempt;
  if (kind.target === undefined) return await context.missingKind(kind);
  // A mark of an orphan is taken off the copy as it is now.
  let mustLook = item.checkCopy || entry.copy?.orphaned === true || entry.copy?.controller !== undefined ||
    entry.state === "Drifted";
  if (entry.copy?.hash === want.hash && !mustLook) return { type: "Unchanged" };
  // Of such a kind the answer to a write does not tell what no write changes.
  const { stays, settle } = ruleFor(kind.source);
  if (entry.copy !== undefined && (stays !== undefined || settle !== undefined)) mustLook = true;
  let isReplaced = false;
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (!context.mayWrite()) return fenced(context);
    const step = await tryOnce(attempt, mustLook);
    if (step.type === "Done") return step.outcome.type === "Written" && isReplaced ? RECREATED : step.outcome;
    if (step.type === "Replace") {
      const outcome = await removeForReplacement(attempt, step.failure);
      if (outcome !== undefined) return outcome;
      isReplaced = true;
    }
    mustLook = true;
  }
  return { type: "Failed", failure: { failureClass: "Transient", message: "the copy keeps changing in DR" } };
}

/** What one look and one write came to. */
type Step =
  | { readonly type: "Done"; readonly outcome: Outcome }
  | { readonly type: "LookAgain" }
  | { readonly type: "Replace"; readonly failure: Failure };

async function tryOnce(attempt: Attempt, mustLook: boolean): Promise<Step> {
  const { entry, context } = attempt;
  try {
    const look: Look = mustLook ? await lookAtCopy(attempt) : { type: "Write", want: attempt.want };
    if (look.type === "Done") return look;
    if (look.type === "Replace") return { type: "Replace", failure: immutableFailure(look.field) };
    if (!context.mayWrite()) return { type: "Done", outcome: fenced(context) };
    return { type: "Done", outcome: await act(attempt, look) };
  } catch (error) {
    if (!isStaleWrite(error, entry)) {
      if (isImmutable(error)) return { type: "Replace", failure: classify(error) };
      if (isKubeError(error, "Invalid") && await takeItemsInTheWay(attempt)) return { type: "LookAgain" };
      throw error;
    }
    // Somebody else wrote, or the copy exists that we took for absent: the Lease first, then the copy, live.
    await context.fence.recheck();
    return { type: "LookAgain" };
  }
}

async function act(asked: Attempt, look: Exclude<Look, { type: "Done" | "Replace" }>): Promise<Outcome> {
  const attempt = { ...asked, want: look.want };
  if (look.type === "Drifted") return await leave(attempt, look);
  const { want, entry, context } = attempt;
  if (look.type === "Write" && look.drift !== undefined) await takeItems(attempt, look.drift.live);
  const outcome = look.type === "Adopt" ? await adoptCopy(attempt, look.live) : await applyCopy(attempt);
  if (outcome.type === "Written" && look.drift !== undefined) {
    const drift = { hash: want.hash, difference: look.drift.difference };
    entry.dispute = corrected(entry.dispute, drift, context.clock.wallMs());
  }
  return outcome;
}

/** Leaves an edit as it is. */
async function leave(attempt: Attempt, { difference, path }: Look & { readonly type: "Drifted" }): Promise<Outcome> {
  const { entry } = attempt;
  // After a restart, what DR never took looks like an edit.
  const { remainder } = await rehearse(attempt).catch((error: unknown) => {
    // Together with what the edit added it may be wrong, and right without.
    if (classify(error).failureClass === "Invalid") return { remainder: undefined };
    throw error;
  });
  entry.remainder = remainder;
  if (remainder?.difference === difference) return { type: "Unchanged" };
  return { type: "Left", reason: "Drifted", message: `${path} was changed in the DR cluster` };
}

function immutableFailure(field: string): Failure {
  return { failureClass: "Immutable", message: `the DR cluster keeps ${field} as it is, whatever is written` };
}

/** A 409 by resourceVersion or existing name, a 404 of a copy we knew, a 422 for a uid that is not the copy's. */
function isStaleWrite(error: unknown, entry: Entry): boolean {
  if (isKubeError(error, "Conflict", "AlreadyExists")) return true;
  if (entry.copy === undefined) return false;
  if (isKubeError(error, "NotFound")) return error.status?.details?.kind !== "namespaces";
  return isKubeError(error, "Invalid") &&
    (error.status?.details?.causes ?? []).some((cause) => cause.field === "metadata.uid");
}
