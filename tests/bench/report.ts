/**
 * The figures, for people and for machines.
 *
 * @module
 */
import type { Figures } from "./measure.ts";

/** What `--json` writes: 50 writes/s, the largest number of objects. Parts that were not measured are missing. */
export interface Summary {
  readonly lag?: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly limitP50Ms: number;
    readonly limitP99Ms: number;
  };
  readonly first?: { readonly objectsPerSecond: number; readonly limitObjectsPerSecond: number };
  readonly resync?: { readonly ms: number; readonly limitMs: number };
  readonly rssMiB?: number;
  readonly hook?: { readonly p50Ms: number; readonly withoutP50Ms: number };
  /** 50 writes/s while the largest number of objects changes elsewhere. */
  readonly busy?: { readonly p50Ms: number; readonly p99Ms: number };
  readonly large?: { readonly objects: number; readonly rssMiB: number };
}

const QUOTED_WRITES_PER_SECOND = 50;

/** The figures that are compared from version to version. */
export function summarize({ lag, first, resync, memory, hook, busy, large }: Figures): Summary {
  const quoted = lag?.find(({ writesPerSecond }) => writesPerSecond === QUOTED_WRITES_PER_SECOND);
  const largest = first?.at(-1);
  return {
    ...(quoted && { lag: pick(quoted, "p50Ms", "p99Ms", "limitP50Ms", "limitP99Ms") }),
    ...(largest && { first: pick(largest, "objectsPerSecond", "limitObjectsPerSecond") }),
    ...(resync && { resync: pick(resync, "ms", "limitMs") }),
    ...(memory && { rssMiB: rounded(memory.rssMiB) }),
    ...(hook && { hook: pick(hook, "p50Ms", "withoutP50Ms") }),
    ...(busy && { busy: pick(busy, "p50Ms", "p99Ms") }),
    ...(large && { large: pick(large, "objects", "rssMiB") }),
  };
}

/** A table: each figure, its limit, their ratio, and what that ratio should be. */
export function formatFigures(figures: Figures): string {
  const rows = [
    ["MEASURED", "FIGURE", "LIMIT", "RATIO", "TARGET", "BESIDES"],
    ...lagRows(figures),
    ...firstRows(figures),
    ...resyncRows(figures),
    ...memoryRows(figures),
    ...largeRows(figures),
    ...busyRows(figures),
    ...hookRows(figures),
  ];
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(cell.length, all[i] ?? 0)), []);
  const isNumber = (column: number) => column >= 1 && column <= 3;
  const line = (row: string[]) =>
    row.map((cell, i) => isNumber(i) ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)).join(
      "  ",
    );
  return rows.map((row) => line(row).trimEnd()).join("\n") + "\n" + warningOf(figures);
}

/** Timers that are late by more than this say that the machine had no time for the benchmark, nor for the mirror. */
const LATE_MS = 25;

function warningOf({ lag = [] }: Figures): string {
  const late = lag.filter(({ latenessP99Ms }) => latenessP99Ms > LATE_MS);
  if (late.length === 0) return "";
  const rates = late.map(({ writesPerSecond }) => writesPerSecond).join(", ");
  return `\nThe machine was too busy at ${rates} writes/s to keep the rate: these figures do not count.\n`;
}

function lagRows({ lag = [] }: Figures): string[][] {
  return lag.flatMap((it) => {
    const name = `lag at ${it.writesPerSecond} writes/s`;
    return [
      [`${name}, p50`, ms(it.p50Ms), ms(it.limitP50Ms), times(it.p50Ms, it.limitP50Ms), "≤ 1.25×", coresOf(it.cores)],
      [
        `${name}, p99`,
        ms(it.p99Ms),
        ms(it.limitP99Ms),
        times(it.p99Ms, it.limitP99Ms),
        "≤ 2.00×",
        `most ${ms(it.maxMs)} (limit ${ms(it.limitMaxMs)}), own lateness p99 ${ms(it.latenessP99Ms)}`,
      ],
      [`${name}, lost`, String(it.lost), "", "", "0", `of ${it.writes} writes; ${it.limits} applies as limit`],
    ];
  });
}

function firstRows({ first = [] }: Figures): string[][] {
  return first.map((it) => [
    `first sync of ${it.objects}`,
    `${it.objectsPerSecond.toFixed(0)}/s`,
    `${it.limitObjectsPerSecond.toFixed(0)}/s`,
    times(it.objectsPerSecond, it.limitObjectsPerSecond),
    "≥ 0.80×",
    `first copy after ${ms(it.firstCopyMs)}, last after ${ms(it.lastCopyMs)}; ${coresOf(it.cores)}`,
  ]);
}

function resyncRows({ resync }: Figures): string[][] {
  if (resync === undefined) return [];
  const { objects, ms: tookMs, limitMs, kinds, writes, changedCopies, cores } = resync;
  const besides = `${kinds} kinds; ${coresOf(cores)}`;
  return [
    [`resync of ${objects}`, ms(tookMs), ms(limitMs), times(tookMs, limitMs), "≤ 2.00×", besides],
    [`resync of ${objects}, writes`, String(writes), "", "", "0", `${changedCopies} copies changed`],
  ];
}

function memoryRows({ memory }: Figures): string[][] {
  if (memory === undefined) return [];
  const { objects, rssMiB, peakMiB, anonymousMiB } = memory;
  const besides = `peak ${mebibytes(peakMiB)}; heaps and stacks ${mebibytes(anonymousMiB)}, the rest is programs`;
  return [[`memory at ${objects}`, mebibytes(rssMiB), "", "", "≤ 200 MiB", besides]];
}

function largeRows({ large }: Figures): string[][] {
  if (large === undefined) return [];
  const { objects, rssMiB, peakMiB, anonymousMiB, lastCopyMs } = large;
  const besides = `peak ${mebibytes(peakMiB)}; heaps and stacks ${mebibytes(anonymousMiB)}; all in DR after ${
    ms(lastCopyMs)
  }`;
  return [[`memory at ${objects} of 1 MiB`, mebibytes(rssMiB), "", "", "≤ 400 MiB", besides]];
}

function busyRows({ busy }: Figures): string[][] {
  if (busy === undefined) return [];
  const { changes, changesPerSecond, p50Ms, p99Ms, limitP99Ms, lost, writes, maxMs, cores } = busy;
  const name = `lag while ${changes} others change`;
  const besides = `p50 ${ms(p50Ms)}, most ${ms(maxMs)}; ${lost} of ${writes} writes lost; ${
    changesPerSecond.toFixed(0)
  } changes/s; ${coresOf(cores)}`;
  return [[`${name}, p99`, ms(p99Ms), ms(limitP99Ms), times(p99Ms, limitP99Ms), "≤ 2000 ms", besides]];
}

function hookRows({ hook }: Figures): string[][] {
  if (hook === undefined) return [];
  const { p50Ms, withoutP50Ms, p99Ms, withoutP99Ms, writes, hints } = hook;
  const ratio = times(p50Ms, withoutP50Ms);
  return [[
    "write with the hook, p50",
    ms(p50Ms),
    ms(withoutP50Ms),
    ratio,
    "",
    `adds ${ms(p50Ms - withoutP50Ms)}; p99 ${ms(p99Ms)} and ${ms(withoutP99Ms)}; ${hints} hints for ${writes} writes`,
  ]];
}

function coresOf(cores: Readonly<Record<string, number>>): string {
  return `cores: ${Object.entries(cores).map(([name, share]) => `${name} ${share.toFixed(2)}`).join(", ")}`;
}

function mebibytes(value: number): string {
  return `${value.toFixed(0)} MiB`;
}

function ms(value: number): string {
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ms`;
}

function times(value: number, limit: number): string {
  return `${(value / limit).toFixed(2)}×`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function pick<T, K extends keyof T>(from: T, ...keys: K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, rounded(Number(from[key]))])) as Record<K, number>;
}
