/**
 * Copies that were written without fields that DR did not know are tried once more a while later: of a definition that has just
 * changed, parts of an API server know earlier than others, and what tells its schema may know it before what takes objects does.
 *
 * @module
 */
import type { Memory } from "./memory.ts";
import type { KeyedQueue } from "./queue.ts";

/** Long after the last part of a busy server has heard of a definition. */
const REVIEW_AFTER_MS = 10_000;

/** Digest of no schema, and not `undefined`: a server may not tell the digest of a new kind for a while. */
const NO_SCHEMA = "none";

/** See the module. */
export class OmissionReview {
  readonly #memory: Pick<Memory, "get">;
  readonly #queue: Pick<KeyedQueue, "add">;
  readonly #afterMs: number;
  readonly #due = new Set<string>();
  readonly #reviewed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(memory: Pick<Memory, "get">, queue: Pick<KeyedQueue, "add">, afterMs = REVIEW_AFTER_MS) {
    this.#memory = memory;
    this.#queue = queue;
    this.#afterMs = afterMs;
  }

  /** A copy was written; what it had to do without is reviewed, unless this very write was the review. */
  written(key: string): void {
    const wasReview = this.#reviewed.delete(key);
    const isWhole = (this.#memory.get(key)?.remainder?.unknownFields ?? []).length === 0;
    if (isWhole || wasReview) return;
    this.#due.add(key);
    this.#timer ??= setTimeout(() => this.#review(), this.#afterMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due.clear();
  }

  #review(): void {
    this.#timer = undefined;
    for (const key of this.#due) {
      const entry = this.#memory.get(key);
      if (entry?.remainder === undefined) continue;
      // As if DR had refused them by another schema: the next look tries the whole object.
      entry.remainder = { ...entry.remainder, schema: NO_SCHEMA };
      this.#reviewed.add(key);
      this.#queue.add(key, { checkCopy: true });
    }
    this.#due.clear();
  }
}
