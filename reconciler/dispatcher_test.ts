import assert from "node:assert/strict";
import { Dispatcher } from "./dispatcher.ts";
import { type Item, KeyedQueue } from "./queue.ts";
import { HandClock } from "./testing.ts";

/** A queue whose turns last until the test ends them. */
class Lane {
  readonly queue = new KeyedQueue(new HandClock());
  readonly started: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly unregister: () => void;

  constructor(dispatcher: Dispatcher, readonly order: string[] = []) {
    this.unregister = dispatcher.register(this.queue, (item) => this.#work(item));
  }

  add(...keys: string[]): void {
    for (const key of keys) this.queue.add(key);
  }

  /** Ends the oldest turn. */
  end(): void {
    this.#ends.shift()?.();
  }

  #work(item: Item): Promise<void> {
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

/** Lets every microtask that is due run. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("turns are bounded, and the next begins when one ends", async () => {
  const dispatcher = new Dispatcher(2);
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

Deno.test("queues take turns: one with much to do does not delay another", async () => {
  const dispatcher = new Dispatcher(1);
  const order: string[] = [];
  const busy = new Lane(dispatcher, order);
  const idle = new Lane(dispatcher, order);
  busy.add("b1", "b2", "b3", "b4");
  await turn();
  idle.add("i1", "i2");
  for (let i = 0; i < 6; i++) {
    busy.end();
    idle.end();
    await turn();
  }
  assert.deepEqual(order, ["b1", "i1", "b2", "i2", "b3", "b4"]);
});

Deno.test("paused, nothing begins and what runs goes on; resumed, all that waits begins", async () => {
  const dispatcher = new Dispatcher(4);
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
  const dispatcher = new Dispatcher(4);
  const lane = new Lane(dispatcher);
  for (let i = 0; i < 20; i++) lane.add("a");
  await turn();
  assert.deepEqual(lane.started, ["a"]);
  lane.end();
  await turn();
  assert.equal(lane.queue.size, 0);
});

Deno.test("a queue that is taken away begins nothing more and does not stop the others", async () => {
  const dispatcher = new Dispatcher(1);
  const [gone, left] = [new Lane(dispatcher), new Lane(dispatcher)];
  gone.add("g1", "g2");
  await turn();
  gone.unregister();
  left.add("l1");
  await turn();
  assert.deepEqual(left.started, []);
  gone.end();
  await turn();
  assert.deepEqual([gone.started, left.started], [["g1"], ["l1"]]);
  gone.add("g3");
  left.end();
  await turn();
  assert.deepEqual(gone.started, ["g1"]);
});

Deno.test("the age of the oldest turn shows that something is stuck", async () => {
  const dispatcher = new Dispatcher(2);
  const lane = new Lane(dispatcher);
  assert.equal(dispatcher.oldestTurnMs, 0);
  lane.add("a");
  await turn();
  await turn();
  assert.ok(dispatcher.oldestTurnMs > 0);
  lane.end();
  await turn();
  assert.equal(dispatcher.oldestTurnMs, 0);
});
