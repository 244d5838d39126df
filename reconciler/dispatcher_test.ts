import assert from "node:assert/strict";
import { Dispatcher } from "./dispatcher.ts";
import { type Item, KeyedQueue } from "./queue.ts";
import { HandClock } from "./testing.ts";

/** A queue whose turns last until the test ends them. */
class Lane {
  readonly queue = new KeyedQueue(new HandClock());
  readonly started: string[] = [];
  /** What each turn calls when it moves. */
  readonly progress = new Map<string, () => void>();
  readonly #ends: (() => void)[] = [];
  readonly unregister: () => void;

  constructor(dispatcher: Dispatcher, readonly order: string[] = []) {
    this.unregister = dispatcher.register(this.queue, (item, progress) => this.#work(item, progress));
  }

  add(...keys: string[]): void {
    for (const key of keys) this.queue.add(key);
  }

  /** Turns under way. */
  get running(): number {
    return this.#ends.length;
  }

  /** Ends the oldest turn. */
  end(): void {
    this.#ends.shift()?.();
  }

  #work(item: Item, progress: () => void): Promise<void> {
    this.progress.set(item.key, progress);
    this.started.push(item.key);
    this.order.push(item.key);
    return new Promise((resolve) =>
      this.#ends.push(() => {
        this.queue.done(item.key);
        resolve();
      })
    );
  }
}

function keys(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Lets every microtask that is due run. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("turns are bounded, and the next begins when one ends", async () => {
  const dispatcher = new Dispatcher({ limit: 2 });
  const lane = new Lane(dispatcher);
  lane.add("a", "b", "c", "d");
  await turn();
  assert.deepEqual(lane.started, ["a", "b"]);
  assert.equal(dispatcher.running, 2);
  lane.end();
  await turn();
  assert.deepEqual(lane.started, ["a", "b", "c"]);
  for (let i = 0; i < 3; i++) {
    lane.end();
    await turn();
  }
  assert.deepEqual([dispatcher.running, lane.queue.size], [0, 0]);
});

Deno.test("queues share turns: what one gives back, the other gets until both have as many", async () => {
  const dispatcher = new Dispatcher({ limit: 4 });
  const [busy, other] = [new Lane(dispatcher), new Lane(dispatcher)];
  busy.add(...keys("b", 100));
  await turn();
  other.add(...keys("o", 100));
  await turn();
  // At once, beside those of the busy one.
  assert.deepEqual([busy.running, other.running], [4, 1]);
  for (let ended = 0; ended < 20; ended++) {
    (ended % 2 === 0 ? busy : other).end();
    await turn();
  }
  assert.ok(Math.abs(busy.running - other.running) <= 1, `${busy.running} and ${other.running}`);
});

Deno.test("a change does not wait for 10,000 slow writes of another queue", async () => {
  const dispatcher = new Dispatcher({ limit: 16 });
  const [slow, other] = [new Lane(dispatcher), new Lane(dispatcher)];
  slow.add(...keys("s", 10_000));
  await turn();
  assert.equal(slow.running, 16);
  other.add("a change");
  await turn();
  assert.deepEqual(other.started, ["a change"]);
});

Deno.test("a change does not wait for the slow writes of a first sync of its own queue", async () => {
  const dispatcher = new Dispatcher({ limit: 16 });
  const lane = new Lane(dispatcher);
  lane.add(...keys("found", 10_000));
  await turn();
  lane.queue.add("a change", { urgent: true });
  await turn();
  assert.deepEqual([lane.started.length, lane.started.at(-1)], [17, "a change"]);
});

Deno.test("many changes of one queue take no more than its turns and a few spare ones", async () => {
  const dispatcher = new Dispatcher({ limit: 16 });
  const lane = new Lane(dispatcher);
  for (const key of keys("c", 1_000)) lane.queue.add(key, { urgent: true });
  await turn();
  assert.equal(lane.running, 16);
});

Deno.test("throttled, the whole cluster is asked less until it may be asked again", async () => {
  const clock = new HandClock();
  const limits: number[] = [];
  const dispatcher = new Dispatcher({ limit: 16, clock, onLimit: (limit) => limits.push(limit) });
  const lane = new Lane(dispatcher);
  dispatcher.noteCall({ type: "Throttled", tookMs: 0, retryAfterMs: 1_000 });
  lane.add(...keys("t", 100));
  await turn();
  assert.equal(lane.running, 2);
  clock.advance(1_000);
  lane.end();
  await turn();
  assert.deepEqual([lane.running, limits], [8, [8]]);
});

Deno.test("paused, nothing begins and what runs goes on; resumed, all that waits begins", async () => {
  const dispatcher = new Dispatcher({ limit: 4 });
  const lane = new Lane(dispatcher);
  lane.add("a");
  await turn();
  dispatcher.pause();
  lane.add("b", "c");
  lane.end();
  await turn();
  assert.deepEqual([lane.started, dispatcher.running, dispatcher.paused], [["a"], 0, true]);
  dispatcher.resume();
  await turn();
  assert.deepEqual([lane.started, dispatcher.paused], [["a", "b", "c"], false]);
});

Deno.test("a burst of rings of one key in one turn is one look", async () => {
  const dispatcher = new Dispatcher({ limit: 4 });
  const lane = new Lane(dispatcher);
  for (let i = 0; i < 20; i++) lane.add("a");
  await turn();
  assert.deepEqual(lane.started, ["a"]);
  lane.end();
  await turn();
  assert.equal(lane.queue.size, 0);
});

Deno.test("a queue that is taken away begins nothing more; its turns under way count until they end", async () => {
  const dispatcher = new Dispatcher({ limit: 2 });
  const [gone, left] = [new Lane(dispatcher), new Lane(dispatcher)];
  gone.add("g1", "g2", "g3");
  await turn();
  gone.unregister();
  left.add("l1", "l2", "l3");
  await turn();
  // One spare turn, no more.
  assert.deepEqual([gone.started, left.started], [["g1", "g2"], ["l1"]]);
  gone.end();
  await turn();
  assert.deepEqual([gone.started, left.started], [["g1", "g2"], ["l1", "l2"]]);
  gone.add("g4");
  gone.end();
  left.end();
  await turn();
  assert.deepEqual([gone.started, left.started], [["g1", "g2"], ["l1", "l2", "l3"]]);
});

Deno.test("a turn that does not move is told by its age; one that moves is not, however long it takes", async () => {
  const clock = new HandClock();
  const dispatcher = new Dispatcher({ clock, limit: 2 });
  const lane = new Lane(dispatcher);
  assert.equal(dispatcher.oldestStepMs, 0);
  lane.add("slow", "stuck");
  await turn();
  clock.advance(25_000);
  lane.progress.get("slow")?.();
  clock.advance(25_000);
  assert.equal(dispatcher.oldestStepMs, 50_000, "of the one that is stuck");
  lane.progress.get("stuck")?.();
  assert.equal(dispatcher.oldestStepMs, 25_000, "of the slow one");
  lane.end();
  await turn();
  lane.progress.get("slow")?.();
  clock.advance(1_000);
  assert.equal(dispatcher.oldestStepMs, 1_000, "a turn that is over moves no more");
  lane.end();
  await turn();
  assert.equal(dispatcher.oldestStepMs, 0);
});
