/**
 * Level-triggered work: one look at a time at what is there, one more for whatever rang meanwhile, and one after a while.
 *
 * @module
 */

/** What is looked at, and what ends it. */
export interface ReconcileOptions {
  readonly signal: AbortSignal;
  /** One look; answers in how many milliseconds to look again, 0 for at once. Never rejects. */
  reconcile(): Promise<number>;
  /** Nothing is to be done until the next look. */
  settled(): void;
}

/** See the module. */
export class ReconcileLoop {
  readonly #options: ReconcileOptions;
  #running: Promise<void> | undefined;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReconcileOptions) {
    this.#options = options;
  }

  /** Something may have changed. */
  kick(): void {
    if (this.#options.signal.aborted) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#runUntilQuiet();
  }

  /** Waits for the look under way, after the signal. */
  async ended(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #runUntilQuiet(): Promise<void> {
    const { signal } = this.#options;
    let againInMs: number;
    do {
      this.#again = false;
      againInMs = await this.#options.reconcile();
    } while ((this.#again || againInMs === 0) && !signal.aborted);
    // In the same turn as the last look at `#again`: a kick in between would be lost.
    this.#running = undefined;
    if (signal.aborted) return;
    this.#options.settled();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.kick(), againInMs);
  }
}
