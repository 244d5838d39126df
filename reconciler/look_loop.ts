/**
 * One look at a time at what is there, and one more for whatever asked meanwhile.
 *
 * @module
 */

/** What is looked at, and what ends it. */
export interface LookOptions {
  /** After it nothing is begun any more. */
  readonly signal: AbortSignal;
  /** One look. It throws programming errors only: they go to whoever asked, and the next who asks begins anew. */
  look(): Promise<void>;
  /** The last look has ended, and nobody has asked since it began. */
  quiet?(): void;
}

/** See the module. */
export class LookLoop {
  readonly #options: LookOptions;
  #asked = false;
  #looking = false;
  #last: Promise<void> = Promise.resolve();
  #pass: unknown;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Looks, soon; a call meanwhile gets one more look after it. Resolves once nothing is left to be looked at. */
  ask(): Promise<void> {
    this.#asked = true;
    if (!this.#looking) this.#last = this.#lookUntilQuiet();
    return this.#last;
  }

  /** Asks when a full pass has ended since (`pass` is another one). */
  passed(pass: unknown): void {
    if (pass === this.#pass) return;
    this.#pass = pass;
    void this.ask();
  }

  /** Resolves when the looks under way have ended. */
  async ended(): Promise<void> {
    await this.#last;
  }

  async #lookUntilQuiet(): Promise<void> {
    const { signal, look, quiet } = this.#options;
    this.#looking = true;
    try {
      while (this.#asked && !signal.aborted) {
        this.#asked = false;
        await look();
      }
    } finally {
      // In the same turn as the last look at `#asked`: a call in between would be lost.
      this.#looking = false;
    }
    if (!signal.aborted) quiet?.();
  }
}
