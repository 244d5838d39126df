/**
 * What the admission hint costs a source write: the same writes in a namespace that is observed and in one that is not.
 *
 * @module
 */
import { createNamespace, type Stage } from "./stage.ts";
import { quantile } from "./statistics.ts";

/** Figures of the hook. */
export interface HookFigures {
  readonly writes: number;
  readonly p50Ms: number;
  readonly withoutP50Ms: number;
  readonly p99Ms: number;
  readonly withoutP99Ms: number;
  /** Hints that reached the controller for them: fewer than `writes` means that the hook was not called. */
  readonly hints: number;
}

/** Long enough for the mirror to be done with the write before. */
const PAUSE_MS = 25;
const WITHOUT = "bench-without-hook";

/** Measures writes to `observed`, which is mirrored and has a pool, against writes to a namespace that nobody mirrors. */
export async function measureHook(stage: Stage, observed: string, count: number): Promise<HookFigures> {
  const { writer, scene } = stage;
  await createNamespace(stage, "source", WITHOUT);
  await writer.call("pool", { cluster: "source", namespace: WITHOUT });
  const namespaces = [observed, WITHOUT];
  await writer.call("alternate", { namespaces, count: 20, pauseMs: PAUSE_MS });
  const hintsBefore = await scene.controller.metric("dr_syncer_hints_total");
  const writes = await writer.call("alternate", { namespaces, count, pauseMs: PAUSE_MS });
  const hints = await scene.controller.metric("dr_syncer_hints_total") - hintsBefore;
  const tookMs = (namespace: string) =>
    writes.filter((write) => write.namespace === namespace).map((write) => write.responseMs - write.startMs);
  const [withMs, withoutMs] = [tookMs(observed), tookMs(WITHOUT)];
  return {
    writes: count,
    p50Ms: quantile(withMs, 0.5),
    withoutP50Ms: quantile(withoutMs, 0.5),
    p99Ms: quantile(withMs, 0.99),
    withoutP99Ms: quantile(withoutMs, 0.99),
    hints,
  };
}
