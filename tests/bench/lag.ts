/**
 * Lag: from the source's answer to a write until a watch of the DR cluster shows it, beside a plain apply seen by the same watch.
 *
 * @module
 */
import { measureCores } from "./process_figures.ts";
import { type Arrival, findArrivals } from "./arrivals.ts";
import { createNamespace, mirror, type Stage } from "./stage.ts";
import { quantile } from "./statistics.ts";
import { waitFor } from "../wait.ts";
import type { Answered, LoadResult } from "./writer_worker.ts";

/** Figures of a steady load. */
export interface LoadFigures {
  readonly writesPerSecond: number;
  readonly writes: number;
  /** Writes that did not arrive. */
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly limits: number;
  readonly limitP50Ms: number;
  readonly limitP99Ms: number;
  readonly limitMaxMs: number;
  /** p99 of how late the writing thread's timers were. */
  readonly latenessP99Ms: number;
  /** Cores that each process kept busy. */
  readonly cores: Readonly<Record<string, number>>;
}

/** Figures at one rate. */
export type LagFigures = LoadFigures;

const LIMIT_NAMESPACE = "bench-limit";
const WARM_UP_MS = 5_000;
const ROUND_MS = 2_000;
const ARRIVAL_DEADLINE_MS = 15_000;

/** Prepares the namespaces of `measureLag`. */
export async function prepareLag(stage: Stage, namespace: string): Promise<void> {
  await createNamespace(stage, "source", namespace);
  await createNamespace(stage, "dr", LIMIT_NAMESPACE);
  await stage.writer.call("pool", { cluster: "source", namespace });
  await stage.writer.call("pool", { cluster: "dr", namespace: LIMIT_NAMESPACE });
  await mirror(stage, namespace);
}

/** Measures at one rate, after a warm-up at that rate. */
export async function measureLag(
  stage: Stage,
  namespace: string,
  writesPerSecond: number,
  durationMs: number,
): Promise<LagFigures> {
  await stage.writer.call("load", { ...loadOf(namespace, writesPerSecond), durationMs: WARM_UP_MS });
  let isFirst = true;
  const once = () => isFirst && !(isFirst = false);
  return await measureLoad(stage, namespace, writesPerSecond, once, durationMs);
}

function loadOf(sourceNamespace: string, writesPerSecond: number) {
  // As many as tell a p99 in half a minute, and few beside the load.
  const limitPerSecond = Math.max(10, writesPerSecond / 10);
  return { sourceNamespace, writesPerSecond, limitNamespace: LIMIT_NAMESPACE, limitPerSecond };
}

/** Measures at one rate, without a warm-up, in rounds of `roundMs` for as long as the load is to go on. */
export async function measureLoad(
  stage: Stage,
  namespace: string,
  writesPerSecond: number,
  goesOn: () => boolean,
  roundMs = ROUND_MS,
): Promise<LoadFigures> {
  await stage.observer.call("take", undefined);
  const rounds: LoadResult[] = [];
  const { cores } = await measureCores(stage.pids, async () => {
    while (goesOn()) {
      rounds.push(await stage.writer.call("load", { ...loadOf(namespace, writesPerSecond), durationMs: roundMs }));
    }
  });
  const writes = rounds.flatMap((round) => round.writes);
  const applies = rounds.flatMap((round) => round.applies);
  const arrivalMs = await untilArrived(stage, [...writes, ...applies]);
  // The event may overtake the answer: then the write was in DR before its writer knew of it.
  const lagMs = writes.map((write) => Math.max(0, arrivalMs(write) - write.responseMs));
  const seen = lagMs.filter((lag) => !Number.isNaN(lag));
  const limitMs = applies.map((apply) => arrivalMs(apply) - apply.startMs).filter((lag) => !Number.isNaN(lag));
  return {
    writesPerSecond,
    writes: writes.length,
    lost: lagMs.length - seen.length,
    p50Ms: quantile(seen, 0.5),
    p99Ms: quantile(seen, 0.99),
    maxMs: quantile(seen, 1),
    limits: limitMs.length,
    limitP50Ms: quantile(limitMs, 0.5),
    limitP99Ms: quantile(limitMs, 0.99),
    limitMaxMs: quantile(limitMs, 1),
    latenessP99Ms: quantile(rounds.flatMap((round) => round.latenessMs), 0.99),
    cores,
  };
}

/** When each write arrived, once all have; after the deadline NaN for those that have not. */
async function untilArrived(stage: Stage, writes: readonly Answered[]): Promise<(write: Answered) => number> {
  const arrivals: Arrival[] = [];
  let arrivalMs = findArrivals(writes, arrivals);
  await waitFor("the last write in DR", async () => {
    arrivals.push(...await stage.observer.call("take", undefined));
    arrivalMs = findArrivals(writes, arrivals);
    return writes.every((write) => !Number.isNaN(arrivalMs(write)));
  }, { deadlineMs: ARRIVAL_DEADLINE_MS, pollMs: 500 }).catch(() => {});
  return arrivalMs;
}
