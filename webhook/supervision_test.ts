import assert from "node:assert/strict";
import { superviseStep, type Supervision, type SupervisionEvent } from "./supervision.ts";

const starting: Supervision = { phase: "starting", failures: 2 };
const serving: Supervision = { phase: "serving", failures: 2, missedPings: 1 };
const waiting: Supervision = { phase: "waiting", failures: 2 };
const stopped: Supervision = { phase: "stopped" };
const restart = {
  state: { phase: "waiting", failures: 3 },
  effects: [{ type: "terminate" }, { type: "wait", delayMs: 400 }],
};
const same = (state: Supervision) => ({ state, effects: [] });

const CASES: [Supervision, SupervisionEvent["type"], unknown][] = [
  [starting, "listening", same({ phase: "serving", failures: 2, missedPings: 0 })],
  [starting, "answered", same(starting)],
  [starting, "silent", restart],
  [starting, "died", restart],
  [starting, "due", same(starting)],
  [serving, "listening", same(serving)],
  [serving, "answered", same({ phase: "serving", failures: 0, missedPings: 0 })],
  [serving, "silent", same({ phase: "serving", failures: 2, missedPings: 2 })],
  [{ ...serving, missedPings: 2 }, "silent", restart],
  [serving, "died", restart],
  [serving, "due", same(serving)],
  [waiting, "listening", same(waiting)],
  [waiting, "answered", same(waiting)],
  [waiting, "silent", same(waiting)],
  [waiting, "died", same(waiting)],
  [waiting, "due", { state: { phase: "starting", failures: 2 }, effects: [{ type: "spawn" }] }],
  [starting, "stop", same(stopped)],
  [serving, "stop", same(stopped)],
  [waiting, "stop", same(stopped)],
  [stopped, "died", same(stopped)],
  [stopped, "due", same(stopped)],
  [stopped, "listening", same(stopped)],
];

for (const [state, type, expected] of CASES) {
  Deno.test(`supervision: ${state.phase} and ${type}`, () => {
    assert.deepEqual(superviseStep(state, { type }), expected);
  });
}

Deno.test("supervision: the back-off ends at ten seconds", () => {
  const { effects } = superviseStep({ phase: "starting", failures: 5_000 }, { type: "died" });
  assert.deepEqual(effects.at(-1), { type: "wait", delayMs: 10_000 });
});
