import assert from "node:assert/strict";
import fc from "fast-check";
import { waitFor } from "../tests/wait.ts";
import type { KubeObject } from "../kube/types.ts";
import { systemClock } from "./clock.ts";
import { BODIES_LIMIT_BYTES, BODY_LIMIT_BYTES, type Item, KeyedQueue, type Ring } from "./queue.ts";
import { HandClock } from "./testing.ts";

const FAR_MS = 1_000_000;

function configMap(resourceVersion: number, uid = "u"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", uid, resourceVersion: `${resourceVersion}` },
  };
}

type Op =
  | {
    readonly do: "add";
    readonly key: string;
    readonly version?: number;
    readonly urgent: boolean;
    readonly checkCopy: boolean;
  }
  | { readonly do: "take" }
  | { readonly do: "done"; readonly pick: number; readonly how: "well" | "failed" | "wait" }
  | { readonly do: "readAgain"; readonly key: string }
  | { readonly do: "retryDelayed" };

const ops: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      key: fc.constantFrom("a", "b", "c"),
      version: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      urgent: fc.boolean(),
      checkCopy: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("take" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("done" as const),
      pick: fc.nat(2),
      how: fc.constantFrom("well" as const, "failed" as const, "wait" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("readAgain" as const), key: fc.constantFrom("a", "b", "c") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retryDelayed" as const) }) },
);

/** What a key should be, told without lanes, timers and sizes. */
interface Modelled {
  state: "ready" | "delayed" | "processing";
  /** Rung since it was taken last. */
  rung: boolean;
  /** Newest version told since it was taken; "read" once a ring told nothing. */
  newest: number | "read" | "nothing";
  checkCopy: boolean;
  attempts: number;
}

class Model {
  readonly keys = new Map<string, Modelled>();

  add(key: string, version: number | undefined, checkCopy: boolean): void {
    const known = this.keys.get(key) ??
      { state: "ready", rung: false, newest: "nothing", checkCopy: false, attempts: 0 };
    this.keys.set(key, known);
    if (version === undefined || known.newest === "read") known.newest = "read";
    else known.newest = known.newest === "nothing" ? version : Math.max(known.newest, version);
    known.checkCopy ||= checkCopy;
    known.rung = true;
    if (known.state === "delayed") known.state = "ready";
  }

  /** What a key was told is worth nothing; who is delayed stays so. */
  readAgain(key: string): void {
    const known = this.keys.get(key);
    if (known === undefined) return;
    if (known.state === "delayed") known.newest = "read";
    else this.add(key, undefined, false);
  }

  taken(item: Item): void {
    const known = this.keys.get(item.key);
    assert.equal(known?.state, "ready", `${item.key} was taken although it is ${known?.state}`);
    if (known === undefined) return;
    const expected = typeof known.newest === "number" ? `${known.newest}` : undefined;
    assert.equal(item.body?.metadata.resourceVersion, expected);
    assert.equal(item.checkCopy, known.checkCopy);
    assert.equal(item.attempts, known.attempts);
    Object.assign(known, { state: "processing", rung: false, newest: "nothing", checkCopy: false });
  }

  done(key: string, how: "well" | "failed" | "wait"): void {
    const known = this.keys.get(key) as Modelled;
    known.attempts = how === "failed" ? known.attempts + 1 : 0;
    if (how === "failed") known.checkCopy = true;
    if (known.rung) known.state = "ready";
    else if (how === "well") this.keys.delete(key);
    else known.state = "delayed";
  }

  in(state: Modelled["state"]): string[] {
    return [...this.keys].filter(([, known]) => known.state === state).map(([key]) => key).sort();
  }
}

function run(queue: KeyedQueue, model: Model, op: Op): void {
  switch (op.do) {
    case "add": {
      const { key, version, urgent, checkCopy } = op;
      queue.add(key, {
        body: version === undefined ? undefined : configMap(version),
        sizeBytes: 10,
        urgent,
        checkCopy,
      });
      return model.add(key, version, checkCopy);
    }
    case "take": {
      const item = queue.take();
      if (item === undefined) return assert.deepEqual(model.in("ready"), []);
      return model.taken(item);
    }
    case "done": {
      const key = model.in("processing")[op.pick];
      if (key === undefined) return;
      const failed = op.how === "failed";
      queue.done(key, op.how === "well" ? undefined : { retryInMs: FAR_MS, failed, checkCopy: failed });
      return model.done(key, op.how);
    }
    case "readAgain":
      model.readAgain(op.key);
      return queue.readAgain((key) => key === op.key);
    case "retryDelayed":
      for (const key of model.in("delayed")) model.add(key, undefined, false);
      return queue.retryDelayed();
  }
}

Deno.test("a key is never taken twice at once, brings the newest body, and no ring is lost", () => {
  fc.assert(
    fc.property(fc.array(ops, { maxLength: 60 }), (sequence) => {
      const queue = new KeyedQueue(new HandClock());
      const model = new Model();
      try {
        for (const op of sequence) {
          run(queue, model, op);
          assert.equal(queue.ready, model.in("ready").length);
          assert.equal(queue.active, queue.ready + model.in("processing").length);
          assert.equal(queue.size, model.keys.size);
          for (const [key, { state }] of model.keys) assert.equal(queue.isProcessing(key), state === "processing");
        }
        // Drained, the last ring of each key has been followed by a turn.
        for (const key of model.in("processing")) {
          run(queue, model, { do: "done", pick: model.in("processing").indexOf(key), how: "well" });
        }
        run(queue, model, { do: "retryDelayed" });
        for (let item = queue.take(); item !== undefined; item = queue.take()) {
          model.taken(item);
          queue.done(item.key);
          model.done(item.key, "well");
        }
        assert.equal(queue.size, 0);
        assert.equal(model.keys.size, 0);
      } finally {
        queue.clear();
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("urgent keys go first, each lane in the order of its rings", () => {
  const queue = new KeyedQueue(new HandClock());
  for (const key of ["slow-1", "slow-2", "slow-3"]) queue.add(key);
  for (const key of ["fast-1", "fast-2"]) queue.add(key, { urgent: true });
  queue.add("slow-3", { urgent: true });
  const order = Array.from({ length: 5 }, () => queue.take()?.key);
  assert.deepEqual(order, ["fast-1", "fast-2", "slow-3", "slow-1", "slow-2"]);
});

Deno.test("a change that has to wait, failed or not, is still a change when its turn comes again", () => {
  const queue = new KeyedQueue(new HandClock());
  queue.add("change", { urgent: true });
  queue.take();
  queue.done("change", { retryInMs: FAR_MS, failed: true });
  queue.add("found");
  queue.retryDelayed();
  assert.deepEqual([queue.ready, queue.readyUrgent], [2, 1]);
  assert.deepEqual([queue.take(), queue.take()].map((item) => [item?.key, item?.urgent]), [
    ["change", true],
    ["found", false],
  ]);
});

Deno.test("what nobody waits for goes after changes when its turn comes again, and is told from what a resync found", () => {
  const queue = new KeyedQueue(new HandClock());
  queue.add("delete", { urgent: true });
  queue.take();
  queue.done("delete", { retryInMs: FAR_MS, failed: false, urgent: false });
  queue.retryDelayed();
  queue.add("found");
  queue.add("change", { urgent: true });
  assert.deepEqual([queue.ready, queue.readyUrgent], [3, 1]);
  const items = Array.from({ length: 3 }, () => queue.take());
  assert.deepEqual(items.map((item) => [item?.key, item?.urgent, item?.seen]), [
    ["change", true, true],
    ["delete", false, true],
    ["found", false, false],
  ]);
  queue.clear();
});

Deno.test("an older body never takes the place of a newer one, also when that was too long to keep", () => {
  const queue = new KeyedQueue(new HandClock());
  queue.add("a", { body: configMap(20), sizeBytes: 10 });
  queue.add("a", { body: configMap(15), sizeBytes: 10 });
  assert.equal(queue.take()?.body?.metadata.resourceVersion, "20");
  queue.done("a");
  queue.add("a", { body: configMap(20), sizeBytes: BODY_LIMIT_BYTES + 1 });
  queue.add("a", { body: configMap(15), sizeBytes: 10 });
  assert.equal(queue.take()?.body, undefined);
});

Deno.test("bodies of all keys together are bounded, and their room comes back", () => {
  const queue = new KeyedQueue(new HandClock());
  const fitting = BODIES_LIMIT_BYTES / BODY_LIMIT_BYTES;
  const ring = (): Ring => ({ body: configMap(1), sizeBytes: BODY_LIMIT_BYTES });
  for (let i = 0; i <= fitting; i++) queue.add(`key-${i}`, ring());
  const taken = Array.from({ length: fitting + 1 }, () => queue.take());
  assert.deepEqual(taken.map((item) => item?.body === undefined), [...Array(fitting).fill(false), true]);
  queue.add("another", ring());
  assert.ok(queue.take()?.body !== undefined);
});

Deno.test("a ring while the key is in progress keeps its own time, and its turn comes next", () => {
  const clock = new HandClock();
  const queue = new KeyedQueue(clock);
  queue.add("a");
  queue.take();
  clock.advance(1_000);
  const rungWallMs = clock.wallMs();
  queue.add("a");
  clock.advance(5_000);
  queue.add("b");
  queue.done("a");
  assert.equal(queue.oldestWallMs(), rungWallMs);
  const again = queue.take();
  assert.deepEqual([again?.key, again?.sinceWallMs, again?.sinceMs], ["a", rungWallMs, 1_000]);
  assert.equal(queue.oldestWallMs((key) => key === "a"), clock.wallMs());
});

Deno.test("a failed turn keeps the age of its change, counts the attempt, and looks at the copy next time", () => {
  const clock = new HandClock();
  const queue = new KeyedQueue(clock);
  const startWallMs = clock.wallMs();
  queue.add("a");
  queue.take();
  clock.advance(100);
  queue.add("a");
  queue.done("a", { retryInMs: FAR_MS, failed: true, checkCopy: true });
  const item = queue.take();
  assert.deepEqual([item?.sinceWallMs, item?.attempts, item?.checkCopy], [startWallMs, 1, true]);
});

Deno.test("a delayed key comes back by itself, and at once when rung", async () => {
  const queue = new KeyedQueue(systemClock);
  let ready = 0;
  queue.onReady = () => ready++;
  queue.add("a");
  queue.take();
  queue.done("a", { retryInMs: 20, failed: true });
  assert.equal(queue.ready, 0);
  await waitFor("the key be ready again", () => queue.ready === 1, { deadlineMs: 2_000, pollMs: 5 });
  assert.equal(ready, 2);
  queue.take();
  queue.done("a", { retryInMs: FAR_MS, failed: true });
  queue.add("a");
  assert.equal(queue.take()?.attempts, 2);
  queue.done("a");
  assert.equal(queue.size, 0);
});

Deno.test("room is given when fewer keys are ready, to those who gave up at once, and leaves no listener", async () => {
  const queue = new KeyedQueue(new HandClock());
  const added: string[] = [];
  const removed: string[] = [];
  const abort = new AbortController();
  const { signal } = abort;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (type: string, ...rest: unknown[]) => {
    added.push(type);
    return (add as (...all: unknown[]) => void)(type, ...rest);
  };
  signal.removeEventListener = (type: string, ...rest: unknown[]) => {
    removed.push(type);
    return (remove as (...all: unknown[]) => void)(type, ...rest);
  };
  await queue.room(1, signal);
  for (const key of ["a", "b", "c"]) queue.add(key);
  let given = false;
  const waiting = queue.room(2, signal).then(() => given = true);
  queue.take();
  queue.done("a");
  await Promise.resolve();
  assert.equal(given, false);
  queue.take();
  queue.done("b");
  await waiting;
  const impatient = queue.room(1, signal);
  abort.abort();
  await impatient;
  await queue.room(1, signal);
  assert.deepEqual([added.length, removed.length], [2, 2]);
});

Deno.test("cleared, a queue forgets keys, delays and turns, and gives room", async () => {
  const queue = new KeyedQueue(new HandClock());
  queue.add("a", { body: configMap(1), sizeBytes: BODY_LIMIT_BYTES });
  queue.add("b");
  queue.take();
  queue.done("a", { retryInMs: FAR_MS, failed: true });
  queue.add("c");
  queue.take();
  const waiting = queue.room(1, new AbortController().signal);
  queue.clear();
  await waiting;
  assert.deepEqual([queue.size, queue.active, queue.take()], [0, 0, undefined]);
  // A turn that ends late is not taken for one of a key that was rung since.
  queue.add("b");
  queue.done("b");
  assert.deepEqual([queue.active, queue.take()?.key], [1, "b"]);
});

Deno.test("while changes keep coming, one turn in eight is for what a resync found; a turn for changes never is", () => {
  const queue = new KeyedQueue(systemClock);
  for (let i = 0; i < 40; i++) queue.add(`changed-${i}`, { urgent: true });
  for (let i = 0; i < 3; i++) queue.add(`found-${i}`);
  const taken = (forChanges: boolean) => Array.from({ length: 16 }, () => queue.take(forChanges)?.key ?? "");
  assert.deepEqual(taken(true).filter((key) => key.startsWith("found")), []);
  assert.deepEqual(taken(false).filter((key) => key.startsWith("found")), ["found-0", "found-1"]);
  queue.clear();
});

Deno.test("the turns that a key is due: one more when it was rung for while in progress, none while it is delayed", () => {
  const queue = new KeyedQueue(systemClock);
  const over: string[] = [];
  queue.onDone = (key) => over.push(key);
  for (const key of ["delayed", "again", "busy", "waiting"]) queue.add(key);
  for (let i = 0; i < 3; i++) queue.take();
  queue.add("again");
  queue.done("delayed", { retryInMs: FAR_MS, failed: true });
  assert.deepEqual(Object.fromEntries(queue.turnsDue()), { again: 2, busy: 1, waiting: 1 });
  assert.deepEqual(over, ["delayed"]);
  queue.clear();
});
