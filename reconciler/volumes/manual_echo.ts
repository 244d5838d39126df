/**
 * Which value of `sync-now` volumes have carried out: each had a pass that began after it was asked for, however it ended.
 *
 * @module
 */

/** Follows one value at a time; a newer one takes its place. */
export class ManualEcho {
  #done: string | undefined;
  #asked: string | undefined;
  /** Claims whose pass is not over; undefined before the round that is to carry it out. */
  #open: Set<string> | undefined;

  /** @param done the value that is known to be carried out */
  constructor(done: string | undefined) {
    this.#done = done;
  }

  get done(): string | undefined {
    return this.#done;
  }

  /** It still needs a round over all claims. */
  get isWaiting(): boolean {
    return this.#asked !== undefined && this.#open === undefined;
  }

  /** Asks for a value; answers whether it is a new one. */
  ask(value: string): boolean {
    if (value === this.#asked || (this.#asked === undefined && value === this.#done)) return false;
    this.#asked = value;
    this.#open = undefined;
    return true;
  }

  /** A round over all these claims begins. */
  begin(claims: readonly string[]): void {
    if (!this.isWaiting) return;
    this.#open = new Set(claims);
    this.#close();
  }

  /** A pass of a claim begins; to be called once it is over. One that began before the round counts for nothing. */
  look(claim: string): () => void {
    const open = this.#open;
    return () => {
      if (open === undefined || open !== this.#open) return;
      open.delete(claim);
      this.#close();
    };
  }

  /** Claims that are not there any more are not waited for. */
  keep(claims: ReadonlySet<string>): void {
    for (const claim of this.#open ?? []) if (!claims.has(claim)) this.#open?.delete(claim);
    this.#close();
  }

  #close(): void {
    if (this.#open === undefined || this.#open.size > 0) return;
    this.#done = this.#asked;
    this.#asked = this.#open = undefined;
  }
}
