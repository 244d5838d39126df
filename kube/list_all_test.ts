import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_LIMIT, nextLimit } from "./list_all.ts";

const page = (count: number, sizeBytes: number) => ({ items: Array(count).fill(0), sizeBytes });

Deno.test("pages grow at most fourfold, to 500 objects, and shrink at once", () => {
  assert.equal(nextLimit(25, page(25, 25_000), 8_000_000), 100);
  assert.equal(nextLimit(400, page(400, 400_000), 8_000_000), MAX_LIMIT);
  assert.equal(nextLimit(500, page(500, 500_000_000), 8_000_000), 8);
  assert.equal(nextLimit(8, page(8, 80_000_000), 8_000_000), 1);
  assert.equal(nextLimit(25, page(0, 100), 8_000_000), 25);
});

Deno.test("a limit is always one the server takes", () => {
  const sizes = fc.record({ limit: fc.integer({ min: 1, max: 500 }), count: fc.nat(600), sizeBytes: fc.nat() });
  fc.assert(fc.property(sizes, ({ limit, count, sizeBytes }) => {
    const next = nextLimit(limit, page(count, sizeBytes), 8_000_000);
    assert.ok(Number.isInteger(next) && next >= 1 && next <= MAX_LIMIT, `${next}`);
  }));
});
