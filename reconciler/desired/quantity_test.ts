import assert from "node:assert/strict";
import { sameQuantity } from "./quantity.ts";

const SAME: readonly (readonly [unknown, unknown])[] = [
  ["1", "1000m"],
  [1, "1"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["1.", "1"],
  ["1Gi", "1024Mi"],
  ["0.5Gi", "512Mi"],
  ["1k", "1000"],
  ["1e3", "1k"],
  ["1E3", "1000"],
  ["1E", "1000P"],
  ["-1", "-1000m"],
  ["100n", "0.0000001"],
];

const DIFFERENT: readonly (readonly [unknown, unknown])[] = [
  ["1", "1001m"],
  ["1G", "1Gi"],
  ["1m", "1M"],
  ["1", "-1"],
  ["", ""],
  ["abc", "abc"],
  ["1 Gi", "1Gi"],
  [undefined, undefined],
  [".", "."],
];

Deno.test("quantities of the same amount", () => {
  for (const [left, right] of SAME) assert.ok(sameQuantity(left, right), `${left} and ${right}`);
});

Deno.test("quantities of another amount, and what is no quantity", () => {
  for (const [left, right] of DIFFERENT) assert.ok(!sameQuantity(left, right), `${left} and ${right}`);
});
