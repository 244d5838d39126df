/**
 * The keyed queue that every bell rings: a key is pending at most once, never processed twice at the same time, and keeps
 * only the newest body it was given.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import { isNewer } from "./resource_version.ts";

/** Bodies above this are dropped and read again when their turn comes: 64 KiB. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** Bodies of all pending keys together: 16 MiB. */
export const BODIES_LIMIT_BYTES = 16 * 1024 * 1024;
/** While changes keep coming, one turn in so many is for what a resync found. */
const NORMAL_EVERY = 8;

/** What a bell knows about a key. */
export interface Ring {
  /** The committed object, when the bell carries it. */
  readonly body?: KubeObject;
  readonly sizeBytes?: number;
  /** Goes before keys that a resync found. */
  readonly urgent?: boolean;
  /** When the change may have happened; the moment of the ring unless told otherwise. */
  readonly sinceWallMs?: number;
  /** Look at the live copy even when the source did not change. */
  readonly checkCopy?: boolean;
}

/** A key whose turn it is. */
export interface Item {
  readonly key: string;
  readonly body?: KubeObject;
  readonly checkCopy: boolean;
  /** Wall time at which the oldest change in this item was noticed. */
  readonly sinceWallMs: number;
  /** The same on the monotonic clock. */
  readonly sinceMs: number;
  /** Failed attempts before this one. */
  readonly attempts: number;
  /** Goes before keys that a resync found. */
  readonly urgent: boolean;
  /** A change that was seen as it happened, however long it has waited since; not what a resync found. */
  readonly seen: boolean;
}

interface Slot {
  body?: KubeObject;
  bodyBytes: number;
  /** A bell told nothing of the object, or its body was dropped: a body that comes later may be older than that bell. */
  mustRead: boolean;
  checkCopy: boolean;
  sinceWallMs: number;
  sinceMs: number;
  /** When the first ring came since the key was taken. */
  again?: { readonly wallMs: number; readonly ms: number };
  attempts: number;
  /** Stays through delays, unless nobody waits for it. */
  urgent: boolean;
  seen: boolean;
  state: "queued" | "processing" | "processingAgain" | "delayed";
  timer?: ReturnType<typeof setTimeout>;
}

/** Keyed queue with two lanes, delays and back-pressure. */
export class KeyedQueue {
  readonly #slots = new Map<string, Slot>();
  readonly #urgent = new Set<string>();
  readonly #normal = new Set<string>();
  readonly #clock: Clock;
  #bodiesBytes = 0;
  #processing = 0;
  /** Turns taken while both lanes had keys. */
  #contested = 0;
  #roomWaiters: { limit: number; resolve: () => void }[] = [];
  /** Called when a key became ready. */
  onReady: () => void = () => {};
  /** Called when a turn of a key is over. */
  onDone: (key: string) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keys that wait, are delayed or in progress. */
  get size(): number {
    return this.#slots.size;
  }

  /** Keys that could be taken now, or are worked on: what a pass waits for. Delayed ones are not. */
  get active(): number {
    return this.ready + this.#processing;
  }

  /** Keys that could be taken now. */
  get ready(): number {
    return this.#urgent.size + this.#normal.size;
  }

  /** Keys that could be taken now and go first. */
  get readyUrgent(): number {
    return this.#urgent.size;
  }

  /** Whether somebody works on the key right now. */
  isProcessing(key: string): boolean {
    const state = this.#slots.get(key)?.state;
    return state === "processing" || state === "processingAgain";
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  /** Oldest moment at which a change was noticed that is not done yet, less the keys left out; undefined when all is done. */
  oldestWallMs(leaveOut: (key: string) => boolean = () => false): number | undefined {
    let oldest: number | undefined;
    for (const [key, slot] of this.#slots) {
      if (leaveOut(key)) continue;
      if (oldest === undefined || slot.sinceWallMs < oldest) oldest = slot.sinceWallMs;
    }
    return oldest;
  }

  /** Rings for a key: it will be looked at as soon as its turn comes, once more if it is in progress. */
  add(key: string, ring: Ring = {}): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) {
      const fresh = this.#newSlot();
      this.#slots.set(key, fresh);
      this.#fill(fresh, ring);
      fresh.sinceWallMs = Math.min(fresh.sinceWallMs, ring.sinceWallMs ?? Infinity);
      this.#enqueue(key, fresh, ring.urgent === true);
      return;
    }
    this.#fill(slot, ring);
    slot.sinceWallMs = Math.min(slot.sinceWallMs, ring.sinceWallMs ?? Infinity);
    if (slot.state === "processing") {
      slot.state = "processingAgain";
      slot.again = { wallMs: this.#clock.wallMs(), ms: this.#clock.monotonicMs() };
    }
    if (slot.state === "delayed") {
      clearTimeout(slot.timer);
      slot.timer = undefined;
      slot.state = "queued";
      this.#enqueue(key, slot, slot.urgent || ring.urgent === true);
    } else if (ring.urgent && this.#normal.delete(key)) this.#enqueue(key, slot, true);
  }

  /** Turns of each key that must end until all that has rung for it so far is done; a delayed one has none. */
  turnsDue(): Map<string, number> {
    const due = new Map<string, number>();
    for (const [key, { state }] of this.#slots) {
      if (state !== "delayed") due.set(key, state === "processingAgain" ? 2 : 1);
    }
    return due;
  }

  /** Takes the next ready key; `done` must follow. A turn that is `forChanges` never goes to what a resync found while there are any. */
  take(forChanges = false): Item | undefined {
    const isContested = !forChanges && this.#urgent.size > 0 && this.#normal.size > 0;
    const isNormal = isContested && ++this.#contested % NORMAL_EVERY === 0;
    const key = (isNormal ? undefined : first(this.#urgent)) ?? first(this.#normal);
    if (key === undefined) return undefined;
    const slot = this.#slots.get(key) as Slot;
    slot.state = "processing";
    this.#processing++;
    const item: Item = {
      key,
      body: slot.body,
      checkCopy: slot.checkCopy,
      sinceWallMs: slot.sinceWallMs,
      sinceMs: slot.sinceMs,
      attempts: slot.attempts,
      urgent: slot.urgent,
      seen: slot.seen,
    };
    this.#dropBody(slot);
    slot.mustRead = false;
    slot.checkCopy = false;
    return item;
  }

  /**
   * The key's turn is over. With `retryInMs` it comes back by then, and keeps its age; `failed` counts the attempt. A change that
   * waits for its turn again still goes first, unless `urgent` is false: then nobody waits for it.
   */
  done(
    key: string,
    again?: {
      readonly retryInMs: number;
      readonly failed: boolean;
      readonly checkCopy?: boolean;
      readonly urgent?: boolean;
    },
  ): void {
    const slot = this.#slots.get(key);
    if (slot === undefined || !this.isProcessing(key)) return;
    this.#processing--;
    slot.attempts = again?.failed ? slot.attempts + 1 : 0;
    slot.checkCopy ||= again?.checkCopy === true;
    if (slot.state === "processingAgain") {
      slot.state = "queued";
      if (again === undefined && slot.again !== undefined) {
        slot.sinceWallMs = slot.again.wallMs;
        slot.sinceMs = slot.again.ms;
      }
      this.#enqueue(key, slot, true);
    } else if (again !== undefined) {
      slot.urgent &&= again.urgent !== false;
      this.#delay(key, slot, again.retryInMs);
    } else this.#slots.delete(key);
    this.#wakeRoomWaiters();
    this.onDone(key);
  }

  /** Bodies that were given with these keys are not to be believed any more: who waits or works with one reads, once more. */
  readAgain(isConcerned: (key: string) => boolean): void {
    for (const [key, slot] of this.#slots) {
      if (!isConcerned(key)) continue;
      // A delay has its reason, and stays.
      if (slot.state === "delayed") this.#fill(slot, {});
      else this.add(key);
    }
  }

  /** Rings for every delayed key at once: the cause of their failures may be gone. */
  retryDelayed(): void {
    for (const [key, slot] of this.#slots) if (slot.state === "delayed") this.add(key);
  }

  /** Resolves when fewer than `limit` keys are ready; the back-pressure of a resync. */
  room(limit: number, signal: AbortSignal): Promise<void> {
    if (this.ready < limit || signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { limit, resolve };
    const giveUp = () => {
      this.#roomWaiters = this.#roomWaiters.filter((other) => other !== waiter);
      resolve();
    };
    this.#roomWaiters.push(waiter);
    signal.addEventListener("abort", giveUp, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", giveUp));
  }

  /** Forgets everything. */
  clear(): void {
    for (const slot of this.#slots.values()) clearTimeout(slot.timer);
    this.#slots.clear();
    this.#urgent.clear();
    this.#normal.clear();
    this.#bodiesBytes = 0;
    this.#processing = 0;
    this.#wakeRoomWaiters();
  }

  #newSlot(): Slot {
    return {
      bodyBytes: 0,
      mustRead: false,
      checkCopy: false,
      sinceWallMs: this.#clock.wallMs(),
      sinceMs: this.#clock.monotonicMs(),
      attempts: 0,
      urgent: false,
      seen: false,
      state: "queued",
    };
  }

  #fill(slot: Slot, ring: Ring): void {
    slot.checkCopy ||= ring.checkCopy === true;
    if (ring.body === undefined) {
      // A bell without a body may tell of a deletion: what is held could be older than that.
      this.#dropBody(slot);
      slot.mustRead = true;
      return;
    }
    if (slot.mustRead) return;
    if (slot.body !== undefined && sameButOlder(ring.body, slot.body)) return;
    this.#dropBody(slot);
    const bytes = ring.sizeBytes ?? BODY_LIMIT_BYTES;
    if (bytes > BODY_LIMIT_BYTES || this.#bodiesBytes + bytes > BODIES_LIMIT_BYTES) {
      slot.mustRead = true;
      return;
    }
    slot.body = ring.body;
    slot.bodyBytes = bytes;
    this.#bodiesBytes += bytes;
  }

  #dropBody(slot: Slot): void {
    this.#bodiesBytes -= slot.bodyBytes;
    slot.body = undefined;
    slot.bodyBytes = 0;
  }

  #enqueue(key: string, slot: Slot, urgent: boolean): void {
    slot.urgent = urgent;
    slot.seen ||= urgent;
    (urgent ? this.#urgent : this.#normal).add(key);
    this.onReady();
  }

  #delay(key: string, slot: Slot, delayMs: number): void {
    slot.state = "delayed";
    slot.timer = setTimeout(() => {
      slot.timer = undefined;
      slot.state = "queued";
      this.#enqueue(key, slot, slot.urgent);
    }, Math.max(0, delayMs));
  }

  #wakeRoomWaiters(): void {
    const ready = this.ready;
    const waiting = this.#roomWaiters;
    if (waiting.length === 0) return;
    this.#roomWaiters = waiting.filter((waiter) => ready >= waiter.limit);
    for (const waiter of waiting) if (ready < waiter.limit) waiter.resolve();
  }
}

function sameButOlder(offered: KubeObject, held: KubeObject): boolean {
  return offered.metadata.uid === held.metadata.uid &&
    !isNewer(offered.metadata.resourceVersion, held.metadata.resourceVersion);
}

function first(keys: Set<string>): string | undefined {
  for (const key of keys) {
    keys.delete(key);
    return key;
  }
  return undefined;
}
