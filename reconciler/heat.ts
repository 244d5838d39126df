/**
 * Keeps an object that changes all the time from being written all the time: its first two writes go out at once, the
 * next ones wait and take along what comes meanwhile.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Writes of one key that go out at once. */
const FREE_WRITES = 2;
/** Least time between the others. */
const GAP_MS = 200;
/** A key that was not written for this long is cold again. */
const COLD_MS = 1_000;

/** Remembers the keys written within the last second. */
export class WriteHeat {
  readonly #clock: Clock;
  /** In the order of their last writes. */
  readonly #keys = new Map<string, { count: number; lastMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A copy was written. */
  wrote(key: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetCold(nowMs);
    const count = (this.#keys.get(key)?.count ?? 0) + 1;
    this.#keys.delete(key);
    this.#keys.set(key, { count, lastMs: nowMs });
  }

  /** How long the next write of a key has to wait, in milliseconds. */
  waitMs(key: string): number {
    const known = this.#keys.get(key);
    if (known === undefined || known.count < FREE_WRITES) return 0;
    const passedMs = this.#clock.monotonicMs() - known.lastMs;
    return passedMs >= COLD_MS ? 0 : Math.max(0, GAP_MS - passedMs);
  }

  #forgetCold(nowMs: number): void {
    for (const [key, { lastMs }] of this.#keys) {
      if (nowMs - lastMs < COLD_MS) return;
      this.#keys.delete(key);
    }
  }
}
