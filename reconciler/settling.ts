/**
 * Waits for the turns of certain keys of a queue, whatever else comes into it meanwhile.
 *
 * @module
 */
import type { KeyedQueue } from "./queue.ts";

interface Wait {
  /** Turns of each key that are still to end. */
  readonly due: Map<string, number>;
  readonly resolve: () => void;
}

/** See the module. */
export class Settling {
  readonly #queue: Pick<KeyedQueue, "turnsDue">;
  readonly #waits = new Set<Wait>();
  /** Turns that have ended so far. */
  turns = 0;

  constructor(queue: KeyedQueue) {
    this.#queue = queue;
    queue.onDone = (key) => this.#turnOver(key);
  }

  /** Resolves when all that has rung by now for these keys is done, or waits for its retry. */
  settled(isMeant: (key: string) => boolean): Promise<void> {
    const due = new Map([...this.#queue.turnsDue()].filter(([key]) => isMeant(key)));
    if (due.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waits.add({ due, resolve });
    return promise;
  }

  /** Nobody waits any longer. */
  giveUp(): void {
    for (const { resolve } of this.#waits) resolve();
    this.#waits.clear();
  }

  #turnOver(key: string): void {
    this.turns++;
    for (const wait of this.#waits) {
      const due = wait.due.get(key);
      if (due === undefined) continue;
      if (due > 1) wait.due.set(key, due - 1);
      else wait.due.delete(key);
      if (wait.due.size > 0) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
  }
}
