import assert from "node:assert/strict";
import { comparisonOf, type Verification, verificationOf } from "./verification.ts";

const HOURLY: Verification = { mode: "Full", intervalMs: 3_600_000 };
const NOW = Date.parse("2026-01-01T02:00:00Z");
const verified = (time: string) => ({ verified: { time: `2026-01-01T${time}Z`, files: 1, differing: 0 } });

Deno.test("contents are not compared unless asked for, and then once a week unless told otherwise", () => {
  assert.deepEqual(verificationOf(undefined), { mode: "None", intervalMs: 7 * 24 * 3_600_000 });
  assert.deepEqual(verificationOf({ mode: "Full", interval: "1h" }), HOURLY);
});

const cases: readonly (readonly [string, Verification, Parameters<typeof comparisonOf>[1], string])[] = [
  ["a first copy", HOURLY, undefined, "None"],
  ["a volume that never was", HOURLY, {}, "Full"],
  ["one that was within the interval", HOURLY, verified("01:00:01"), "None"],
  ["a sample", { ...HOURLY, mode: "Sampled" }, {}, "Sampled"],
  ["one that was before", HOURLY, verified("01:00:00"), "Full"],
  ["nothing at all", { ...HOURLY, mode: "None" }, {}, "None"],
  ["everything, without an interval", { ...HOURLY, intervalMs: 0 }, verified("02:00:00"), "Full"],
];

for (const [name, setting, record, expected] of cases) {
  Deno.test(`a comparison of ${name} is ${expected}`, () => {
    assert.equal(comparisonOf(setting, record, NOW), expected);
  });
}
