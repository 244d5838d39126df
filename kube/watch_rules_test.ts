import assert from "node:assert/strict";
import { KubeError } from "./errors.ts";
import { backOffMs, compareVersions, nextPageLimit } from "./watch_rules.ts";

const broken = new KubeError("Unreachable", "x");

Deno.test("the back-off is full jitter that doubles from 0.2 s to 30 s", () => {
  const most = [0, 1, 2, 7, 8, 9, 1_000].map((failures) => backOffMs(failures, broken, 1));
  assert.deepEqual(most, [200, 400, 800, 25_600, 30_000, 30_000, 30_000]);
  assert.equal(backOffMs(8, broken, 0), 0);
});

Deno.test("what the server asks for is waited for, and then some", () => {
  const throttled = new KubeError("Throttled", "x", { retryAfterMs: 7_000 });
  assert.equal(backOffMs(0, throttled, 0), 7_000);
  assert.equal(backOffMs(0, throttled, 0.5), 7_100);
});

Deno.test("a kind that is forbidden or missing is asked for every 5 to 30 s", () => {
  for (const reason of ["Forbidden", "KindMissing"] as const) {
    const error = new KubeError(reason, "x");
    assert.deepEqual([0, 1].map((random) => backOffMs(0, error, random)), [5_000, 10_000]);
    assert.deepEqual([0, 1].map((random) => backOffMs(9, error, random)), [5_000, 30_000]);
  }
});

Deno.test("versions are compared as numbers of any length", () => {
  assert.ok(compareVersions("9", "10") < 0);
  assert.ok(compareVersions("18446744073709551615", "18446744073709551614") > 0);
  assert.equal(compareVersions("42", "42"), 0);
});

Deno.test("pages aim at 8 MiB, from 25 objects to 500", () => {
  const page = (count: number, sizeBytes: number) => ({ events: new Array(count), sizeBytes });
  assert.equal(nextPageLimit(), 25);
  assert.equal(nextPageLimit(page(25, 25_000)), 500);
  assert.equal(nextPageLimit(page(25, 25 * 100_000)), 83);
  assert.equal(nextPageLimit(page(25, 25 * 20_000_000)), 1);
  assert.equal(nextPageLimit(page(0, 100)), 25);
});
