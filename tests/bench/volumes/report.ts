/**
 * The figures of volumes, for people and for machines.
 *
 * @module
 */
import type { CaseName, Timing, Timings } from "./measure.ts";

/** How many times faster than something else. */
export interface Ratio {
  readonly vsPlain: number;
  /** Only of the large file. */
  readonly vsSsh?: number;
}

/** What `--json` writes. */
export type VolumeSummary = Readonly<Partial<Record<CaseName, Ratio>>>;

const QUOTED = ["largeFile", "unchangedWan", "firstWan", "smallLan", "dirtyWan"] as const;

/** What each case is called, and how many times faster it has to be than the plain command. */
const CASES: Readonly<Record<CaseName, readonly [string, number | undefined]>> = {
  largeFile: ["one large file, near", 4],
  smallLan: ["small files, first copy, near", 0.9],
  unchangedLan: ["small files, nothing changed, near", undefined],
  firstWan: ["small files, first copy, far", 2],
  unchangedWan: ["small files, nothing changed, far", 3],
  dirtyWan: ["small files, some changed, far", undefined],
};

/** How many times faster each case is. */
export function summarize(timings: Timings): VolumeSummary {
  return Object.fromEntries(QUOTED.flatMap((name) => {
    const timing = timings[name];
    return timing === undefined ? [] : [[name, ratioOf(timing)]];
  }));
}

function ratioOf({ oursSeconds, plainSeconds, sshSeconds }: Timing): Ratio {
  const times = (seconds: number) => Math.round(seconds / oursSeconds * 100) / 100;
  return { vsPlain: times(plainSeconds), ...(sshSeconds === undefined ? {} : { vsSsh: times(sshSeconds) }) };
}

/** A table. */
export function formatTimings(timings: Timings): string {
  const rows = [["CASE", "OURS", "PLAIN", "TIMES", "TARGET"]];
  for (const [name, timing] of Object.entries(timings) as [CaseName, Timing][]) {
    const [title, target] = CASES[name];
    const { vsPlain, vsSsh } = ratioOf(timing);
    rows.push([
      title,
      seconds(timing.oursSeconds),
      seconds(timing.plainSeconds),
      `${vsPlain}`,
      target ? `${target}` : "-",
    ]);
    if (timing.sshSeconds !== undefined) {
      rows.push([
        "  against raw ssh, same cipher",
        seconds(timing.oursSeconds),
        seconds(timing.sshSeconds),
        `${vsSsh}`,
        "0.8",
      ]);
    }
  }
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(cell.length, all[i] ?? 0)), []);
  const line = (row: string[]) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0));
  return rows.map((row) => line(row).join("  ")).join("\n") + "\n";
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
