/**
 * Keeps an object that changes all the time from being written all the time: two writes in quick succession go out at
 * once, the next ones wait longer and longer, at most a second, and take along what comes meanwhile.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Writes of one key that go out at once. */
const FREE_WRITES = 2;
/** Time before the first write that has to wait; it doubles from write to write. */
const FIRST_GAP_MS = 300;
const MAX_GAP_MS = 1_000;

interface Heat {
  count: number;
  lastMs: number;
}

/** Remembers the keys written just now. */
export class WriteHeat {
  readonly #clock: Clock;
  /** In the order of their last writes. */
  readonly #keys = new Map<string, Heat>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A copy was written; `writes` counts the requests that took. */
  wrote(key: string, writes = 1): void {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetCold(nowMs);
    const known = this.#hot(key, nowMs);
    this.#keys.delete(key);
    this.#keys.set(key, { count: (known?.count ?? 0) + writes, lastMs: nowMs });
  }

  /** How long the next write of a key has to wait, in milliseconds. */
  waitMs(key: string): number {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#hot(key, nowMs);
    return known === undefined ? 0 : Math.max(0, known.lastMs + gapMs(known.count) - nowMs);
  }

  #hot(key: string, nowMs: number): Heat | undefined {
    const known = this.#keys.get(key);
    if (known === undefined) return undefined;
    return nowMs - known.lastMs < Math.max(FIRST_GAP_MS, 2 * gapMs(known.count)) ? known : undefined;
  }

  #forgetCold(nowMs: number): void {
    for (const [key, { lastMs }] of this.#keys) {
      if (nowMs - lastMs < 2 * MAX_GAP_MS) return;
      this.#keys.delete(key);
    }
  }
}

function gapMs(count: number): number {
  return count < FREE_WRITES ? 0 : Math.min(MAX_GAP_MS, FIRST_GAP_MS * 2 ** (count - FREE_WRITES));
}
