import assert from "node:assert/strict";

/** The numbers of a log, one a line, which follow each other from 1; a line that is being written does not count. */
export function numbersIn(log: string): number[] {
  const lines = log.split("\n").slice(0, -1);
  const numbers = lines.map(Number);
  assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
  return numbers;
}
