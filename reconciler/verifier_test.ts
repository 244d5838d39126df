import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { waitFor } from "../tests/wait.ts";
import { HandClock } from "./testing.ts";
import { type HintOutcome, READ_AFTER_MS, Verifier, VERIFY_MS } from "./verifier.ts";

const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", resourceVersion: "2" } };

/** A clock that jumps each time it is read, so that timers set by it fire at once. */
class JumpingClock extends HandClock {
  jumpMs = 0;

  override monotonicMs(): number {
    const nowMs = super.monotonicMs();
    this.advance(this.jumpMs);
    return nowMs;
  }
}

class Scene implements Disposable {
  readonly clock = new JumpingClock();
  readonly abort = new AbortController();
  /** Times of reads. */
  readonly reads: number[] = [];
  readonly rung: string[] = [];
  readonly stalled: string[] = [];
  readonly counts: HintOutcome[] = [];
  known = true;
  read: () => Promise<KubeObject | undefined> = () => Promise.resolve(object);
  readonly verifier: Verifier;

  constructor(watching: boolean) {
    this.verifier = new Verifier({
      clock: this.clock,
      signal: this.abort.signal,
      watching,
      read: () => {
        this.reads.push(this.clock.monotonicMs());
        if (!watching) this.#goToNextRead();
        return this.read();
      },
      isKnown: () => this.known,
      changed: (key) => this.rung.push(key),
      stalled: (key) => this.stalled.push(key),
      count: (outcome) => this.counts.push(outcome),
    });
  }

  /** While a read is under way, so that the timer of the next one has no delay. */
  #goToNextRead(): void {
    const nextMs = READ_AFTER_MS[this.reads.length] ?? 0;
    this.clock.advance(Math.max(0, nextMs - this.clock.monotonicMs()));
  }

  async quiet(): Promise<void> {
    await waitFor("no hint be open", () => this.verifier.open === 0, { deadlineMs: 5_000, pollMs: 5 });
  }

  [Symbol.dispose](): void {
    this.abort.abort();
  }
}

/** Lets timers of no delay and what follows them run. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

Deno.test("an event in time confirms a hint: nothing is read", async () => {
  using scene = new Scene(true);
  scene.verifier.hint("a");
  assert.equal(scene.verifier.open, 1);
  scene.verifier.confirm("a");
  scene.verifier.confirm("never hinted");
  scene.clock.jumpMs = VERIFY_MS;
  scene.verifier.hint("b");
  await scene.quiet();
  assert.deepEqual([scene.reads.length, scene.counts], [1, ["confirmed", "unchanged"]]);
});

Deno.test("no event in time and a change to be read: the watch is stalled, and the key is rung", async () => {
  using scene = new Scene(true);
  scene.known = false;
  scene.clock.jumpMs = VERIFY_MS;
  scene.verifier.hint("a");
  await scene.quiet();
  assert.deepEqual([scene.stalled, scene.rung, scene.counts], [["a"], ["a"], ["stalled"]]);
});

Deno.test("no event and no change: the write was denied, and the watch is left alone", async () => {
  using scene = new Scene(true);
  scene.clock.jumpMs = VERIFY_MS;
  scene.verifier.hint("a");
  await scene.quiet();
  assert.deepEqual([scene.stalled, scene.rung, scene.counts], [[], [], ["unchanged"]]);
});

Deno.test("a key that is announced all the time does not put off its look for ever", async () => {
  using scene = new Scene(true);
  scene.known = false;
  for (let ms = 0; ms < 6 * VERIFY_MS; ms += VERIFY_MS / 2) {
    scene.verifier.hint("a");
    scene.clock.advance(VERIFY_MS / 2);
  }
  await waitFor("the look", () => scene.stalled.length === 1, { deadlineMs: VERIFY_MS + 1_000, pollMs: 20 });
});

Deno.test("without a watch a hint is followed by reads until the latest hook must be over", async () => {
  using scene = new Scene(false);
  scene.verifier.hint("a");
  await scene.quiet();
  assert.deepEqual(scene.reads, READ_AFTER_MS);
  assert.deepEqual([scene.rung, scene.counts], [[], ["unchanged"]]);
});

Deno.test("without a watch the first change that is seen ends it, one for each hint", async () => {
  using scene = new Scene(false);
  scene.known = false;
  scene.verifier.hint("a");
  scene.verifier.hint("a");
  await waitFor("two reads", () => scene.reads.length === 2, { deadlineMs: 5_000, pollMs: 5 });
  await scene.quiet();
  assert.deepEqual([scene.rung, scene.counts, scene.stalled], [["a", "a"], ["changed", "changed"], []]);
});

Deno.test("a read that fails is counted once, and without a watch tried again", async () => {
  using scene = new Scene(false);
  scene.read = () => {
    if (scene.reads.length > 1) return Promise.resolve(object);
    scene.known = false;
    return Promise.reject(new Error("no answer"));
  };
  scene.verifier.hint("a");
  await scene.quiet();
  assert.deepEqual([scene.counts, scene.rung], [["error", "changed"], ["a"]]);
  using watching = new Scene(true);
  watching.read = () => Promise.reject(new Error("no answer"));
  watching.clock.jumpMs = VERIFY_MS;
  watching.verifier.hint("a");
  await watching.quiet();
  assert.deepEqual([watching.counts, watching.rung], [["error"], []]);
});

Deno.test("an event that comes while the read is under way leaves nothing to tell", async () => {
  using scene = new Scene(true);
  scene.known = false;
  const { promise, resolve } = Promise.withResolvers<KubeObject>();
  scene.read = () => promise;
  scene.clock.jumpMs = VERIFY_MS;
  scene.verifier.hint("a");
  await waitFor("the read", () => scene.reads.length === 1, { deadlineMs: 5_000, pollMs: 5 });
  scene.verifier.confirm("a");
  resolve(object);
  await turn();
  assert.deepEqual([scene.stalled, scene.counts], [[], ["confirmed"]]);
});

Deno.test("hints are bounded, and ended by the signal with their timers", async () => {
  const scene = new Scene(true);
  for (let i = 0; i < 20_001; i++) scene.verifier.hint(`${i}`);
  assert.deepEqual([scene.verifier.open, scene.counts], [20_000, ["dropped"]]);
  scene.verifier.hint("0");
  assert.equal(scene.counts.length, 1);
  scene.abort.abort();
  scene.verifier.hint("after");
  await turn();
  assert.deepEqual([scene.verifier.open, scene.reads], [0, []]);
});
