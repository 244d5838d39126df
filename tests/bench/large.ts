/**
 * Memory with large objects: two thousand ConfigMaps of 1 MiB, the most that API servers take.
 *
 * @module
 */
import { type MemoryFigures, readMemory } from "./process_figures.ts";
import { resyncOnce } from "./resync.ts";
import { createNamespace, type Stage, untilSeen } from "./stage.ts";

/** Figures of one first sync and the resyncs after it. */
export interface LargeFigures extends MemoryFigures {
  readonly objects: number;
  /** From the Replication's creation until the last copy. */
  readonly lastCopyMs: number;
}

const NAMESPACE = "bench-large";
/** Objects that are on their way at once while the source is filled. */
const CONCURRENCY = 4;
const MS_PER_OBJECT_AT_MOST = 500;
const RESYNCS = 2;

/** Mirrors `objects` ConfigMaps of 1 MiB, and compares them all again. */
export async function measureLarge(stage: Stage, objects: number): Promise<LargeFigures> {
  const { writer, observer, scene } = stage;
  await createNamespace(stage, "source", NAMESPACE);
  await writer.call("createLarge", { namespace: NAMESPACE, count: objects, concurrency: CONCURRENCY });
  await observer.call("take", undefined);
  const startMs = performance.timeOrigin + performance.now();
  await scene.replicate(NAMESPACE);
  const deadlineMs = 30_000 + objects * MS_PER_OBJECT_AT_MOST;
  const seen = await untilSeen(stage, NAMESPACE, (seen) => seen.objects >= objects, deadlineMs);
  await scene.condition(NAMESPACE, "Synced", "True");
  for (let time = 0; time < RESYNCS; time++) await resyncOnce(stage, NAMESPACE, `${time}-${crypto.randomUUID()}`);
  return { objects, lastCopyMs: seen.lastMs - startMs, ...await readMemory(scene.controller.pid) };
}
