/**
 * Records Events (events.k8s.io/v1): without waiting, without failing, without flooding.
 *
 * @module
 */
import { type Clock, systemClock, waitFor } from "./clock.ts";
import { isKubeError } from "./errors.ts";
import {
  type Bucket,
  type EventDetails,
  eventKey,
  eventObject,
  type EventReporter,
  type EventSubject,
  isFull,
  SERIES_MS,
  seriesPatch,
  subjectKey,
  takeToken,
} from "./event_rules.ts";
import type { ObjectRef, ResourceType, Writer } from "./types.ts";

export type { EventDetails, EventSubject } from "./event_rules.ts";

/** The kind. */
export const EVENTS: ResourceType = {
  group: "events.k8s.io",
  version: "v1",
  resource: "events",
  kind: "Event",
  singular: "event",
  shortNames: ["ev"],
  namespaced: true,
  verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  subresources: [],
};

/** Why events were not written: too many about one object, too many at once, refused or unreachable, closed. */
export type DropReason = "rate" | "queue" | "failed" | "closed";

/** What a recorder needs. */
export interface EventRecorderOptions {
  readonly client: Pick<Writer, "create" | "patch">;
  /** The process, for example the pod's name. */
  readonly reportingInstance: string;
  /** `dr-syncer.io/controller` unless told otherwise. */
  readonly reportingController?: string;
  readonly clock?: Clock;
  /** Makes names unique; random unless told otherwise. */
  readonly suffix?: () => string;
  /** An event could not be written; for logs. Must not throw, nor must the next. */
  readonly onError?: (error: unknown) => void;
  /** One event was not written; for a counter. */
  readonly onDropped?: (reason: DropReason) => void;
  /** Events that may wait to be written: 1,000. */
  readonly maxQueued?: number;
}

/** Records events. */
export interface EventRecorder {
  /** Takes note; never throws, never waits. The same again within 10 minutes is counted in the event that is there. */
  record(subject: EventSubject, details: EventDetails): void;
  /** Resolves when everything was written or dropped, or the time is over; never rejects. */
  flush(deadlineMs: number): Promise<void>;
  /** Drops what waits; resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/** Makes a recorder; it does nothing until something is recorded. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

/** One event and its repetitions. */
interface Entry {
  readonly subject: EventSubject;
  readonly details: EventDetails;
  readonly firstWallMs: number;
  count: number;
  lastWallMs: number;
  /** Monotonic. */
  lastMs: number;
  queued: boolean;
  /** Of its name: the same with every attempt, so that one whose answer was lost is not written twice. */
  suffix: string;
  /** Where it is, once written. */
  stored?: ObjectRef;
}

const ATTEMPTS = 4;
const RETRY_MS = 1_000;
const CALL_DEADLINE_MS = 10_000;

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #reporter: EventReporter;
  readonly #suffix: () => string;
  readonly #closed = new AbortController();
  readonly #entries = new Map<string, Entry>();
  readonly #buckets = new Map<string, Bucket>();
  #queue: Entry[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#suffix = options.suffix ?? (() => crypto.randomUUID().slice(0, 13));
    const { reportingInstance, reportingController = "dr-syncer.io/controller" } = options;
    this.#reporter = { reportingController, reportingInstance };
  }

  record(subject: EventSubject, details: EventDetails): void {
    if (this.#closed.signal.aborted) return this.#drop("closed");
    const entry = this.#note(subject, details);
    if (entry.queued) return;
    if (this.#queue.length >= (this.#options.maxQueued ?? 1_000)) return this.#drop("queue");
    const key = subjectKey(subject);
    const bucket = takeToken(this.#buckets.get(key), this.#clock.nowMs());
    if (bucket === undefined) return this.#drop("rate");
    this.#buckets.set(key, bucket);
    entry.queued = true;
    this.#queue.push(entry);
    this.#writing ??= this.#writeAll();
  }

  async flush(deadlineMs: number): Promise<void> {
    const over = new AbortController();
    const late = waitFor(this.#clock, deadlineMs, over.signal);
    await Promise.race([this.#writing, late]);
    over.abort();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const _ of this.#queue.splice(0)) this.#drop("closed");
    await this.#writing;
  }

  /** Counts a repetition, or begins an event. */
  #note(subject: EventSubject, details: EventDetails): Entry {
    const nowMs = this.#clock.nowMs();
    const wallMs = this.#clock.wallMs();
    const key = eventKey(subject, details);
    const known = this.#entries.get(key);
    // Kept in the order of their last use, for `#forget`.
    this.#entries.delete(key);
    this.#forget(nowMs);
    if (known === undefined || nowMs - known.lastMs >= SERIES_MS) {
      const entry = {
        subject,
        details,
        firstWallMs: wallMs,
        count: 1,
        lastWallMs: wallMs,
        lastMs: nowMs,
        queued: false,
        suffix: this.#suffix(),
      };
      this.#entries.set(key, entry);
      return entry;
    }
    known.count++;
    known.lastWallMs = wallMs;
    known.lastMs = nowMs;
    this.#entries.set(key, known);
    return known;
  }

  /** Forgets what can no longer be repeated, and buckets that are full again. */
  #forget(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (nowMs - entry.lastMs < SERIES_MS) break;
      this.#entries.delete(key);
    }
    if (this.#buckets.size <= this.#entries.size + 100) return;
    for (const [key, bucket] of this.#buckets) if (isFull(bucket, nowMs)) this.#buckets.delete(key);
  }

  async #writeAll(): Promise<void> {
    // The caller of `record` goes on first: nothing it does may wait for us.
    await Promise.resolve();
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      entry.queued = false;
      await this.#write(entry);
    }
    this.#writing = undefined;
  }

  async #write(entry: Entry): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#writeOnce(entry);
      } catch (error) {
        if (this.#closed.signal.aborted) return this.#drop("closed");
        if (attempt === ATTEMPTS || !isWorthRetrying(error)) {
          this.#options.onError?.(error);
          return this.#drop("failed");
        }
        await waitFor(this.#clock, RETRY_MS * 2 ** (attempt - 1), this.#closed.signal);
      }
    }
  }

  async #writeOnce(entry: Entry): Promise<void> {
    const { client } = this.#options;
    const call = { signal: this.#closed.signal, deadlineMs: CALL_DEADLINE_MS };
    if (entry.stored !== undefined) {
      try {
        const body = seriesPatch(entry.count, entry.lastWallMs);
        await client.patch(EVENTS, entry.stored, { type: "merge", body }, call);
        return;
      } catch (error) {
        // The server keeps events for an hour: this one is gone, so it begins again.
        if (!isKubeError(error, "NotFound")) throw error;
        entry.stored = undefined;
        entry.suffix = this.#suffix();
      }
    }
    const event = eventObject(entry.subject, entry.details, this.#reporter, {
      atWallMs: entry.firstWallMs,
      suffix: entry.suffix,
    });
    if (entry.count > 1) Object.assign(event, seriesPatch(entry.count, entry.lastWallMs));
    try {
      await client.create(EVENTS, event, call);
    } catch (error) {
      if (!isKubeError(error, "AlreadyExists")) throw error;
    }
    entry.stored = { namespace: event.metadata.namespace, name: event.metadata.name };
  }

  #drop(reason: DropReason): void {
    this.#options.onDropped?.(reason);
  }
}

function isWorthRetrying(error: unknown): boolean {
  return isKubeError(error, "Unreachable", "Timeout", "Throttled", "Unavailable", "ServerError");
}
