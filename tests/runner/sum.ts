/**
 * What all suites come to.
 *
 * @module
 */
import type { SuiteResult } from "./execute.ts";

/** Numbers of tests. */
export interface Sum {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Adds up. A suite that broke outside of its tests is one failure. Ignored tests and suites that were not run (one
 * each) are skipped, or failures where nothing may be skipped.
 */
export function sumUp(
  results: readonly Pick<SuiteResult, "tests" | "broken">[],
  suitesNotRun: number,
  maySkip: boolean,
): Sum {
  const tests = results.flatMap((result) => result.tests);
  const count = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  const left = count("ignored") + suitesNotRun;
  const broken = results.filter((result) => result.broken !== undefined).length;
  return {
    passed: count("passed"),
    failed: count("failed") + broken + (maySkip ? 0 : left),
    skipped: maySkip ? left : 0,
  };
}

/** The last line: `12 passed, 0 failed`, and what was skipped if anything was. */
export function formatSum({ passed, failed, skipped }: Sum): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** 0 when tests passed and none failed. */
export function exitCodeOf({ passed, failed }: Sum): number {
  return failed > 0 || passed === 0 ? 1 : 0;
}
