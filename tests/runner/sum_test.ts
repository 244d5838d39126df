import assert from "node:assert/strict";
import type { TestResult } from "./junit.ts";
import { exitCodeOf, formatSum, sumUp } from "./sum.ts";

const test = (outcome: TestResult["outcome"]): TestResult => ({ name: "a test", outcome });
const good = { tests: [test("passed"), test("passed")] };

const cases: [string, Parameters<typeof sumUp>, string, number][] = [
  ["all passed", [[good, good], 0, true], "4 passed, 0 failed", 0],
  ["one failed", [[good, { tests: [test("failed")] }], 0, true], "2 passed, 1 failed", 1],
  ["a suite crashed without a failing test", [[{ ...good, broken: "it hung" }], 0, true], "2 passed, 1 failed", 1],
  ["something was skipped", [[good, { tests: [test("ignored")] }], 2, true], "2 passed, 0 failed, 3 skipped", 0],
  ["the same where nothing may be", [[good, { tests: [test("ignored")] }], 2, false], "2 passed, 3 failed", 1],
  ["nothing was run", [[], 0, true], "0 passed, 0 failed", 1],
];

for (const [name, args, line, exitCode] of cases) {
  Deno.test(`the sum: ${name}`, () => {
    const sum = sumUp(...args);
    assert.equal(formatSum(sum), line);
    assert.equal(exitCodeOf(sum), exitCode);
  });
}
