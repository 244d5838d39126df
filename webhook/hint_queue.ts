/**
 * Hints on their way from the admission thread to the main thread: bounded, one entry a key, one batch under way.
 *
 * A hint leaves at once when the main thread is free; while it is busy, hints wait here and melt together instead of
 * piling up in its message queue.
 *
 * @module
 */
import type { Hint } from "./review.ts";

/** Counts since the thread began. */
export interface HintCounts {
  /** Hints accepted. */
  readonly pushed: number;
  /** Hints that met a waiting hint of their key. */
  readonly coalesced: number;
  /** Hints lost because the queue was full. */
  readonly dropped: number;
  /** Keys that wait now. */
  readonly pending: number;
}

/** See the module. */
export class HintQueue {
  readonly #waiting = new Map<string, Hint>();
  readonly #send: (hints: readonly Hint[]) => void;
  readonly #limit: number;
  #underWay = false;
  #pushed = 0;
  #coalesced = 0;
  #dropped = 0;

  /** `send` gets each batch; the next one leaves after `taken()`. At most `limit` keys wait. */
  constructor(send: (hints: readonly Hint[]) => void, limit: number) {
    this.#send = send;
    this.#limit = limit;
  }

  /** Takes a hint in; never throws, never waits. */
  push(hint: Hint): void {
    const key = keyOf(hint);
    if (this.#waiting.has(key)) this.#coalesced++;
    else if (this.#waiting.size >= this.#limit) {
      this.#dropped++;
      return;
    }
    this.#pushed++;
    this.#waiting.set(key, hint);
    this.#flush();
  }

  /** The receiver has the last batch. */
  taken(): void {
    this.#underWay = false;
    this.#flush();
  }

  counts(): HintCounts {
    return {
      pushed: this.#pushed,
      coalesced: this.#coalesced,
      dropped: this.#dropped,
      pending: this.#waiting.size,
    };
  }

  #flush(): void {
    if (this.#underWay || this.#waiting.size === 0) return;
    this.#underWay = true;
    const batch = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#send(batch);
  }
}

/** A key is one object whatever the version and subresource it was written through. */
function keyOf(hint: Hint): string {
  return `${hint.resource}.${hint.group}/${hint.namespace}/${hint.name}`;
}
