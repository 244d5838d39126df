import assert from "node:assert/strict";
import { type Arrival, type Committed, findArrivals } from "./arrivals.ts";

const write = (number: number, resourceVersion: string, key = "configmaps/a"): Committed => ({
  namespace: "app",
  key,
  write: number,
  resourceVersion,
});
const arrival = (number: number, atMs: number, key = "configmaps/a"): Arrival => ({
  namespace: "app",
  key,
  write: number,
  atMs,
});

Deno.test("a write arrives with its own event or with that of a later one", () => {
  const writes = [write(1, "10"), write(2, "11"), write(3, "12"), write(4, "13")];
  const arrivalMs = findArrivals(writes, [arrival(1, 100), arrival(3, 300)]);
  assert.deepEqual(writes.map(arrivalMs), [100, 300, 300, NaN]);
});

Deno.test("of two writes in flight at once the server tells which is the later", () => {
  // The second was committed first: the object ends as the first one made it, and both have arrived.
  const writes = [write(1, "100"), write(2, "99")];
  assert.deepEqual(writes.map(findArrivals(writes, [arrival(1, 50)])), [50, 50]);
  assert.deepEqual(writes.map(findArrivals(writes, [arrival(2, 50)])), [NaN, 50]);
});

Deno.test("an event of another object or of an earlier load shows nothing", () => {
  const writes = [write(7, "10"), write(8, "11", "configmaps/b")];
  assert.deepEqual(writes.map(findArrivals(writes, [arrival(6, 1), arrival(8, 2, "configmaps/b")])), [NaN, 2]);
});
