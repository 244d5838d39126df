/**
 * What was true when.
 *
 * @module
 */

/** A value over time: what it was at some moment since then. */
export class History<T> {
  readonly #changes: { readonly tick: number; readonly ms: number; readonly value: T }[];

  constructor(value: T) {
    this.#changes = [{ tick: 0, ms: 0, value }];
  }

  get now(): T {
    return (this.#changes.at(-1) as { value: T }).value;
  }

  set(value: T, tick: number, ms: number): void {
    if (value !== this.now) this.#changes.push({ tick, ms, value });
  }

  /** Whether it was so at any moment after this call. */
  wasSince(tick: number, is: (value: T) => boolean): boolean {
    return this.#changes.some(({ value }, index) => is(value) && (this.#changes[index + 1]?.tick ?? Infinity) > tick);
  }

  /** Whether it was so at any moment between these. */
  wasBetweenMs(fromMs: number, toMs: number, is: (value: T) => boolean): boolean {
    return this.#changes.some(({ value, ms }, index) =>
      is(value) && ms <= toMs && (this.#changes[index + 1]?.ms ?? Infinity) >= fromMs
    );
  }
}
