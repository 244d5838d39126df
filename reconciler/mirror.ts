/**
 * Mirroring of one key, whatever rang for it: make the copy equal to what the source holds now.
 *
 * Read the source, work out what the copy should be, compare with what we know of the copy, write with preconditions, remember.
 * Losing a bell costs time, never data: every bell ends here.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import { apiVersionOf, type KubeObject } from "../kube/types.ts";
import { covers } from "./desired/compare.ts";
import { type Desired, desired } from "./desired/desired.ts";
import { ownedBy } from "./desired/ownership.ts";
import { retire, unmarkOrphaned } from "./retire.ts";
import { desiredContext, type MirrorContext, readCopy } from "./mirror_context.ts";
import { type Entry, markOf, splitKey } from "./memory.ts";
import type { MirroredKind } from "./kinds.ts";
import type { Outcome } from "./outcome.ts";
import type { Item } from "./queue.ts";
import { isNewer } from "./resource_version.ts";

type Wanted = Extract<Desired, { kind: "object" }>;

/** How often one attempt looks again after a conflict before it leaves the rest to the back-off. */
const MAX_LOOKS = 4;

/** Mirrors one key. Throws `KubeError` for what the failure classes are there for. */
export async function mirrorKey(item: Item, context: MirrorContext): Promise<Outcome> {
  const { kind: kindName, name } = splitKey(item.key);
  const kind = context.kinds().get(kindName);
  if (kind === undefined) return { type: "Gone" };
  if (!context.mayWrite()) return fenced(context);
  if (!kind.selected) return await retire(item.key, kind, name, `${kindName} is not selected`, context, "Deselected");
  const source = await readSource(item, kind, name, context);
  if (source === undefined) return await retire(item.key, kind, name, "the source object is gone", context);
  const want = desired(source, desiredContext(kind, context));
  const entry = context.memory.ensure(item.key);
  noteSource(entry, source);
  if (want.kind === "skip") {
    const outcome = await retire(item.key, kind, name, want.message, context, want.reason);
    // A late hint of what is not mirrored must not look like a change that the watch has missed.
    const skipped = context.memory.get(item.key);
    if (skipped !== undefined) noteSource(skipped, source);
    return outcome;
  }
  context.ledger.cancel(item.key);
  entry.reports = want.reports.length === 0 ? undefined : want.reports;
  const outcome = await writeCopy(item, kind, name, want, entry, context);
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

async function writeCopy(
  item: Item,
  kind: MirroredKind,
  name: string,
  want: Wanted,
  entry: Entry,
  context: MirrorContext,
): Promise<Outcome> {
  if (kind.target === undefined) return await context.missingKind(kind);
  // A mark of an orphan is taken off the copy as it is now.
  let checkCopy = item.checkCopy || entry.copy?.orphaned === true;
  if (entry.copy?.hash === want.hash && !checkCopy) return { type: "Unchanged" };
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (!context.mayWrite()) return fenced(context);
    try {
      if (checkCopy) {
        const known = await lookAtCopy(kind, name, want, entry, context);
        if (known !== undefined) return known;
        checkCopy = false;
      }
      if (!context.mayWrite()) return fenced(context);
      return await applyCopy(kind, name, want, entry, context);
    } catch (error) {
      if (!isStaleWrite(error, entry)) throw error;
      // Somebody else wrote, or the copy exists that we took for absent: the Lease first, then the copy, live.
      await context.fence.recheck();
      checkCopy = true;
    }
  }
  return { type: "Failed", failure: { failureClass: "Transient", message: "the copy keeps changing in DR" } };
}

/** A 409 by resourceVersion or existing name, a 404 of a copy we knew, a 422 for a uid that is not the copy's. */
function isStaleWrite(error: unknown, entry: Entry): boolean {
  if (isKubeError(error, "Conflict", "AlreadyExists")) return true;
  if (entry.copy === undefined) return false;
  if (isKubeError(error, "NotFound")) return error.status?.details?.kind !== "namespaces";
  return isKubeError(error, "Invalid") &&
    (error.status?.details?.causes ?? []).some((cause) => cause.field === "metadata.uid");
}

/** Looks at the live copy. Answers an outcome when nothing is to be written, and updates what we know of it. */
async function lookAtCopy(
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
  const equal = entry.copy?.hash === want.hash && (covers(live, want.object) || entry.normalisedHash === want.hash);
  return equal ? { type: "Unchanged" } : undefined;
}

async function applyCopy(
  kind: MirroredKind,
  name: string,
  want: Wanted,
  entry: Entry,
  context: MirrorContext,
): Promise<Outcome> {
  const target = kind.target;
  if (target === undefined) return await context.missingKind(kind);
  const known = entry.copy;
  // "1" is a resourceVersion that no copy has: absent → created, existing → 409, never a silent merge.
  const preconditions = known === undefined
    ? { resourceVersion: "1" }
    : { uid: known.uid, resourceVersion: known.resourceVersion };
  const body: KubeObject = { ...want.object, metadata: { ...want.object.metadata, ...preconditions } };
  // Without `Ignore` the server parses the body a second time, to warn nobody; unknown fields are an error of apply itself.
  const options = { fieldManager: FIELD_MANAGER, fieldValidation: "Ignore", signal: context.signal } as const;
  const stored = await context.target.apply(target, body, options);
  context.memory.setCopy(entry, markOf(stored.metadata));
  entry.normalisedHash = covers(stored, want.object) ? undefined : want.hash;
  const operation = known === undefined ? "create" : "update";
  context.audit(operation, kind.name, name, entry.copy?.resourceVersion ?? "");
  return { type: "Written", operation };
}

function fenced(context: MirrorContext): Outcome {
  const verdict = context.fence.verdict;
  const message = verdict.type === "Fenced"
    ? verdict.message
    : verdict.type === "NotStandby"
    ? `the DR namespace is ${verdict.role}`
    : "this process does not lead";
  return { type: "Failed", failure: { failureClass: "Fenced", message } };
}
