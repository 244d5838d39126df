import assert from "node:assert/strict";
import { Semaphore } from "./semaphore.ts";

const forever = new AbortController().signal;

Deno.test("places are bounded and handed on in the order they were asked for", async () => {
  const semaphore = new Semaphore(2);
  assert.ok(await semaphore.acquire(forever) && await semaphore.acquire(forever));
  const order: number[] = [];
  const waiting = [1, 2, 3].map((one) => semaphore.acquire(forever).then(() => order.push(one)));
  assert.equal(semaphore.waiting, 3);
  semaphore.release();
  semaphore.release();
  await Promise.all(waiting.slice(0, 2));
  assert.deepEqual(order, [1, 2]);
  semaphore.release();
  await waiting[2];
  semaphore.release();
  semaphore.release();
  assert.ok(await semaphore.acquire(forever) && await semaphore.acquire(forever));
  semaphore.acquire(forever);
  assert.equal(semaphore.waiting, 1);
});

Deno.test("who gives up waiting takes no place and leaves the line", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire(forever);
  const impatient = new AbortController();
  const first = semaphore.acquire(impatient.signal);
  const second = semaphore.acquire(forever);
  impatient.abort();
  assert.equal(await first, false);
  assert.equal(semaphore.waiting, 1);
  semaphore.release();
  assert.equal(await second, true);
  // Too late: the place went to nobody else.
  impatient.abort();
  assert.equal(await semaphore.acquire(impatient.signal), false);
  semaphore.release();
  assert.equal(await semaphore.acquire(forever), true);
});
