import assert from "node:assert/strict";
import fc from "fast-check";
import { DurationError, parseDurationMs } from "./duration.ts";
import { duration } from "./schema/common.ts";

Deno.test("durations are sums of their parts, in milliseconds", () => {
  const cases = { "0s": 0, "500ms": 500, "30s": 30_000, "10m": 600_000, "1h30m": 5_400_000, "1m1m": 120_000 };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDurationMs(text), ms, text);
});

Deno.test("what is not a duration is refused by its value", () => {
  for (const text of ["", "30", "s", "-1s", "1.5h", "1 s", "1d", "1H", "30s ", "\n30s", "1µs"]) {
    assert.throws(
      () => parseDurationMs(text),
      (error) => error instanceof DurationError && error.reason === "Malformed" && error.message.includes(`"${text}"`),
      text,
    );
  }
});

Deno.test("a duration too long to count is refused", () => {
  assert.throws(() => parseDurationMs("9999999999999999999h"), { name: "DurationError", reason: "TooLong" });
});

Deno.test("every sum of parts is parsed, and the schema accepts exactly what the parser accepts", () => {
  const part = fc.tuple(fc.nat(9999), fc.constantFrom(["ms", 1], ["s", 1000], ["m", 60_000], ["h", 3_600_000]));
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
    const text = parts.map(([value, [unit]]) => `${value}${unit}`).join("");
    const ms = parts.reduce((sum, [value, [, unitMs]]) => sum + value * Number(unitMs), 0);
    assert.equal(parseDurationMs(text), ms);
    assert.equal(duration.safeParse(text).success, true);
  }));
  const letters = fc.string({ unit: fc.constantFrom("1", "0", "m", "s", "h", "-", ".", " "), maxLength: 6 });
  fc.assert(fc.property(letters, (text) => {
    let isParsed = true;
    try {
      parseDurationMs(text);
    } catch {
      isParsed = false;
    }
    assert.equal(duration.safeParse(text).success, isParsed, text);
  }));
});
