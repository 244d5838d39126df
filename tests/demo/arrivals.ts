/**
 * Which changes have arrived in the DR cluster, and when.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";

/** A change of one object, and how to see it in DR. */
export interface Change {
  /** `resource.group/name`. */
  readonly key: string;
  /** The object for people: `Deployment web`. */
  readonly title: string;
  /** What is done to it: `created`, `scaled 3 → 5`. */
  readonly action: string;
  /** Time that dr-syncer lets pass on purpose before it carries the change out (a delete's grace), in milliseconds. */
  readonly graceMs?: number;
  /** The start of a mirror, not a change of a running one: not in the percentiles. */
  readonly isStart?: boolean;
  /** Says what is seen, when the copy (undefined: there is none) shows the change; undefined as long as it does not. */
  readonly shows: (copy: KubeObject | undefined) => string | undefined;
}

/** A change that was, or is about to be, written in the source. */
export interface Arrival {
  readonly change: Change;
  /** `performance.now()` of the response to the write. */
  readonly writtenAtMs?: number;
  /** `performance.now()` at which the DR cluster's watch showed it. */
  readonly seenAtMs?: number;
  /** What was seen. */
  readonly note?: string;
}

/** From the response of the write to the sight in DR, in milliseconds; 0 when the sight came first; undefined: not yet. */
export function lagMs({ writtenAtMs, seenAtMs }: Arrival): number | undefined {
  return writtenAtMs === undefined || seenAtMs === undefined ? undefined : Math.max(0, seenAtMs - writtenAtMs);
}

/** Follows changes from the source to DR. */
export class Arrivals {
  readonly #all: Arrival[] = [];
  #changed = Promise.withResolvers<void>();

  /** @param onArrival called for each arrival that is complete, with its position */
  constructor(readonly onArrival: (position: number, arrival: Arrival) => void) {}

  get all(): readonly Arrival[] {
    return this.#all;
  }

  /** Announces a change before it is written: its copy may be seen before the response is. Answers with its position. */
  announce(change: Change): number {
    return this.#all.push({ change }) - 1;
  }

  /** The write was answered. */
  written(position: number, atMs: number): void {
    this.#set(position, { ...this.#all[position]!, writtenAtMs: atMs });
  }

  /** DR's watch showed an object, or that it is gone (undefined). */
  seen(key: string, copy: KubeObject | undefined, atMs: number): void {
    for (const [position, arrival] of this.#all.entries()) {
      if (arrival.seenAtMs !== undefined || arrival.change.key !== key) continue;
      const note = arrival.change.shows(copy);
      if (note !== undefined) this.#set(position, { ...arrival, seenAtMs: atMs, note });
    }
  }

  /** Waits until everything that was announced has arrived; false when that takes longer. */
  async waitForAll(deadlineMs: number, signal: AbortSignal): Promise<boolean> {
    const late = AbortSignal.timeout(deadlineMs);
    const end = Promise.withResolvers<void>();
    for (const one of [late, signal]) one.addEventListener("abort", () => end.resolve(), { once: true });
    while (this.#all.some((arrival) => lagMs(arrival) === undefined)) {
      signal.throwIfAborted();
      if (late.aborted) return false;
      await Promise.race([this.#changed.promise, end.promise]);
    }
    return true;
  }

  #set(position: number, arrival: Arrival): void {
    this.#all[position] = arrival;
    if (lagMs(arrival) === undefined) return;
    this.onArrival(position, arrival);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
