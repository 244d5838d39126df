/**
 * Command line of `deno task bench`.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** What can be measured by itself. */
export const PARTS = ["lag", "first", "resync", "memory", "hook", "busy", "large"] as const;
/** One of them. */
export type Part = typeof PARTS[number];

/** What to measure, and how much of it. */
export interface BenchOptions {
  readonly parts: ReadonlySet<Part>;
  readonly runs: number;
  readonly jsonPath?: string;
  /** Rates of the lag, and how long each is measured. */
  readonly writesPerSecond: readonly number[];
  readonly lagMs: number;
  /** Sizes of the first syncs; resync and memory are measured on the last. */
  readonly objects: readonly number[];
  readonly resyncs: number;
  /** ConfigMaps of 1 MiB. */
  readonly largeObjects: number;
  /** Writes with the hook, and as many without. */
  readonly hookWrites: number;
}

/** Text of `--help`. */
export const help = `Measures dr-syncer between two real clusters on this machine, each figure beside its limit.

Usage: deno task bench [options]

Options:
  --only PART   one of ${PARTS.join(", ")}; may be given more than once
  --quick       fewer objects and shorter loads: a look, not a figure to quote
  --runs N      repeats everything N times and takes the median of each figure; 1 unless told otherwise
  --json FILE   also writes the figures for 50 writes/s and the largest number of objects
  --help        shows this text

A full run takes about ten minutes, a quick one about three. docs/benchmarks.md says what is measured and how.
`;

/** A command line that cannot be carried out. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line; undefined when it asks for the help text. @throws {UsageError} */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { help, quick, only, runs, json } = readArgs(args);
  if (help) return undefined;
  const unknown = only.find((part) => !(PARTS as readonly string[]).includes(part));
  if (unknown !== undefined) throw new UsageError(`Cannot measure "${unknown}": --only is one of ${PARTS.join(", ")}`);
  if (!/^[1-9]\d?$/.test(runs)) throw new UsageError(`Cannot run "${runs}" times: --runs is a number from 1 to 99`);
  return {
    parts: new Set(only.length === 0 ? PARTS : only as Part[]),
    runs: Number(runs),
    jsonPath: json,
    ...(quick ? QUICK : FULL),
  };
}

const RATES = [10, 50, 200];
const FULL = {
  writesPerSecond: RATES,
  lagMs: 40_000,
  objects: [1_000, 10_000],
  resyncs: 5,
  hookWrites: 400,
  largeObjects: 2_000,
};
const QUICK = {
  writesPerSecond: RATES,
  lagMs: 8_000,
  objects: [1_000],
  resyncs: 3,
  hookWrites: 100,
  largeObjects: 200,
};

function readArgs(args: readonly string[]) {
  const options = {
    only: { type: "string", multiple: true, default: [] as string[] },
    quick: { type: "boolean", default: false },
    runs: { type: "string", default: "1" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(`Cannot read the command line: ${error instanceof Error ? error.message : error}`);
  }
}
