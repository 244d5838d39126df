/**
 * How many volumes are copied to one cluster at once, whichever Replication they belong to: first come, first served.
 *
 * @module
 */

/** Turns of one cluster. */
export class VolumeTurns {
  #taken = 0;
  readonly #waiting = new Set<() => boolean>();

  /**
   * Resolves with true once one of `limit` turns is ours, with false when the signal was aborted before that. The limit is asked
   * for at each chance: it may change.
   */
  enter(limit: () => number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const attempt = () => {
      if (this.#taken >= limit()) return false;
      this.#taken++;
      this.#waiting.delete(attempt);
      signal.removeEventListener("abort", giveUp);
      resolve(true);
      return true;
    };
    const giveUp = () => {
      this.#waiting.delete(attempt);
      resolve(false);
    };
    if (signal.aborted) return Promise.resolve(false);
    if (this.#waiting.size > 0 || !attempt()) {
      this.#waiting.add(attempt);
      signal.addEventListener("abort", giveUp, { once: true });
    }
    return promise;
  }

  /** Gives a turn back. */
  leave(): void {
    this.#taken--;
    // Whoever waits longest first; one that may not yet bars nobody with a higher limit.
    for (const attempt of [...this.#waiting]) attempt();
  }
}
