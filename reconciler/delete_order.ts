/**
 * The order of deletes that a comparison found: what depends on others goes before them, creates and updates before both.
 *
 * @module
 */

interface Place {
  readonly pass: number;
  readonly tier: number;
}

/**
 * Turns of deletes. A key that was seen to be deleted as it happened is not in here and waits for nobody; one that is held,
 * refused or waits for anything but its grace leaves, and keeps no other from going.
 */
export class DeleteOrder {
  readonly #places = new Map<string, Place>();
  /** Keys by pass and tier. */
  readonly #passes = new Map<number, Map<number, Set<string>>>();
  /** Keys that have asked for their turn, and got none. */
  readonly #waiting = new Set<string>();
  readonly #ring: (key: string) => void;
  #pass = 0;
  #running = 0;

  /** `ring` is called for a key whose turn it is. */
  constructor(ring: (key: string) => void) {
    this.#ring = ring;
  }

  /** A full pass begins: nothing in here goes until it has ended. Answers what ends it. */
  begin(): () => void {
    this.#pass++;
    this.#running++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#running--;
      if (this.#running === 0) { for (const pass of [...this.#passes.keys()]) this.#call(pass); }
    };
  }

  /** A comparison, or an approval, asks for the delete of a key; `tier` is its kind's. Once only. */
  enter(key: string, tier: number): void {
    if (this.#places.has(key)) return;
    const place = { pass: this.#pass, tier };
    this.#places.set(key, place);
    const tiers = this.#passes.get(place.pass) ?? new Map<number, Set<string>>();
    this.#passes.set(place.pass, tiers);
    tiers.set(tier, (tiers.get(tier) ?? new Set()).add(key));
  }

  /** Whether a key waits for its turn, or has it. */
  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** Whether a key may be deleted now; if not, it is rung for. */
  mayGo(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return true;
    if (this.#running === 0 && this.#firstTier(place.pass) === place.tier) return true;
    this.#waiting.add(key);
    return false;
  }

  /** A key is deleted, or is not going to be for now. */
  leave(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#waiting.delete(key);
    const tiers = this.#passes.get(place.pass);
    const keys = tiers?.get(place.tier);
    keys?.delete(key);
    if (keys === undefined || keys.size > 0) return;
    tiers?.delete(place.tier);
    if (tiers?.size === 0) this.#passes.delete(place.pass);
    else if (this.#running === 0) this.#call(place.pass);
  }

  #firstTier(pass: number): number {
    return Math.max(...this.#passes.get(pass)?.keys() ?? []);
  }

  #call(pass: number): void {
    for (const key of this.#passes.get(pass)?.get(this.#firstTier(pass)) ?? []) {
      if (this.#waiting.delete(key)) this.#ring(key);
    }
  }
}
