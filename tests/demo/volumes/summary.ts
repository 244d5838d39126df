/**
 * The sum of a round with volumes.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Contents, CONTENTS_HEAD, formatContents } from "./contents.ts";

/** One pass as the Replication's status told of it. */
export interface PassFigures {
  readonly files: number;
  readonly bytes: number;
  /** Bytes that went to DR. */
  readonly transferredBytes: number;
  readonly duration: string;
}

/** A round for machines, as `--json` writes it. */
export interface VolumeSummary {
  /** What was read in DR is what was written in the source. */
  readonly passed: boolean;
  /** In order; shorter when something did not come. */
  readonly passes: readonly PassFigures[];
  /** What the application had written when it took its last order; null when it did not come to that. */
  readonly source: Contents | null;
  /** What the application's Pod found in DR; null when none came. */
  readonly dr: Contents | null;
  /** What did not come, in a sentence. */
  readonly problem: string | null;
}

/** Sums up a round. */
export function sumUpVolumes(facts: Omit<VolumeSummary, "passed">): VolumeSummary {
  const { source, dr, problem } = facts;
  const hasData = source !== null && source.orders > 0 && source.bytes > 0;
  return { passed: problem === null && hasData && isDeepStrictEqual(source, dr), ...facts };
}

/** The summary for people, a line each. */
export function formatVolumeSummary({ passed, source, dr, problem }: VolumeSummary): string[] {
  const table = [CONTENTS_HEAD, formatContents("source", source), formatContents("dr", dr), ""];
  if (passed) return [...table, "What was written in the source was read back in DR: every name and every byte"];
  const why = problem ?? "what a Pod of DR read is not what was written in the source";
  return [...(source === null ? [] : table), `NOT READ BACK: ${why}`];
}
