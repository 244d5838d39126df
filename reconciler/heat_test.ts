import assert from "node:assert/strict";
import { WriteHeat } from "./heat.ts";

function start() {
  let nowMs = 5_000;
  const heat = new WriteHeat({ monotonicMs: () => nowMs, wallMs: () => 0 });
  return { heat, pass: (ms: number) => void (nowMs += ms) };
}

Deno.test("two writes go out at once, the third waits 200 ms after the second", () => {
  const { heat, pass } = start();
  assert.equal(heat.waitMs("a"), 0);
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 0);
  pass(5);
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 200);
  pass(150);
  assert.equal(heat.waitMs("a"), 50);
  pass(50);
  assert.equal(heat.waitMs("a"), 0);
});

Deno.test("a key that stays hot waits 200 ms after every write", () => {
  const { heat, pass } = start();
  for (let write = 0; write < 5; write++) {
    heat.wrote("a");
    pass(200);
  }
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 200);
});

Deno.test("a key is cold after a second without a write, and never heats another", () => {
  const { heat, pass } = start();
  heat.wrote("a");
  heat.wrote("a");
  assert.equal(heat.waitMs("b"), 0);
  pass(1_000);
  assert.equal(heat.waitMs("a"), 0);
  heat.wrote("b");
  heat.wrote("a");
  assert.equal(heat.waitMs("a"), 0, "the count began anew");
});
