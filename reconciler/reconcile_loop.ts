/**
 * Level-triggered work: one look at a time at what is there, one more for whatever rang meanwhile, and one after a while.
 *
 * @module
 */
import { LookLoop } from "./look_loop.ts";

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
  readonly #looks: LookLoop;
  #againInMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReconcileOptions) {
    this.#options = options;
    this.#looks = new LookLoop({
      signal: options.signal,
      look: () => this.#reconcile(),
      quiet: () => this.#rest(),
    });
  }

  /** Something may have changed. */
  kick(): void {
    void this.#looks.ask();
  }

  /** Waits for the look under way, after the signal. */
  async ended(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#looks.ended();
  }

  async #reconcile(): Promise<void> {
    this.#againInMs = await this.#options.reconcile();
    if (this.#againInMs === 0) this.kick();
  }

  #rest(): void {
    this.#options.settled();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.kick(), this.#againInMs);
  }
}
