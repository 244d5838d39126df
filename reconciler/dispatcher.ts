/**
 * Shares the write capacity of one DR cluster between the queues of all Replications that write to it, in turn.
 *
 * @module
 */
import type { Item, KeyedQueue } from "./queue.ts";

/** Writes in flight to one DR cluster. */
export const DEFAULT_CONCURRENCY = 16;

interface Lane {
  readonly queue: KeyedQueue;
  readonly work: (item: Item) => Promise<void>;
}

/** Bounded, fair dispatch without worker loops: a ready key starts in the turn in which it was added. */
export class Dispatcher {
  readonly #limit: number;
  #lanes: Lane[] = [];
  #next = 0;
  /** When each turn that is under way began. */
  readonly #turns = new Set<{ readonly startedMs: number }>();
  #paused = false;
  #kicked = false;

  constructor(limit = DEFAULT_CONCURRENCY) {
    this.#limit = limit;
  }

  get running(): number {
    return this.#turns.size;
  }

  /** How long the oldest turn takes by now; 0 when nothing is under way. */
  get oldestTurnMs(): number {
    for (const turn of this.#turns) return performance.now() - turn.startedMs;
    return 0;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Adds a queue; `work` must never reject. The result removes the queue again. */
  register(queue: KeyedQueue, work: (item: Item) => Promise<void>): () => void {
    const lane: Lane = { queue, work };
    this.#lanes.push(lane);
    queue.onReady = () => this.#kick();
    this.#kick();
    return () => {
      queue.onReady = () => {};
      this.#lanes = this.#lanes.filter((other) => other !== lane);
    };
  }

  /** Stops starting work; what runs goes on. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#kick();
  }

  #kick(): void {
    if (this.#kicked) return;
    this.#kicked = true;
    // One microtask later, so that a burst of rings in one turn is coalesced per key first.
    queueMicrotask(() => {
      this.#kicked = false;
      this.#start();
    });
  }

  #start(): void {
    while (!this.#paused && this.#turns.size < this.#limit) {
      const lane = this.#nextLane();
      const item = lane?.queue.take();
      if (lane === undefined || item === undefined) return;
      const turn = { startedMs: performance.now() };
      this.#turns.add(turn);
      lane.work(item).finally(() => {
        this.#turns.delete(turn);
        this.#start();
      });
    }
  }

  #nextLane(): Lane | undefined {
    for (let i = 0; i < this.#lanes.length; i++) {
      const lane = this.#lanes[(this.#next + i) % this.#lanes.length];
      if (lane !== undefined && lane.queue.ready > 0) {
        this.#next = (this.#next + i + 1) % this.#lanes.length;
        return lane;
      }
    }
    return undefined;
  }
}
