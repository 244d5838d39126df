/**
 * Questions to a thread that wait for their answer.
 *
 * @module
 */
import type { Clock } from "../kube/clock.ts";

/** Pairs answers with questions; every question is settled, at its deadline at the latest. */
export class Pings {
  readonly #clock: Clock;
  readonly #open = new Map<number, (answered: boolean) => void>();
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks by `post`; whether the answer came in time. */
  ask(post: (id: number) => void, deadlineMs: number): Promise<boolean> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(() => this.#settle(id, false), deadlineMs);
      this.#open.set(id, (answered) => {
        cancel();
        resolve(answered);
      });
      post(id);
    });
  }

  /** The answer to one question. */
  answered(id: number): void {
    this.#settle(id, true);
  }

  /** Whoever was asked is gone. */
  giveUp(): void {
    for (const id of [...this.#open.keys()]) this.#settle(id, false);
  }

  #settle(id: number, answered: boolean): void {
    const settle = this.#open.get(id);
    this.#open.delete(id);
    settle?.(answered);
  }
}
