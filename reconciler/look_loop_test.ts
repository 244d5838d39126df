import assert from "node:assert/strict";
import { LookLoop } from "./look_loop.ts";

/** Looks that end when they are told to. */
class Looks {
  readonly abort = new AbortController();
  readonly under: { end(): void; fail(error: Error): void }[] = [];
  inside = 0;
  most = 0;
  quiets = 0;
  readonly loop = new LookLoop({
    signal: this.abort.signal,
    look: async () => {
      this.most = Math.max(this.most, ++this.inside);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.under.push({ end: resolve, fail: reject });
      await promise.finally(() => this.inside--);
    },
    quiet: () => void this.quiets++,
  });

  get begun(): number {
    return this.under.length;
  }

  /** Ends the look under way, and waits for the turns that follow from it. */
  async end(): Promise<void> {
    this.under.at(-1)?.end();
    await turns(20);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

Deno.test("however often somebody asks during a look, one more follows, and who asked waits for it", async () => {
  const looks = new Looks();
  const asked = [1, 2, 3].map(() => looks.loop.ask());
  assert.equal(looks.begun, 1, "at once");
  let isOver = false;
  void Promise.all(asked).then(() => isOver = true);
  await looks.end();
  assert.deepEqual([looks.begun, isOver, looks.quiets], [2, false, 0]);
  await looks.end();
  assert.deepEqual([looks.begun, isOver, looks.quiets, looks.most], [2, true, 1, 1]);
});

Deno.test("whoever asks in whichever turn after a look gets another", async () => {
  for (let turn = 0; turn < 12; turn++) {
    const looks = new Looks();
    void looks.loop.ask();
    looks.under[0]?.end();
    await turns(turn);
    void looks.loop.ask();
    await turns(20);
    assert.equal(looks.begun, 2, `${turn} turns after it`);
    await looks.end();
  }
});

Deno.test("a look that throws is told to who asked, and the next who asks gets one", async () => {
  const looks = new Looks();
  const asked = looks.loop.ask();
  looks.under[0]?.fail(new Error("a mistake"));
  await assert.rejects(asked, /a mistake/);
  await assert.rejects(looks.loop.ended(), /a mistake/);
  assert.equal(looks.quiets, 0);
  const next = looks.loop.ask();
  assert.equal(looks.begun, 2);
  looks.under[1]?.end();
  await next;
  assert.deepEqual([looks.begun, looks.quiets], [2, 1]);
});

Deno.test("after the signal the look under way is the last, and nothing is told", async () => {
  const looks = new Looks();
  void looks.loop.ask();
  void looks.loop.ask();
  looks.abort.abort();
  await looks.end();
  await looks.loop.ended();
  await looks.loop.ask();
  assert.deepEqual([looks.begun, looks.quiets], [1, 0]);
});

Deno.test("a full pass that has ended is looked at once", async () => {
  const looks = new Looks();
  const first = {};
  looks.loop.passed(first);
  await looks.end();
  looks.loop.passed(first);
  assert.equal(looks.begun, 1);
  looks.loop.passed({});
  assert.equal(looks.begun, 2);
  await looks.end();
});
