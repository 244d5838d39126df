/**
 * Rules of recorded events: what is one event and its repetition, how often an object may have one, how it is written.
 *
 * @module
 */
import { microTime } from "./lease.ts";
import type { KubeObject } from "./types.ts";

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for cluster-scoped kinds: their events are kept in namespace `default`. */
  readonly namespace?: string;
  readonly uid?: string;
}

/** What happened. */
export interface EventDetails {
  readonly type: "Normal" | "Warning";
  /** Why, in CamelCase: `DeletionBlocked`. At most 128 characters. */
  readonly reason: string;
  /** What was done or tried: `Mirror`. At most 128 characters. */
  readonly action: string;
  /** For people. Cut at 1,024 bytes. */
  readonly note: string;
}

/** Who reports. */
export interface EventReporter {
  /** A qualified name, `dr-syncer.io/controller`. */
  readonly reportingController: string;
  /** The process, at most 128 characters. */
  readonly reportingInstance: string;
}

/** A repetition within this time belongs to the same event. */
export const SERIES_MS = 10 * 60_000;
const MAX_NOTE_BYTES = 1_024;
const MAX_FIELD_CHARS = 128;
const MAX_NAME_CHARS = 253;

/** How many writes about one object may follow each other, and how fast they come back. */
const BURST = 25;
const REFILL_MS = 30_000;

/** A token bucket, as it was at a (monotonic) time. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Takes a token. Undefined when there is none. */
export function takeToken(bucket: Bucket | undefined, nowMs: number): Bucket | undefined {
  const tokens = bucket === undefined ? BURST : Math.min(BURST, bucket.tokens + (nowMs - bucket.atMs) / REFILL_MS);
  return tokens < 1 ? undefined : { tokens: tokens - 1, atMs: nowMs };
}

/** Whether a bucket is full again and need not be remembered. */
export function isFull(bucket: Bucket, nowMs: number): boolean {
  return bucket.tokens + (nowMs - bucket.atMs) / REFILL_MS >= BURST;
}

/** Equal for events about the same object. */
export function subjectKey(subject: EventSubject): string {
  return JSON.stringify([subject.apiVersion, subject.kind, subject.namespace, subject.name, subject.uid]);
}

/** Equal for events that are repetitions of each other. */
export function eventKey(subject: EventSubject, { type, reason, action, note }: EventDetails): string {
  return JSON.stringify([subjectKey(subject), type, reason, action, note]);
}

/** The Event object (events.k8s.io/v1). `suffix` makes its name unique. */
export function eventObject(
  subject: EventSubject,
  details: EventDetails,
  reporter: EventReporter,
  event: { readonly atWallMs: number; readonly suffix: string },
): KubeObject {
  const { namespace = "default" } = subject;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace, name: `${subject.name.slice(0, MAX_NAME_CHARS - event.suffix.length - 1)}.${event.suffix}` },
    eventTime: microTime(event.atWallMs),
    type: details.type,
    reason: details.reason.slice(0, MAX_FIELD_CHARS),
    action: details.action.slice(0, MAX_FIELD_CHARS),
    note: cutBytes(details.note, MAX_NOTE_BYTES),
    regarding: { ...subject },
    reportingController: reporter.reportingController,
    reportingInstance: reporter.reportingInstance.slice(0, MAX_FIELD_CHARS),
  };
}

/** What a repetition changes: the only field of an event that may change. */
export function seriesPatch(count: number, lastWallMs: number): Record<string, unknown> {
  return { series: { count, lastObservedTime: microTime(lastWallMs) } };
}

/** Cuts at a number of UTF-8 bytes, never within a character; what was cut ends in an ellipsis. */
export function cutBytes(text: string, mostBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= mostBytes) return text;
  const ellipsisBytes = 3;
  // A streaming decoder keeps the first bytes of a character that is not complete to itself.
  const kept = new TextDecoder().decode(bytes.subarray(0, mostBytes - ellipsisBytes), { stream: true });
  return `${kept}…`;
}
