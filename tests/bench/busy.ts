/**
 * Fairness: the lag of one namespace while every object of another one changes.
 *
 * @module
 */
import { CalledWorker } from "./calls.ts";
import { type LoadFigures, measureLoad, prepareLag } from "./lag.ts";
import type { Stage } from "./stage.ts";
import type { Writer } from "./writer_worker.ts";

/** Figures of the load, and what went on beside it. */
export interface BusyFigures extends LoadFigures {
  /** Objects of the other namespace that were changed meanwhile, and how fast. */
  readonly changes: number;
  readonly changesPerSecond: number;
}

const NAMESPACE = "bench-steady";
const WRITES_PER_SECOND = 50;
/** Changes at once: as many as a first sync writes. */
const CONCURRENCY = 16;

/** Writes to a namespace of its own while `changes` objects of `elsewhere`, which is mirrored, are changed once each. */
export async function measureBusy(stage: Stage, elsewhere: string, changes: number): Promise<BusyFigures> {
  await prepareLag(stage, NAMESPACE);
  using others = new CalledWorker<Writer>(new URL("writer_worker.ts", import.meta.url));
  await others.call("open", { source: stage.scene.source.kubeconfig, dr: stage.scene.dr.kubeconfig });
  let changedMs: number | undefined;
  const change = {
    cluster: "source",
    namespace: elsewhere,
    from: 0,
    count: changes,
    concurrency: CONCURRENCY,
  } as const;
  const changing = others.call("change", change).then((tookMs) => changedMs = tookMs);
  const [load] = await Promise.all([
    measureLoad(stage, NAMESPACE, WRITES_PER_SECOND, () => changedMs === undefined),
    changing,
  ]);
  return { ...load, changes, changesPerSecond: changes / (changedMs ?? NaN) * 1_000 };
}
