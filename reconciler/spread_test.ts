import assert from "node:assert/strict";
import type { Clock } from "../kube/clock.ts";
import { spread } from "./spread.ts";

const SPAN_MS = 1_000;

/** A clock that jumps to each timer. */
function jumpingClock(): Clock & { nowMs(): number } {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer(callback, delayMs) {
      nowMs += delayMs;
      queueMicrotask(callback);
      return () => {};
    },
  };
}

async function timesOf(count: number, signal = new AbortController().signal): Promise<number[]> {
  const clock = jumpingClock();
  const times: number[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  await spread(items, SPAN_MS, () => void times.push(clock.nowMs()), clock, signal);
  return times;
}

Deno.test("what is due at once is spread over the span, the first at once and a single one without delay", async () => {
  assert.deepEqual(await timesOf(0), []);
  assert.deepEqual(await timesOf(1), [0]);
  assert.deepEqual(await timesOf(4), [0, 250, 500, 750]);
  const many = await timesOf(300);
  assert.equal(new Set(many).size, 300, "no two at the same time");
  assert.ok(many.every((time) => time < SPAN_MS));
});

Deno.test("nothing more is begun once the signal is aborted", async () => {
  const clock = jumpingClock();
  const abort = new AbortController();
  const done: number[] = [];
  await spread([1, 2, 3], SPAN_MS, (item) => done.push(item) === 2 && abort.abort(), clock, abort.signal);
  assert.deepEqual(done, [1, 2]);
});
