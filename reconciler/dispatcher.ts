/**
 * Shares the write capacity of one DR cluster between the queues of all Replications that write to it.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import { type Answer, type Concurrency, initialConcurrency, limitAt, stepConcurrency } from "./concurrency.ts";
import type { Item, KeyedQueue } from "./queue.ts";
import { type LaneLoad, nextTurn } from "./turns.ts";

/** One turn of a key; it calls `progress` with each step that it has done. Must never reject. */
export type Work = (item: Item, progress: () => void) => Promise<void>;

interface Lane {
  readonly queue: KeyedQueue;
  readonly work: Work;
  running: number;
  runningUrgent: number;
  spare: number;
  /** Taken away: its turns under way still count. */
  closed: boolean;
}

/** What a dispatcher is made of. */
export interface DispatcherOptions {
  readonly clock?: Clock;
  /** Turns at once in the beginning. */
  readonly limit?: number;
  /** The number of turns at once has changed. */
  readonly onLimit?: (limit: number) => void;
}

/** What a call to the cluster met, and how long it took. */
export type CallOutcome =
  | { readonly type: "Answered"; readonly tookMs: number }
  | { readonly type: "TimedOut"; readonly tookMs: number }
  | { readonly type: "Throttled"; readonly tookMs: number; readonly retryAfterMs?: number };

/** Bounded, fair dispatch without worker loops: a ready key starts in the turn in which it was added. */
export class Dispatcher {
  readonly #clock: Clock;
  readonly #onLimit: (limit: number) => void;
  #concurrency: Concurrency;
  #lanes: Lane[] = [];
  #next = 0;
  /** The turns under way, in the order of their last sign of life. */
  readonly #turns = new Set<{ movedMs: number }>();
  #paused = false;
  #kicked = false;

  constructor({ clock = systemClock, limit, onLimit = () => {} }: DispatcherOptions = {}) {
    this.#clock = clock;
    this.#concurrency = initialConcurrency(limit);
    this.#onLimit = onLimit;
  }

  get running(): number {
    return this.#turns.size;
  }

  /** Turns at once, spare ones not counted. */
  get limit(): number {
    return this.#concurrency.limit;
  }

  /** How long the turn that moved least has not moved; 0 when nothing is under way. */
  get oldestStepMs(): number {
    for (const turn of this.#turns) return this.#clock.monotonicMs() - turn.movedMs;
    return 0;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Adds a queue. The result removes it again. */
  register(queue: KeyedQueue, work: Work): () => void {
    const lane: Lane = { queue, work, running: 0, runningUrgent: 0, spare: 0, closed: false };
    this.#lanes.push(lane);
    queue.onReady = () => this.#kick();
    this.#kick();
    return () => {
      queue.onReady = () => {};
      lane.closed = true;
      this.#forgetClosed();
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

  /** Tells of a call that has just ended: how many turns at once the cluster bears is learned from it. */
  noteCall(outcome: CallOutcome): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#concurrency.limit;
    const answer: Answer = {
      ...outcome,
      startedMs: nowMs - outcome.tookMs,
      nowMs,
      full: this.#turns.size >= before,
    };
    this.#concurrency = stepConcurrency(this.#concurrency, answer);
    if (this.limit === before) return;
    this.#onLimit(this.limit);
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
    while (!this.#paused) {
      const next = nextTurn(
        this.#lanes.map(loadOf),
        limitAt(this.#concurrency, this.#clock.monotonicMs()),
        this.#next,
      );
      const lane = next === undefined ? undefined : this.#lanes[next.lane];
      const item = lane?.queue.take(next?.spare);
      if (next === undefined || lane === undefined || item === undefined) return;
      this.#next = (next.lane + 1) % this.#lanes.length;
      this.#run(lane, item, next.spare);
    }
  }

  #run(lane: Lane, item: Item, spare: boolean): void {
    const turn = { movedMs: this.#clock.monotonicMs() };
    this.#turns.add(turn);
    count(lane, item, spare, 1);
    const progress = () => {
      if (!this.#turns.delete(turn)) return;
      turn.movedMs = this.#clock.monotonicMs();
      this.#turns.add(turn);
    };
    lane.work(item, progress).finally(() => {
      this.#turns.delete(turn);
      count(lane, item, spare, -1);
      this.#forgetClosed();
      this.#start();
    });
  }

  #forgetClosed(): void {
    if (this.#lanes.some(isOver)) this.#lanes = this.#lanes.filter((lane) => !isOver(lane));
  }
}

function isOver({ closed, running }: Lane): boolean {
  return closed && running === 0;
}

function loadOf({ queue, running, runningUrgent, spare, closed }: Lane): LaneLoad {
  const ready = closed ? 0 : queue.ready;
  return { ready, readyUrgent: closed ? 0 : queue.readyUrgent, running, runningUrgent, spare };
}

function count(lane: Lane, item: Item, spare: boolean, by: 1 | -1): void {
  lane.running += by;
  if (item.urgent) lane.runningUrgent += by;
  if (spare) lane.spare += by;
}
