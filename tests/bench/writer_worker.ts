/**
 * The thread that writes: to the source cluster, and to the DR cluster for the limits.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";
import { type Access, openAccess, typeOf } from "./access.ts";
import { answerCalls, nowMs } from "./calls.ts";
import { type Kind, kindAt, makeLarge, makeObject, patchOf } from "./objects.ts";

/** A write that was answered. */
export interface Answered {
  readonly namespace: string;
  readonly key: string;
  readonly write: number;
  /** Of the object as the answer showed it: tells in which order writes of one object were committed. */
  readonly resourceVersion: string;
  readonly startMs: number;
  readonly responseMs: number;
}

/** A steady load on the source, and beside it a few applies in DR. */
export interface Load {
  readonly sourceNamespace: string;
  readonly writesPerSecond: number;
  readonly limitNamespace: string;
  readonly limitPerSecond: number;
  readonly durationMs: number;
}

/** Objects of the mix, by their number. */
export interface Range {
  readonly cluster: "source" | "dr";
  readonly namespace: string;
  readonly from: number;
  readonly count: number;
  readonly concurrency: number;
}

/** What a load did. */
export interface LoadResult {
  readonly writes: Answered[];
  readonly applies: Answered[];
  /** How late this thread's own timers were: its own share of what it measures. */
  readonly latenessMs: number[];
}

/** Updated in turn; there are as many in each namespace. */
export const POOL = 100;
/** Every so many writes one object is created, all others are updates. */
const CREATE_EVERY = 4;

/** A busy machine gives slow figures, not a failure. */
const PATIENT = { deadlineMs: 120_000 };

const clusters = new Map<"source" | "dr", Access>();
let lastWrite = 0;

function accessTo(name: "source" | "dr"): Access {
  const access = clusters.get(name);
  if (access === undefined) throw new Error(`Cannot write to ${name}: it was not opened`);
  return access;
}

/** What the n-th write of a load does: to which object, and whether it creates that. */
function planWrite(index: number): { kind: Kind; name: string; creates: boolean } {
  const round = Math.floor(index / CREATE_EVERY);
  if (index % CREATE_EVERY === 0) return { kind: kindAt(round), name: `new-${crypto.randomUUID()}`, creates: true };
  const place = (index - round - 1) % POOL;
  return { kind: kindAt(place), name: `pool-${place}`, creates: false };
}

/** A user's write: POST, or a merge patch. */
async function write(namespace: string, index: number): Promise<Answered> {
  const { kind, name, creates } = planWrite(index);
  const access = accessTo("source");
  const type = typeOf(access, kind);
  const write = ++lastWrite;
  const body = creates ? undefined : patchOf(kind, name, write);
  const startMs = nowMs();
  const { metadata } = body === undefined
    ? await access.client.create(type, makeObject(kind, namespace, name, write), PATIENT)
    : await access.client.patch(type, { namespace, name }, { type: "merge", body }, PATIENT);
  return answered({ namespace, key: `${kind}/${name}`, write, startMs }, metadata);
}

/** What the mirror has to do at least: one server-side apply in DR, of the same mix. */
async function apply(namespace: string, index: number): Promise<Answered> {
  const { kind, name } = planWrite(index);
  const access = accessTo("dr");
  const type = typeOf(access, kind);
  const write = ++lastWrite;
  const object = makeObject(kind, namespace, name, write);
  const startMs = nowMs();
  const { metadata } = await access.client.apply(type, object, { fieldManager: "bench", ...PATIENT });
  return answered({ namespace, key: `${kind}/${name}`, write, startMs }, metadata);
}

function answered(write: Omit<Answered, "resourceVersion" | "responseMs">, metadata: KubeObject["metadata"]): Answered {
  return { ...write, resourceVersion: metadata.resourceVersion ?? "", responseMs: nowMs() };
}

/** Starts `act` at a fixed rate, whether or not those before have ended. */
async function atRate<T>(
  perSecond: number,
  durationMs: number,
  latenessMs: number[],
  act: (index: number) => Promise<T>,
) {
  const startMs = nowMs();
  const count = Math.round(durationMs / 1_000 * perSecond);
  const results: Promise<T>[] = [];
  for (let index = 0; index < count; index++) {
    const dueMs = startMs + (index + 0.5) * 1_000 / perSecond;
    await until(dueMs);
    latenessMs.push(nowMs() - dueMs);
    const result = act(index);
    // Told by Promise.all in the end; until then a failure is not unhandled.
    result.catch(() => {});
    results.push(result);
  }
  return await Promise.all(results);
}

function until(dueMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - nowMs())));
}

/** `count` objects of the mix, at most `concurrency` requests at once. Answers the milliseconds that took. */
async function create(cluster: "source" | "dr", namespace: string, from: number, count: number, concurrency: number) {
  const access = accessTo(cluster);
  return await forEach(from, count, concurrency, async (index) => {
    const kind = kindAt(index);
    await access.client.create(typeOf(access, kind), makeObject(kind, namespace, `object-${index}`, ++lastWrite));
  });
}

/** Changes `count` objects that `create` has made, once each, at most `concurrency` at once. Answers the milliseconds that took. */
async function change(cluster: "source" | "dr", namespace: string, from: number, count: number, concurrency: number) {
  const access = accessTo(cluster);
  return await forEach(from, count, concurrency, async (index) => {
    const [kind, name] = [kindAt(index), `object-${index}`];
    const body = patchOf(kind, name, ++lastWrite);
    await access.client.patch(typeOf(access, kind), { namespace, name }, { type: "merge", body }, PATIENT);
  });
}

/** ConfigMaps of 1 MiB in the source. Answers the milliseconds that took. */
async function createLarge(namespace: string, count: number, concurrency: number) {
  const access = accessTo("source");
  const type = typeOf(access, "configmaps");
  return await forEach(0, count, concurrency, async (index) => {
    await access.client.create(type, makeLarge(namespace, `large-${index}`, ++lastWrite), PATIENT);
  });
}

async function forEach(from: number, count: number, concurrency: number, act: (index: number) => Promise<void>) {
  const startMs = nowMs();
  let next = from;
  const work = async () => {
    while (next < from + count) await act(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return nowMs() - startMs;
}

async function pool(cluster: "source" | "dr", namespace: string): Promise<void> {
  const access = accessTo(cluster);
  for (let index = 0; index < POOL; index++) {
    const object = makeObject(kindAt(index), namespace, `pool-${index}`, ++lastWrite);
    await access.client.apply(typeOf(access, kindAt(index)), object, { fieldManager: "bench" });
  }
}

const procedures = {
  async open(kubeconfigs: { source: string; dr: string }): Promise<void> {
    clusters.set("source", await openAccess(kubeconfigs.source));
    clusters.set("dr", await openAccess(kubeconfigs.dr));
  },
  /** Makes the objects that a load updates. */
  pool: ({ cluster, namespace }: { cluster: "source" | "dr"; namespace: string }) => pool(cluster, namespace),
  async load(load: Load): Promise<LoadResult> {
    const latenessMs: number[] = [];
    const { sourceNamespace, limitNamespace, durationMs } = load;
    const [writes, applies] = await Promise.all([
      atRate(load.writesPerSecond, durationMs, latenessMs, (index) => write(sourceNamespace, index)),
      atRate(load.limitPerSecond, durationMs, latenessMs, (index) => apply(limitNamespace, index)),
    ]);
    return { writes, applies, latenessMs };
  },
  /** Writes to each namespace in turn, `pauseMs` after the answer to the one before. */
  async alternate({ namespaces, count, pauseMs }: { namespaces: readonly string[]; count: number; pauseMs: number }) {
    const writes: Answered[] = [];
    for (let index = 0; index < count; index++) {
      // The order turns round each time: neither namespace always comes second.
      for (const namespace of index % 2 === 0 ? namespaces : namespaces.toReversed()) {
        await until(nowMs() + pauseMs);
        writes.push(await write(namespace, index));
      }
    }
    return writes;
  },
  create: ({ cluster, namespace, from, count, concurrency }: Range) =>
    create(cluster, namespace, from, count, concurrency),
  change: ({ cluster, namespace, from, count, concurrency }: Range) =>
    change(cluster, namespace, from, count, concurrency),
  createLarge: ({ namespace, count, concurrency }: Pick<Range, "namespace" | "count" | "concurrency">) =>
    createLarge(namespace, count, concurrency),
};

/** What this Worker answers. */
export type Writer = typeof procedures;

answerCalls(procedures);
