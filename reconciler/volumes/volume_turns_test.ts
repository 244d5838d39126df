import assert from "node:assert/strict";
import { VolumeTurns } from "./volume_turns.ts";

const never = new AbortController().signal;
const two = () => 2;

/** Whether a turn has been given yet. */
async function hasCome(turn: Promise<boolean>): Promise<boolean> {
  return await Promise.race([turn, Promise.resolve().then(() => false)]);
}

Deno.test("no more volumes are copied at once than the limit says, and the longest wait ends first", async () => {
  const turns = new VolumeTurns();
  assert.equal(await turns.enter(two, never), true);
  assert.equal(await turns.enter(two, never), true);
  const [third, fourth] = [turns.enter(two, never), turns.enter(two, never)];
  assert.equal(await hasCome(third), false);
  turns.leave();
  assert.equal(await third, true);
  assert.equal(await hasCome(fourth), false);
  turns.leave();
  assert.equal(await fourth, true);
});

Deno.test("who gives up takes no turn", async () => {
  const turns = new VolumeTurns();
  const one = () => 1;
  await turns.enter(one, never);
  const stop = new AbortController();
  const waiting = turns.enter(one, stop.signal);
  const next = turns.enter(one, never);
  stop.abort();
  assert.equal(await waiting, false);
  assert.equal(await turns.enter(one, stop.signal), false);
  turns.leave();
  assert.equal(await next, true);
});

Deno.test("a limit that was raised counts at the next chance", async () => {
  const turns = new VolumeTurns();
  let limit = 1;
  await turns.enter(() => limit, never);
  const [second, third] = [turns.enter(() => limit, never), turns.enter(() => limit, never)];
  limit = 3;
  turns.leave();
  assert.deepEqual(await Promise.all([second, third]), [true, true]);
});
