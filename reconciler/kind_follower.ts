/**
 * One kind of one Replication: its watch in the source, the watch of its copies in DR, and its resyncs.
 *
 * @module
 */
import type { WatchEvent } from "../kube/types.ts";
import { MANAGED_BY } from "../crds/keys.ts";
import { findSkip, isEnd } from "./desired/skip.ts";
import { backOffMs, classify, type Failure } from "./failure.ts";
import type { Cluster } from "./cluster.ts";
import type { MirroredKind } from "./kinds.ts";
import { fingerprint, keyOf, markOf, splitKey } from "./memory.ts";
import { desiredContext, type MirrorContext } from "./mirror_context.ts";
import type { KeyedQueue } from "./queue.ts";
import { isNewer, isOlder } from "./resource_version.ts";
import { resyncKind, type ResyncResult } from "./resync.ts";
import type { Subscription } from "./watch_hub.ts";

/** What a follower tells its Replication. */
export interface FollowerPorts {
  readonly context: MirrorContext;
  readonly queue: KeyedQueue;
  readonly source: Cluster;
  readonly target: Cluster;
  /** Whether the source is watched; off in hints-only, Scheduled and Manual operation. */
  readonly watchSource: boolean;
  /** Whether our copies are watched for drift. */
  readonly watchCopies: boolean;
  readonly tombstones: Set<string>;
  /** The newest `resourceVersion` of the source that a process before this one has seen. */
  readonly knownVersion: string | undefined;
  /** The source had gone back before this process looked at it, and deletes that followed from it are not decided yet. */
  readonly wentBack: boolean;
  random(): number;
  /** Resolves when kinds of a tier may be compared. */
  turnOf(tier: number): Promise<void>;
  /** The watch delivered an event of this key. */
  confirmed(key: string): void;
  /** A resync of this kind ended, well or not. */
  listed(kind: string, result: ResyncResult | Failure): void;
}

/** Follows one kind until it is closed. */
export class KindFollower {
  readonly kind: MirroredKind;
  readonly #ports: FollowerPorts;
  #sourceWatch: Subscription | undefined;
  #copyWatch: Subscription | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #echoes = new Map<string, WatchEvent>();
  #failures = 0;
  /** Wall time at which the last complete list began. */
  #listedWallMs: number | undefined;
  #listedSinceLive = false;
  /** The newest `resourceVersion` of the source that was seen: in a list, a proof or an event. */
  #sourceVersion: string | undefined;
  #provenByReadWallMs = 0;
  #error: Failure | undefined;

  constructor(kind: MirroredKind, ports: FollowerPorts) {
    this.kind = kind;
    this.#ports = ports;
    this.#sourceVersion = ports.knownVersion;
  }

  /** Guard 1 of the deletes: listed completely since the watch was last opened. */
  get listed(): boolean {
    if (this.#listedWallMs === undefined || this.#error !== undefined) return false;
    return this.#ports.watchSource ? this.#listedSinceLive && (this.#sourceWatch?.connected ?? false) : true;
  }

  /** Whether a list has ended, well or not. */
  get tried(): boolean {
    return this.#listedWallMs !== undefined || this.#error !== undefined;
  }

  /** The newest `resourceVersion` of the source that is known. */
  get sourceVersion(): string | undefined {
    return this.#sourceVersion;
  }

  /** Why the kind cannot be listed or watched at present. */
  get error(): Failure | undefined {
    return this.#error;
  }

  /** Wall time up to which the source's changes of this kind are known to have reached the queue. */
  get provenWallMs(): number | undefined {
    if (this.#listedWallMs === undefined) return undefined;
    return Math.max(this.#listedWallMs, this.#provenByReadWallMs);
  }

  /** Whether a proof by reading makes sense: only a watched kind is proven between lists. */
  get provable(): boolean {
    return this.#ports.watchSource && this.listed && this.#running === undefined;
  }

  /** A read that began then, of this `resourceVersion`, found every object known. */
  proven(wallMs: number, sourceVersion: string): void {
    this.#provenByReadWallMs = wallMs;
    this.#noteVersion(sourceVersion);
  }

  get connected(): boolean {
    return !this.#ports.watchSource || (this.#sourceWatch?.connected ?? false);
  }

  start(): void {
    const { source, context, watchSource, watchCopies } = this.#ports;
    if (!watchSource) {
      // Scheduled and Manual passes are asked for; continuous work without a watch begins with a list.
      if (watchCopies) void this.resync();
      return;
    }
    this.#sourceWatch = source.objects.subscribe(this.kind.source, context.identity.sourceNamespace, {
      live: () => this.#onLive(),
      event: (event) => this.#onSourceEvent(event),
      disconnected: () => {},
    });
  }

  /**
   * Watches our own copies, once what the first list found is done: during a first sync each event would only be the echo of a write, and
   * cost the DR cluster a sixth of its speed (docs/adr/0011). Each time the watch comes up, a comparison closes the gap.
   */
  watchCopies(): void {
    const { target, context, watchCopies } = this.#ports;
    if (!watchCopies || this.#copyWatch !== undefined || this.kind.target === undefined || this.#closed) return;
    this.#copyWatch = target.copies.subscribe(this.kind.target, context.identity.destinationNamespace, {
      live: () => void this.resync(),
      event: (event) => this.#onCopyEvent(event),
      disconnected: () => {},
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#sourceWatch?.close();
    this.#copyWatch?.close();
  }

  /** The watch missed a change: open it anew, and list, since others may be missing too. */
  reconnect(why: string): void {
    this.#sourceWatch?.reconnect(why);
    void this.resync();
  }

  /** The definition of the kind has changed. A watch tells itself when it matters; without one the next list reads whole objects. */
  redefined(): void {
    if (this.#ports.watchSource) return;
    this.#listedSinceLive = false;
    if (this.#ports.watchCopies) void this.resync();
  }

  /** Compares everything. One at a time; a call meanwhile asks for one more after it. */
  resync(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#resyncUntilQuiet();
    return this.#running;
  }

  async #resyncUntilQuiet(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#resyncOnce();
      } while (this.#again && !this.#closed);
    } finally {
      // In the same turn as the last look at `#again`: a call in between would be lost.
      this.#running = undefined;
    }
  }

  async #resyncOnce(): Promise<void> {
    const { context, queue, tombstones, listed } = this.#ports;
    await this.#ports.turnOf(this.kind.tier);
    if (this.#closed) return;
    const startedWallMs = context.clock.wallMs();
    // Also what another list has found since this one was asked for.
    if (!this.#listedSinceLive) context.memory.distrustSource(this.kind.name);
    try {
      // What a list finds changed at any moment since the last proof.
      const result = await resyncKind(this.kind, context, queue, {
        sinceWallMs: this.provenWallMs ?? startedWallMs,
        metadataOnly: this.#listedSinceLive,
        sourceVersion: this.#sourceVersion,
        wentBack: this.#ports.wentBack && this.#listedWallMs === undefined,
      });
      if (this.#closed) return;
      this.#listedWallMs = startedWallMs;
      this.#sourceVersion = result.sourceVersion;
      if (!this.#again) this.#listedSinceLive = true;
      this.#failures = 0;
      this.#error = undefined;
      listed(this.kind.name, result);
    } catch (error) {
      if (this.#closed || context.signal.aborted) return;
      this.#error = classify(error);
      this.#retryLater(this.#error);
      listed(this.kind.name, this.#error);
    } finally {
      for (const key of tombstones) if (key.startsWith(`${this.kind.name}/`)) tombstones.delete(key);
    }
  }

  #retryLater(failure: Failure): void {
    clearTimeout(this.#retryTimer);
    const delayMs = Math.min(30_000, backOffMs(failure, this.#failures++, this.#ports.random));
    // The source may ask for more.
    this.#retryTimer = setTimeout(() => void this.resync(), Math.max(delayMs, failure.retryAfterMs ?? 0));
  }

  #noteVersion(version: string | undefined): void {
    if (this.#sourceVersion === undefined || isOlder(this.#sourceVersion, version)) this.#sourceVersion = version;
  }

  /** What was delivered so far proves nothing: of some of it the server may know otherwise by now. */
  #onLive(): void {
    const { context, queue } = this.#ports;
    this.#listedSinceLive = false;
    context.memory.distrustSource(this.kind.name);
    queue.readAgain((key) => splitKey(key).kind === this.kind.name);
    void this.resync();
  }

  #onSourceEvent(event: WatchEvent): void {
    const { context, queue, tombstones, confirmed } = this.#ports;
    const { metadata } = event.object;
    const key = keyOf(this.kind.source, metadata.name);
    this.#noteVersion(metadata.resourceVersion);
    confirmed(key);
    if (event.type === "Deleted") {
      if (this.#running !== undefined) tombstones.add(key);
      // As it was when it went: a read does not tell that any more.
      if (isEnd(findSkip(event.object, desiredContext(this.kind, context))?.reason)) context.ledger.noteEnd(key, true);
      return queue.add(key, { urgent: true });
    }
    const known = context.memory.get(key);
    const old = known?.sourceUid === metadata.uid && !isNewer(metadata.resourceVersion, known?.sourceResourceVersion);
    if (!old) queue.add(key, { body: event.object, sizeBytes: event.sizeBytes, urgent: true });
  }

  /** Our own echo, a status change, drift, or a deletion by somebody else. */
  #onCopyEvent(event: WatchEvent): void {
    const { context, queue } = this.#ports;
    const { metadata } = event.object;
    if (event.type !== "Deleted" && metadata.labels?.[MANAGED_BY] !== context.identity.replicationId) return;
    const key = keyOf(this.kind.source, metadata.name);
    if (queue.isProcessing(key)) {
      this.#echoes.set(key, event);
      return;
    }
    this.#judgeCopyEvent(key, event);
  }

  /** A copy's event that came while its key was being written: judged once the answer of the write is known. */
  settle(key: string): void {
    const event = this.#echoes.get(key);
    if (event === undefined) return;
    this.#echoes.delete(key);
    this.#judgeCopyEvent(key, event);
  }

  #judgeCopyEvent(key: string, event: WatchEvent): void {
    const { context, queue } = this.#ports;
    const { metadata } = event.object;
    const entry = context.memory.get(key);
    if (entry?.copy === undefined) {
      // What was in the way has our label again, or is gone; else it is before the first list, which finds it.
      if (entry?.state === "Conflict") queue.add(key, { checkCopy: true });
      return;
    }
    if (event.type === "Deleted") {
      if (entry.copy.uid !== metadata.uid) return;
      context.memory.setCopy(entry, undefined);
      return queue.add(key, { checkCopy: true });
    }
    if (entry.copy.uid === metadata.uid && !isNewer(metadata.resourceVersion, entry.copy.resourceVersion)) return;
    if (entry.copy.uid === metadata.uid && fingerprint(metadata) === entry.copy.fingerprint) {
      return context.memory.setCopy(entry, markOf(metadata));
    }
    queue.add(key, { checkCopy: true });
  }
}
