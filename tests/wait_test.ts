import assert from "node:assert/strict";
import { waitFor } from "./wait.ts";

Deno.test("a wait ends with the value as soon as the condition gives one, falsy values included", async () => {
  let looks = 0;
  const found = await waitFor("the third look", () => ++looks === 3 && { looks }, { deadlineMs: 5_000, pollMs: 1 });
  assert.deepEqual(found, { looks: 3 });
  assert.equal(await waitFor("zero", () => 0, { deadlineMs: 5_000 }), 0);
});

Deno.test("a wait that is over tells what was awaited, the last failure, and the state", async () => {
  const failure = new Error("no route");
  const wait = waitFor("a pod", () => {
    throw failure;
  }, { deadlineMs: 20, pollMs: 1, describe: () => "two pods are Pending" });
  await assert.rejects(wait, (error: Error) => {
    assert.match(error.message, /^Cannot see a pod within 20 ms: .*no route; two pods are Pending$/);
    assert.equal(error.cause, failure);
    return true;
  });
});

Deno.test("a look that does not return does not outlast the deadline", async () => {
  const never = Promise.withResolvers<true>();
  const wait = waitFor("an answer", () => never.promise, { deadlineMs: 20 });
  await assert.rejects(wait, /Cannot see an answer within 20 ms: the last look at it was still under way/);
});

Deno.test("an abort ends a wait with its reason", async () => {
  const controller = new AbortController();
  const wait = waitFor("nothing", () => false, { deadlineMs: 60_000, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(wait, /enough/);
});

Deno.test("a mistake in the condition is told at once", async () => {
  const wait = waitFor("nothing", () => {
    throw new ReferenceError("x is not defined");
  }, { deadlineMs: 60_000 });
  await assert.rejects(wait, ReferenceError);
});
