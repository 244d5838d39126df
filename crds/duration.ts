/**
 * Durations as our kinds spell them: Go's syntax without fractions and signs.
 *
 * @module
 */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A text that is not a duration. */
export class DurationError extends Error {
  override readonly name = "DurationError";
  readonly reason: "Malformed" | "TooLong";
  /** What was to be parsed. */
  readonly value: string;

  constructor(reason: "Malformed" | "TooLong", value: string, message: string) {
    super(message);
    this.reason = reason;
    this.value = value;
  }
}

/** Milliseconds of a duration such as `500ms`, `30s`, `1h30m`. Throws `DurationError`. */
export function parseDurationMs(text: string): number {
  if (!/^([0-9]+(ms|s|m|h))+$/.test(text)) {
    const message =
      `Cannot parse "${text}" as a duration: write numbers with units ms, s, m or h, such as 30s or 1h30m`;
    throw new DurationError("Malformed", text, message);
  }
  let totalMs = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) {
    totalMs += Number(digits) * UNIT_MS[unit!]!;
  }
  if (!Number.isSafeInteger(totalMs)) {
    throw new DurationError("TooLong", text, `Cannot use "${text}" as a duration: it is too long to count`);
  }
  return totalMs;
}
