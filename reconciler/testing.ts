/**
 * What the tests of this folder share: time in the test's own hands.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** A clock that moves only when it is told to. */
export class HandClock implements Clock {
  #ms = 0;
  readonly #wallStartMs: number;

  constructor(wallStartMs = Date.parse("2026-01-01T00:00:00Z")) {
    this.#wallStartMs = wallStartMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  advance(byMs: number): void {
    this.#ms += byMs;
  }
}
