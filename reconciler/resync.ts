/**
 * Full resync of one kind: both sides are listed in pages, in name order, and compared as they go by, so that memory is bounded by
 * two pages however many objects there are.
 *
 * @module
 */
import { MANAGED_BY } from "../crds/keys.ts";
import { listAll } from "../kube/list_all.ts";
import type { KubeObject, ListQuery, Reader, ResourceType } from "../kube/types.ts";
import { desiredCopy, settle } from "./desired_copy.ts";
import { ownedBy } from "./desired/ownership.ts";
import type { MirroredKind } from "./kinds.ts";
import { keyOf, markOf, type ObjectState } from "./memory.ts";
import type { MirrorContext } from "./mirror_context.ts";
import { isAsWanted } from "./look.ts";
import type { KeyedQueue, Ring } from "./queue.ts";
import { isNewer, isOlder } from "./resource_version.ts";

/** Keys found different that may wait before the listing pauses. */
const ROOM = 512;

/** Where an object stays as long as neither side changes. */
const AT_REST: ReadonlySet<ObjectState> = new Set(["Synced", "Skipped", "Drifted"]);

/** An object of a list, with its share of the page's size. */
interface Listed {
  readonly object: KubeObject;
  readonly sizeBytes: number;
}

/** How a kind is compared. */
export interface ResyncOptions {
  /** Since when what is found may have changed. */
  readonly sinceWallMs?: number;
  /** Memory knows both sides: resourceVersions tell what differs, and only that is read. */
  readonly metadataOnly?: boolean;
  /** The newest `resourceVersion` of the source that is known. */
  readonly sourceVersion?: string;
  /** The source is known to have gone back, whatever its version says by now. */
  readonly wentBack?: boolean;
}

/** What a resync of a kind saw. */
export interface ResyncResult {
  /** `resourceVersion` of the source's list; older than the last one when the server went back to an earlier state. */
  readonly sourceVersion?: string;
  readonly sourceObjects: number;
  readonly copies: number;
  /** Keys handed to the queue. */
  readonly different: number;
}

/** Compares a kind on both sides and rings for every key that differs. Throws `KubeError` when a list fails; then nothing is pruned. */
export async function resyncKind(
  kind: MirroredKind,
  context: MirrorContext,
  queue: KeyedQueue,
  options: ResyncOptions = {},
): Promise<ResyncResult> {
  const { sinceWallMs, metadataOnly = false } = options;
  let sourceVersion: string | undefined;
  const wentBack = () => options.wentBack === true || isOlder(sourceVersion, options.sourceVersion);
  const { sourceNamespace, destinationNamespace, replicationId } = context.identity;
  const sources = kind.selected
    ? listObjects(
      context.source,
      kind.source,
      { namespace: sourceNamespace, metadataOnly, signal: context.signal },
      (version) => sourceVersion ??= version,
    )
    : noObjects();
  const copies = kind.target === undefined ? noObjects() : listObjects(context.target, kind.target, {
    namespace: destinationNamespace,
    labelSelector: `${MANAGED_BY}=${replicationId}`,
    metadataOnly,
    signal: context.signal,
  });
  const seen = new Set<string>();
  const result = { sourceObjects: 0, copies: 0, different: 0 };
  for await (const [source, copy] of mergeByName(sources, copies)) {
    const key = keyOf(kind.source, (source ?? copy as Listed).object.metadata.name);
    seen.add(key);
    if (source !== undefined) result.sourceObjects++;
    if (copy !== undefined) result.copies++;
    const inSync = (!wentBack() && isHeldAsKnown(key, source?.object, copy?.object, context)) ||
      isInSync(key, source?.object, copy?.object, kind, context, queue, metadataOnly);
    if (source === undefined && wentBack() && (!inSync || queue.has(key))) context.ledger.doubt(key);
    if (inSync) continue;
    result.different++;
    await queue.room(ROOM, context.signal);
    context.signal.throwIfAborted();
    // A copy that we believe in and that is not listed is gone: memory alone would say that nothing is to be done.
    const checkCopy = copy !== undefined || context.memory.get(key)?.copy !== undefined;
    const body = metadataOnly ? {} : freshBody(key, source, context, queue);
    queue.add(key, { ...body, checkCopy, sinceWallMs });
  }
  forgetUnseen(kind, seen, context, queue, wentBack());
  return { ...result, sourceVersion };
}

/** The listed body, unless a watch has told more of the object since: then what was listed must not be written again. */
function freshBody(key: string, source: Listed | undefined, context: MirrorContext, queue: KeyedQueue): Ring {
  if (source === undefined || !context.bodiesAreTracked || context.tombstones.has(key) || queue.has(key)) return {};
  return { body: source.object, sizeBytes: source.sizeBytes };
}

/** Whether a pair needs no work; then it is remembered as it is. */
function isInSync(
  key: string,
  source: KubeObject | undefined,
  copy: KubeObject | undefined,
  kind: MirroredKind,
  context: MirrorContext,
  queue: KeyedQueue,
  metadataOnly: boolean,
): boolean {
  const known = context.memory.get(key);
  const copySame = known?.copy?.resourceVersion === copy?.metadata.resourceVersion;
  // It is looked at anyway; at its copy, too, when that is not what we know.
  if (queue.has(key)) return copySame;
  if (context.tombstones.has(key)) return false;
  // What a watch delivered after this page was read is newer than the page. Without one it is the server that went back.
  if (
    context.bodiesAreTracked && known?.sourceUid !== undefined && known.sourceUid === source?.metadata.uid &&
    known.sourceResourceVersion !== source.metadata.resourceVersion && known.state === "Synced" &&
    known.sourceResourceVersion !== undefined && isNewer(known.sourceResourceVersion, source.metadata.resourceVersion)
  ) return true;
  if (source === undefined) return known?.state === "Skipped" && copySame;
  const sourceSame = known?.sourceUid === source.metadata.uid &&
    known?.sourceResourceVersion === source.metadata.resourceVersion;
  if (sourceSame && copySame && known !== undefined && AT_REST.has(known.state)) return true;
  if (metadataOnly) return false;
  const want = desiredCopy(source, kind, context);
  if (want.kind === "skip") {
    if (copy !== undefined) return false;
    const entry = context.memory.ensure(key);
    entry.sourceUid = source.metadata.uid;
    entry.sourceResourceVersion = source.metadata.resourceVersion;
    entry.state = "Skipped";
    return true;
  }
  if (want.kind === "invalid" || copy === undefined) return false;
  const mark = markOf(copy.metadata);
  const { replicationId, sourceClusterId, sourceNamespace } = context.identity;
  const ours = ownedBy(copy.metadata, replicationId, sourceClusterId, sourceNamespace, source.metadata.name) === "ours";
  if (!ours || mark === undefined || mark.orphaned || mark.controller !== undefined) return false;
  const entry = context.memory.ensure(key);
  if (!isAsWanted(copy, settle(want, copy, kind, entry, context), entry, context.targetSchema(kind))) return false;
  entry.sourceUid = source.metadata.uid;
  entry.sourceResourceVersion = source.metadata.resourceVersion;
  context.memory.setCopy(entry, mark);
  entry.reports = want.reports.length === 0 ? undefined : want.reports;
  entry.state = "Synced";
  return true;
}

/** A held delete of which neither side has changed: it is judged with all others of its hold, not one by one. */
function isHeldAsKnown(
  key: string,
  source: KubeObject | undefined,
  copy: KubeObject | undefined,
  { ledger, memory, tombstones }: MirrorContext,
): boolean {
  if (!ledger.isHeld(key) || tombstones.has(key)) return false;
  const known = memory.get(key);
  return known?.copy !== undefined && known.copy.resourceVersion === copy?.metadata.resourceVersion &&
    known.sourceUid === source?.metadata.uid && known.sourceResourceVersion === source?.metadata.resourceVersion;
}

/** Entries that neither side has any more. */
function forgetUnseen(
  kind: MirroredKind,
  seen: ReadonlySet<string>,
  context: MirrorContext,
  queue: KeyedQueue,
  wentBack: boolean,
): void {
  for (const [key, entry] of context.memory.entries()) {
    if (entry.kind !== kind.name || seen.has(key)) continue;
    const isLookedAt = queue.has(key) || entry.copy !== undefined || entry.state !== "Skipped";
    if (wentBack && isLookedAt) context.ledger.doubt(key);
    if (queue.has(key)) continue;
    // Something appeared after the list had passed its name, or vanished: the queue finds out which.
    if (isLookedAt) queue.add(key);
    else context.memory.forget(key);
  }
}

async function* noObjects(): AsyncGenerator<Listed> {}

/** Objects of a kind, in name order as API servers list; a server that does not costs extra looks, nothing else. */
async function* listObjects(
  client: Reader,
  type: ResourceType,
  query: ListQuery,
  onVersion: (resourceVersion: string) => void = () => {},
): AsyncGenerator<Listed> {
  const pages = listAll(client, type, query, { firstLimit: query.metadataOnly ? 500 : undefined });
  let coming = pages.next();
  try {
    for (let step = await coming; !step.done; step = await coming) {
      // The next page is on its way while this one is compared.
      coming = pages.next();
      coming.catch(() => {});
      const page = step.value;
      onVersion(page.resourceVersion);
      const sizeBytes = page.sizeBytes / Math.max(1, page.items.length);
      for (const object of page.items) yield { object, sizeBytes };
    }
  } finally {
    await coming.catch(() => {});
    await pages.return(undefined);
  }
}

/** Pairs two name-ordered sequences. */
export async function* mergeByName(
  left: AsyncGenerator<Listed>,
  right: AsyncGenerator<Listed>,
): AsyncGenerator<[Listed | undefined, Listed | undefined]> {
  try {
    let [a, b] = await Promise.all([next(left), next(right)]);
    while (a !== undefined || b !== undefined) {
      if (b === undefined || (a !== undefined && a.object.metadata.name < b.object.metadata.name)) {
        yield [a, undefined];
        a = await next(left);
      } else if (a === undefined || b.object.metadata.name < a.object.metadata.name) {
        yield [undefined, b];
        b = await next(right);
      } else {
        yield [a, b];
        [a, b] = await Promise.all([next(left), next(right)]);
      }
    }
  } finally {
    await Promise.all([left.return(undefined), right.return(undefined)]);
  }
}

async function next(sequence: AsyncGenerator<Listed>): Promise<Listed | undefined> {
  const step = await sequence.next();
  return step.done ? undefined : step.value;
}
