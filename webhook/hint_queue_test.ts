import assert from "node:assert/strict";
import { HintQueue } from "./hint_queue.ts";
import type { Hint } from "./review.ts";

function hint(name: string, change: Partial<Hint> = {}): Hint {
  return {
    group: "apps",
    version: "v1",
    resource: "deployments",
    subresource: "",
    namespace: "shop",
    name,
    operation: "UPDATE",
    dryRun: false,
    userName: "alice",
    ...change,
  };
}

Deno.test("a hint leaves at once; while a batch is under way, hints of one key melt together", () => {
  const batches: string[][] = [];
  const queue = new HintQueue((hints) => void batches.push(hints.map(({ name, operation }) => name + operation)), 10);
  queue.push(hint("a"));
  assert.deepEqual(batches, [["aUPDATE"]]);
  queue.push(hint("b"));
  queue.push(hint("b", { version: "v1beta1", subresource: "scale", operation: "DELETE" }));
  queue.push(hint("b", { group: "extensions" }));
  assert.equal(batches.length, 1);
  queue.taken();
  assert.deepEqual(batches.slice(1), [["bDELETE", "bUPDATE"]]);
  queue.taken();
  queue.taken();
  assert.equal(batches.length, 2, "nothing to send");
  queue.push(hint("c"));
  assert.equal(batches.length, 3);
  assert.deepEqual(queue.counts(), { pushed: 5, coalesced: 1, dropped: 0, pending: 0 });
});

Deno.test("a full queue drops new keys, counts them, and still takes known ones", () => {
  const batches: (readonly Hint[])[] = [];
  const queue = new HintQueue((hints) => void batches.push(hints), 2);
  for (const name of ["first", "a", "b", "c", "d", "a"]) queue.push(hint(name));
  assert.deepEqual(queue.counts(), { pushed: 4, coalesced: 1, dropped: 2, pending: 2 });
  queue.taken();
  assert.deepEqual(batches[1]?.map(({ name }) => name), ["a", "b"]);
});
