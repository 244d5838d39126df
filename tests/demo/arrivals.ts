/**
 * Which changes have arrived in the DR cluster, and when.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";

/** A change of one object, and how to see it in DR. */
export interface Change {
  /** `resource.group/name`. */
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  /** What is done to it: `created`, `scaled 3 → 5`. */
  readonly action: string;
  /** Time that dr-syncer lets pass on purpose before it carries the change out (a delete's grace), in milliseconds. */
  readonly graceMs?: number;
  /** The start of a mirror or of a kind, not a change within a running one: not in the percentiles. */
  readonly isStart?: boolean;
  /** Says what is seen when the copy (undefined: there is none) shows what the source answered; else undefined. */
  readonly shows: (answer: KubeObject, copy: KubeObject | undefined) => string | undefined;
}

/** How far a change is. */
export type Arrival =
  & { readonly change: Change }
  & (
    | { readonly state: "pending" }
    /** `lagMs`: from the response of the source's write to the sight at DR's watch; 0 when the sight came first. */
    | { readonly state: "arrived"; readonly lagMs: number; readonly note: string }
  );

/** What DR's watch showed of an object: its copy, or that it is gone. */
interface Sight {
  readonly copy: KubeObject | undefined;
  readonly atMs: number;
}

/** A change on its way. A copy may be seen before the response of the write that made it is here. */
interface Pending {
  readonly position: number;
  readonly change: Change;
  readonly sights: Sight[];
  answer?: { readonly object: KubeObject; readonly atMs: number };
}

/** Follows changes from the source to DR. */
export class Arrivals {
  readonly #all: Arrival[] = [];
  readonly #pending = new Set<Pending>();
  #arrived = Promise.withResolvers<void>();

  /** @param onChange called when a change is announced and when it arrives, with its position */
  constructor(readonly onChange: (position: number, arrival: Arrival) => void) {}

  get all(): readonly Arrival[] {
    return this.#all;
  }

  /** Announces the changes that one write makes, performs it, and notes when the response came. */
  async perform(changes: readonly Change[], write: () => Promise<KubeObject>): Promise<void> {
    const announced = changes.map((change) => this.#announce(change));
    const object = await write();
    const answer = { object, atMs: performance.now() };
    for (const pending of announced) {
      pending.answer = answer;
      this.#look(pending);
    }
  }

  /** DR's watch showed an object, or that it is gone. */
  seen(key: string, copy: KubeObject | undefined, atMs: number): void {
    for (const pending of this.#pending) {
      if (pending.change.key !== key) continue;
      pending.sights.push({ copy, atMs });
      this.#look(pending);
    }
  }

  /** Waits until everything that was announced has arrived; false when that takes longer. */
  async waitForAll(deadlineMs: number, signal: AbortSignal): Promise<boolean> {
    const end = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const ended = Promise.withResolvers<void>();
    end.addEventListener("abort", () => ended.resolve(), { once: true });
    while (this.#pending.size > 0 && !end.aborted) await Promise.race([this.#arrived.promise, ended.promise]);
    signal.throwIfAborted();
    return this.#pending.size === 0;
  }

  #announce(change: Change): Pending {
    const pending: Pending = { position: this.#all.length, change, sights: [] };
    this.#pending.add(pending);
    this.#set(pending.position, { change, state: "pending" });
    return pending;
  }

  #look(pending: Pending): void {
    const { answer, change, position } = pending;
    if (answer === undefined) return;
    for (const { copy, atMs } of pending.sights.splice(0)) {
      const note = change.shows(answer.object, copy);
      if (note === undefined) continue;
      this.#pending.delete(pending);
      this.#set(position, { change, state: "arrived", lagMs: Math.max(0, atMs - answer.atMs), note });
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
      return;
    }
  }

  #set(position: number, arrival: Arrival): void {
    this.#all[position] = arrival;
    this.onChange(position, arrival);
  }
}
