import assert from "node:assert/strict";
import { WriteHeat } from "./heat.ts";

function start() {
  let nowMs = 5_000;
  const heat = new WriteHeat({ monotonicMs: () => nowMs, wallMs: () => 0 });
  return { heat, pass: (ms: number) => void (nowMs += ms) };
}

Deno.test("two writes go out at once, the third waits 300 ms after the second", () => {
  const { heat, pass } = start();
  assert.equal(heat.waitMs("a"), 0);
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 0);
  pass(5);
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 300);
  pass(250);
  assert.equal(heat.waitMs("a"), 50);
  pass(50);
  assert.equal(heat.waitMs("a"), 0);
});

Deno.test("a key that stays hot is written once a second in the end", () => {
  const { heat, pass } = start();
  const gaps = Array.from({ length: 7 }, () => {
    heat.wrote("a");
    const waitMs = heat.waitMs("a");
    pass(waitMs);
    return waitMs;
  });
  assert.deepEqual(gaps, [0, 300, 600, 1_000, 1_000, 1_000, 1_000]);
});

Deno.test("a key cools down when it is left alone, and heats no other", () => {
  const { heat, pass } = start();
  heat.wrote("a");
  heat.wrote("a");
  assert.equal(heat.waitMs("b"), 0);
  pass(600);
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 0, "the count began anew");
});

Deno.test("writes 300 ms apart never wait", () => {
  const { heat, pass } = start();
  for (let write = 0; write < 20; write++) {
    assert.equal(heat.waitMs("a"), 0);
    heat.wrote("a");
    pass(300);
  }
});

Deno.test("a write of two requests leaves none that goes out at once", () => {
  const { heat } = start();
  heat.wrote("a", 2);
  assert.equal(heat.waitMs("a"), 300);
});
