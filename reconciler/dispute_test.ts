import assert from "node:assert/strict";
import { corrected, type Dispute, truceMs } from "./dispute.ts";

const MINUTE_MS = 60_000;
const drift = { hash: "h", difference: "d" };

function after(count: number, everyMs: number): Dispute | undefined {
  let dispute: Dispute | undefined;
  for (let index = 0; index < count; index++) dispute = corrected(dispute, drift, index * everyMs);
  return dispute;
}

Deno.test("the same difference is corrected five times in a row, then left for an hour", () => {
  for (const everyMs of [10, 10 * MINUTE_MS]) {
    assert.equal(truceMs(after(4, everyMs), drift, 4 * everyMs), 0);
    const lastMs = 4 * everyMs;
    assert.equal(truceMs(after(5, everyMs), drift, lastMs), 60 * MINUTE_MS);
    assert.equal(truceMs(after(5, everyMs), drift, lastMs + 59 * MINUTE_MS), MINUTE_MS);
    assert.equal(truceMs(after(5, everyMs), drift, lastMs + 60 * MINUTE_MS), 0);
  }
});

Deno.test("ten corrections of one difference after another are a dispute, whatever comes next", () => {
  let dispute: Dispute | undefined;
  for (let index = 0; index < 10; index++) {
    const other = { hash: "h", difference: `d${index}` };
    assert.equal(truceMs(dispute, other, index), 0);
    dispute = corrected(dispute, other, index);
    assert.deepEqual([dispute.corrections, dispute.all], [1, index + 1]);
  }
  assert.equal(truceMs(dispute, drift, 9), 60 * MINUTE_MS);
  assert.equal(truceMs(dispute, { ...drift, hash: "other" }, 9), 0);
  assert.equal(corrected(dispute, drift, 9 + 15 * MINUTE_MS).all, 1);
});

Deno.test("corrections far apart, and of something else, are no dispute", () => {
  assert.equal(truceMs(after(20, 16 * MINUTE_MS), drift, 20 * 16 * MINUTE_MS), 0);
  assert.equal(after(20, 16 * MINUTE_MS)?.corrections, 1);
  const dispute = after(9, 10);
  for (const other of [{ ...drift, hash: "other" }, { ...drift, difference: "other" }]) {
    assert.equal(truceMs(dispute, other, 90), 0);
    assert.equal(corrected(dispute, other, 90).corrections, 1);
  }
  assert.equal(truceMs(undefined, drift, 0), 0);
});
