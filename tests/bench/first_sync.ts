/**
 * First sync: how fast the copies of a namespace appear, beside plain creates of the same objects in the DR cluster.
 *
 * @module
 */
import { measureCores } from "./process_figures.ts";
import { createNamespace, type Stage, untilSeen } from "./stage.ts";

/** Figures of one first sync. */
export interface FirstSyncFigures {
  readonly objects: number;
  /** Between the first copy and the last. */
  readonly objectsPerSecond: number;
  readonly limitObjectsPerSecond: number;
  /** From the Replication's creation to the first copy, and to the last. */
  readonly firstCopyMs: number;
  readonly lastCopyMs: number;
  readonly cores: Readonly<Record<string, number>>;
}

/** Creates at once in the limit; the mirror has as many writes in flight. */
const CONCURRENCY = 16;
const MS_PER_OBJECT_AT_MOST = 50;

/** Fills `namespace` in the source, measures plain creates in DR, then the sync. */
export async function measureFirstSync(stage: Stage, namespace: string, objects: number): Promise<FirstSyncFigures> {
  const { writer, observer, scene, pids } = stage;
  const limitNamespace = `${namespace}-limit`;
  await createNamespace(stage, "source", namespace);
  await createNamespace(stage, "dr", limitNamespace);
  await writer.call("create", { cluster: "source", namespace, from: 0, count: objects, concurrency: 32 });
  // Half before and half after the sync: a server that slows down as it fills, slows both.
  const half = objects >> 1;
  const create = (from: number, count: number) =>
    writer.call("create", { cluster: "dr", namespace: limitNamespace, from, count, concurrency: CONCURRENCY });
  let limitMs = await create(0, half);
  await observer.call("take", undefined);
  const { result, cores } = await measureCores(pids, async () => {
    const startMs = performance.timeOrigin + performance.now();
    await scene.replicate(namespace);
    const deadlineMs = 30_000 + objects * MS_PER_OBJECT_AT_MOST;
    return { startMs, seen: await untilSeen(stage, namespace, (seen) => seen.objects >= objects, deadlineMs) };
  });
  limitMs += await create(half, objects - half);
  await observer.call("take", undefined);
  const { startMs, seen } = result;
  return {
    objects,
    objectsPerSecond: (objects - 1) / (seen.lastMs - seen.firstMs) * 1_000,
    limitObjectsPerSecond: objects / limitMs * 1_000,
    firstCopyMs: seen.firstMs - startMs,
    lastCopyMs: seen.lastMs - startMs,
    cores,
  };
}
