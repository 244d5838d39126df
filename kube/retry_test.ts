import assert from "node:assert/strict";
import { type Attempt, parseRetryAfter, planRetry } from "./retry.ts";

const attempt: Attempt = { method: "POST", httpStatus: 429, retryAfterMs: 2_000, retries: 0, remainingMs: 30_000 };
const never = () => 0;

Deno.test("a 429 is tried again for any method, a 503 for GET, nothing else ever", () => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    assert.equal(planRetry({ ...attempt, method }, never), 2_000);
    assert.equal(planRetry({ ...attempt, method, httpStatus: 503 }, never), method === "GET" ? 2_000 : undefined);
    for (const httpStatus of [0, 400, 401, 404, 409, 410, 500, 502, 504]) {
      assert.equal(planRetry({ ...attempt, method, httpStatus }, never), undefined);
    }
  }
});

Deno.test("three times at most, and only when the wait ends before the deadline", () => {
  assert.equal(planRetry({ ...attempt, retries: 2 }, never), 2_000);
  assert.equal(planRetry({ ...attempt, retries: 3 }, never), undefined);
  assert.equal(planRetry({ ...attempt, remainingMs: 2_001 }, never), 2_000);
  assert.equal(planRetry({ ...attempt, remainingMs: 2_000 }, never), undefined);
  assert.equal(planRetry({ ...attempt, remainingMs: 2_100 }, () => 0.5), undefined);
});

Deno.test("without the server's word the waits double, and jitter only adds", () => {
  const waits = [0, 1, 2].map((retries) => planRetry({ ...attempt, retryAfterMs: undefined, retries }, never));
  assert.deepEqual(waits, [1_000, 2_000, 4_000]);
  assert.equal(planRetry(attempt, () => 1), 2_400);
});

Deno.test("Retry-After is seconds or a date", () => {
  assert.equal(parseRetryAfter("3", 0), 3_000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 4_000), 6_000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 60_000), 0);
  for (const odd of [null, "", " ", "soon", "-"]) assert.equal(parseRetryAfter(odd, 0), undefined);
});
