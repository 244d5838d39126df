/**
 * What one process was shown: its looks at copies and sources, and how its lists went.
 *
 * @module
 */
import type { Clock } from "../../../reconciler/clock.ts";
import { History } from "./history.ts";

/** The last looks at one copy and at its source. */
export interface Looks {
  copyTick: number;
  copyWallMs: number;
  sourceTick: number;
  /** When the mirror was last shown a source object that has a copy, or wrote that. */
  wantedMs: number;
}

/** What is noted is noted at a moment of it. */
export interface Moments {
  readonly tick: number;
  readonly clock: Clock;
  set<T>(history: History<T>, value: T): void;
}

/** See the module. */
export class Sight {
  readonly #truth: Moments;
  readonly #looks = new Map<string, Looks>();
  readonly #listed = new Map<string, History<boolean>>();
  /** When the last list of a kind began, unless it failed. */
  readonly #listing = new Map<string, number>();
  #isConnected = true;
  #openedTick = 0;
  /** Kinds that it mirrors. */
  selected: ReadonlySet<string> = new Set();
  startedMs = 0;

  constructor(truth: Moments) {
    this.#truth = truth;
  }

  /** It begins to mirror these kinds: all that it knows it learns from now on. */
  begin(selected: ReadonlySet<string>): void {
    this.selected = selected;
    this.startedMs = this.#truth.clock.monotonicMs();
    this.opened(true);
  }

  looks(key: string): Looks {
    let looks = this.#looks.get(key);
    if (looks === undefined) this.#looks.set(key, looks = { copyTick: 0, copyWallMs: 0, sourceTick: 0, wantedMs: 0 });
    return looks;
  }

  /** The copy was read. */
  sawCopy(key: string): void {
    const { tick, clock } = this.#truth;
    Object.assign(this.looks(key), { copyTick: tick, copyWallMs: clock.wallMs() });
  }

  /** The source was read, or the copy written. */
  sawWanted(key: string): void {
    this.looks(key).wantedMs = this.#truth.clock.monotonicMs();
  }

  /** Whether the last list of a kind was whole, since its watch was opened, and that is open. */
  listed(resource: string): History<boolean> {
    let history = this.#listed.get(resource);
    if (history === undefined) this.#listed.set(resource, history = new History(false));
    return history;
  }

  listBegan(resource: string): void {
    this.#listing.set(resource, this.#truth.tick);
  }

  listEnded(resource: string): void {
    this.#note(resource);
  }

  listFailed(resource: string): void {
    this.#listing.delete(resource);
    this.#note(resource);
  }

  /** The watches of the source are down. */
  broken(): void {
    this.#isConnected = false;
    for (const resource of this.#listed.keys()) this.#note(resource);
  }

  /** They may come up again; `isAnew` when only a list can tell what they have missed. */
  opened(isAnew: boolean): void {
    this.#isConnected = true;
    if (isAnew) {
      this.#openedTick = this.#truth.tick;
      this.#listing.clear();
    }
    for (const resource of this.#listed.keys()) this.#note(resource);
  }

  #note(resource: string): void {
    const isWhole = (this.#listing.get(resource) ?? -1) >= this.#openedTick;
    this.#truth.set(this.listed(resource), this.#isConnected && isWhole);
  }
}
