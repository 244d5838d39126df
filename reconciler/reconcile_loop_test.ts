import assert from "node:assert/strict";
import { ReconcileLoop } from "./reconcile_loop.ts";

function counting(answers: readonly number[]) {
  const abort = new AbortController();
  const state = { looks: 0, settled: 0, inside: 0, most: 0 };
  let gate = Promise.withResolvers<void>();
  const settledOnce = Promise.withResolvers<void>();
  const loop = new ReconcileLoop({
    signal: abort.signal,
    reconcile: async () => {
      state.most = Math.max(state.most, ++state.inside);
      await gate.promise;
      state.inside--;
      return answers[state.looks++] ?? 60_000;
    },
    settled: () => {
      state.settled++;
      settledOnce.resolve();
    },
  });
  const open = () => gate.resolve();
  const close = () => void (gate = Promise.withResolvers<void>());
  const end = async () => {
    abort.abort();
    open();
    await loop.ended();
  };
  return { loop, state, open, close, end, settled: settledOnce.promise };
}

Deno.test("however often it is kicked during a look, one more follows, and never two at once", async () => {
  const { loop, state, open, end, settled } = counting([]);
  for (let kick = 0; kick < 5; kick++) loop.kick();
  open();
  await settled;
  assert.deepEqual(state, { looks: 2, settled: 1, inside: 0, most: 1 });
  await end();
});

Deno.test("a look that asks for another at once gets it before anything is told", async () => {
  const { loop, state, open, end, settled } = counting([0, 0]);
  loop.kick();
  open();
  await settled;
  assert.deepEqual([state.looks, state.settled], [3, 1]);
  await end();
});

Deno.test("it looks again by itself after the time that the last look named", async () => {
  const { loop, state, open, end, settled } = counting([5]);
  loop.kick();
  open();
  await settled;
  const again = Promise.withResolvers<void>();
  const timer = setInterval(() => state.looks > 1 && again.resolve(), 1);
  await again.promise;
  clearInterval(timer);
  await end();
});

Deno.test("after the signal nothing is begun, told or left behind", async () => {
  const { loop, state, end } = counting([0]);
  loop.kick();
  await end();
  loop.kick();
  assert.deepEqual([state.looks, state.settled], [1, 0]);
});
