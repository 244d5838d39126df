import assert from "node:assert/strict";
import { median, medians, quantile } from "./statistics.ts";

Deno.test("a quantile is one of the values, whatever their order", () => {
  const values = [5, 1, 4, 2, 3];
  assert.equal(quantile(values, 0.5), 3);
  assert.equal(quantile(values, 0.99), 5);
  assert.equal(quantile(values, 0), 1);
  assert.equal(quantile(Array.from({ length: 100 }, (_, index) => index + 1), 0.99), 99);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

Deno.test("a median lies in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 9]), 3);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("the median of results is taken number by number", () => {
  const results = [{ lag: { p50: 1, p99: 9 }, rss: 3 }, { lag: { p50: 3, p99: 7 }, rss: 1 }, {
    lag: { p50: 2, p99: 8 },
  }];
  assert.deepEqual(medians(results), { lag: { p50: 2, p99: 8 }, rss: 2 });
  assert.deepEqual(medians([{ rates: [{ n: 1 }, { n: 5 }] }, { rates: [{ n: 3 }, { n: 7 }] }]), {
    rates: [{ n: 2 }, { n: 6 }],
  });
});
