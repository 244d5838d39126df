/**
 * What is to be looked at in the next round.
 *
 * @module
 */

/** Collects until it is taken. */
export class Wants {
  #all = false;
  #due = false;
  #claims = new Set<string>();

  /** Nothing is wanted. */
  get isEmpty(): boolean {
    return !this.#all && !this.#due && this.#claims.size === 0;
  }

  /** Every claim. */
  all(): void {
    this.#all = true;
  }

  /** Every claim whose time has come. */
  due(): void {
    this.#due = true;
  }

  claim(name: string): void {
    this.#claims.add(name);
  }

  /** Hands out what is wanted, and wants nothing any more. */
  take(): Wanted {
    const [all, due, claims] = [this.#all, this.#due, this.#claims];
    [this.#all, this.#due, this.#claims] = [false, false, new Set()];
    return {
      all,
      has: (claim, isDue) => all || claims.has(claim) || (due && isDue()),
      giveBack: () => {
        this.#all ||= all;
        this.#due ||= due;
        for (const claim of claims) this.#claims.add(claim);
      },
    };
  }
}

/** What a round looks at. */
export interface Wanted {
  readonly all: boolean;
  has(claim: string, isDue: () => boolean): boolean;
  /** It could not be looked at: it is wanted once more. */
  giveBack(): void;
}
