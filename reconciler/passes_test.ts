import assert from "node:assert/strict";
import { waitFor } from "../tests/wait.ts";
import type { ResourceType } from "../kube/types.ts";
import { systemClock } from "./clock.ts";
import { DeleteOrder } from "./delete_order.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { MirroredKind } from "./kinds.ts";
import { Passes } from "./passes.ts";
import { type Item, KeyedQueue } from "./queue.ts";

const DEADLINE_MS = 20_000;

function kindOf(name: string, tier: number): MirroredKind {
  return { name, tier, selected: true, source: { group: "", resource: name } as ResourceType };
}

/** Passes over a real queue, which a real dispatcher works off, `atOnce` turns at a time. */
class Stage implements Disposable {
  readonly queue = new KeyedQueue(systemClock);
  readonly done: string[] = [];
  readonly passes: Passes;
  readonly deleteOrder = new DeleteOrder((key) => this.queue.add(key));
  /** Keys that the comparison of a kind finds. */
  readonly found = new Map<string, string[]>();
  /** Kinds that cannot be compared. */
  readonly deaf = new Set<string>();
  /** What a turn does, besides taking its time. */
  work: (item: Item) => Promise<void> = () => Promise.resolve();
  readonly #abort = new AbortController();
  readonly #tried = new Set<string>();
  readonly #unregister: () => void;

  constructor(kinds: readonly MirroredKind[], { atOnce = 4, patienceMs = DEADLINE_MS } = {}) {
    this.passes = new Passes({
      queue: this.queue,
      deleteOrder: this.deleteOrder,
      signal: this.#abort.signal,
      patienceMs,
      kinds: () => kinds,
      follower: (name) => ({ tried: this.#tried.has(name), resync: () => this.compare(name) }),
    });
    this.#unregister = new Dispatcher({ limit: atOnce }).register(this.queue, async (item) => {
      await new Promise((resolve) => setTimeout(resolve));
      await this.work(item);
      this.done.push(item.key);
      this.queue.done(item.key);
    });
  }

  /** As a follower compares its kind. */
  async compare(name: string): Promise<void> {
    await Promise.resolve();
    if (this.deaf.has(name)) return;
    for (const key of this.found.get(name) ?? []) this.queue.add(key);
    this.#tried.add(name);
    this.passes.listed();
  }

  /** As followers begin: each compares its kind once its turn has come. */
  begin(kinds: readonly MirroredKind[]): void {
    for (const { name, tier } of kinds) void this.passes.turnOf(tier).then(() => this.compare(name));
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    this.#unregister();
    this.queue.clear();
  }
}

async function ends(pass: Promise<void>): Promise<void> {
  let isOver = false;
  void pass.then(() => isOver = true);
  await waitFor("the end of the pass", () => isOver, { deadlineMs: DEADLINE_MS });
}

const KINDS = [kindOf("secrets", 6), kindOf("configmaps", 6), kindOf("services", 8)];
const FOUND: [string, string[]][] = KINDS.map((
  { name },
) => [name, Array.from({ length: 10 }, (_, i) => `${name}/${i}`)]);

Deno.test("a full pass ends though changes never cease, and all that it found is done", async () => {
  using stage = new Stage(KINDS, { atOnce: 1 });
  for (const [name, keys] of FOUND) stage.found.set(name, keys);
  const busy = ["configmaps/busy-1", "secrets/busy-2", "services/busy-3"];
  stage.work = ({ key }) => {
    // Changed again while it is worked on: the queue is never empty, and never without a change.
    if (busy.includes(key)) stage.queue.add(key, { urgent: true });
    return Promise.resolve();
  };
  for (const key of busy) stage.queue.add(key, { urgent: true });
  await ends(stage.passes.full());
  for (const [, keys] of FOUND) for (const key of keys) assert.ok(stage.done.includes(key), key);
  assert.ok(stage.queue.active >= busy.length);
});

Deno.test("a full pass waits for deletes that wait for each other", async () => {
  using stage = new Stage(KINDS);
  for (const [index, { name }] of KINDS.entries()) stage.found.set(name, [`${name}/gone-${index}`]);
  stage.work = ({ key }) => {
    const tier = KINDS.find(({ name }) => key.startsWith(`${name}/`))?.tier ?? 0;
    stage.deleteOrder.enter(key, tier);
    if (stage.deleteOrder.mayGo(key)) stage.deleteOrder.leave(key);
    return Promise.resolve();
  };
  const left = () => [...stage.found.values()].flat().filter((key) => stage.deleteOrder.has(key));
  await ends(stage.passes.full().then(() => assert.deepEqual(left(), [])));
});

Deno.test("the first pass goes tier by tier", async () => {
  using stage = new Stage(KINDS);
  for (const [name, keys] of FOUND) stage.found.set(name, keys);
  stage.begin([...KINDS].reverse());
  await ends(stage.passes.first());
  const tiers = stage.done.map((key) => KINDS.find(({ name }) => key.startsWith(`${name}/`))?.tier ?? 0);
  assert.equal(tiers.length, 30);
  assert.deepEqual(tiers, [...tiers].sort((a, b) => a - b));
});

Deno.test("a kind that cannot be compared, and a write that hangs, do not keep later tiers from going", async () => {
  using stage = new Stage(KINDS, { patienceMs: 50 });
  for (const [name, keys] of FOUND) stage.found.set(name, keys);
  stage.deaf.add("secrets");
  const hanging = Promise.withResolvers<void>();
  stage.work = ({ key }) => key === "configmaps/0" ? hanging.promise : Promise.resolve();
  stage.begin(KINDS);
  const first = stage.passes.first();
  await waitFor("the Services", () => stage.done.filter((key) => key.startsWith("services/")).length === 10, {
    deadlineMs: DEADLINE_MS,
  });
  stage.deaf.clear();
  void stage.compare("secrets");
  hanging.resolve();
  await ends(first);
  assert.equal(stage.done.length, 30, "the pass is over when all is done");
});
