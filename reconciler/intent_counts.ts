/**
 * What the budget asks of all open delete intents together, counted as they come and go: a judgement of one must not cost a look
 * at all of them.
 *
 * @module
 */
import { type Intent, type IntentTotals, neverDeleted } from "./deletes.ts";
import { splitKey } from "./memory.ts";

/** Counts of a set of intents; whoever changes an intent takes it out before and adds it after. */
export class IntentCounts implements IntentTotals {
  readonly #ofKind = new Map<string, number>();
  readonly #endedOfKind = new Map<string, number>();
  #asking = 0;

  /** Counts of these. */
  static of(intents: Iterable<Intent>): IntentCounts {
    const counts = new IntentCounts();
    for (const intent of intents) counts.add(intent);
    return counts;
  }

  get asking(): number {
    return this.#asking;
  }

  ofKind(kind: string): number {
    return this.#ofKind.get(kind) ?? 0;
  }

  endedOfKind(kind: string): number {
    return this.#endedOfKind.get(kind) ?? 0;
  }

  /** All of them. */
  get ended(): number {
    return [...this.#endedOfKind.values()].reduce((sum, count) => sum + count, 0);
  }

  add(intent: Intent): void {
    this.#count(intent, 1);
  }

  remove(intent: Intent): void {
    this.#count(intent, -1);
  }

  #count({ key, approved, counted, ended }: Intent, by: 1 | -1): void {
    if (neverDeleted(key)) return;
    const { kind } = splitKey(key);
    if (ended) {
      this.#endedOfKind.set(kind, this.endedOfKind(kind) + by);
      return;
    }
    this.#ofKind.set(kind, this.ofKind(kind) + by);
    if (!approved && !counted) this.#asking += by;
  }
}
