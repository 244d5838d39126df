/**
 * Which read proves most of a source next: one kind of one namespace, or of the whole cluster at once.
 *
 * @module
 */

/** A kind that was proven this recently is left alone. */
export const FRESH_MS = 30_000;
/** A read that took long is repeated that much later: at most a hundredth of the time goes into it. */
const REST_FACTOR = 100;
/** After a failure less: it must not take a quarter of an hour to see that the server is well again. */
const FAILED_REST_FACTOR = 10;
/** Least rest after a read: another kind has its turn, whatever the read has found. */
const LEAST_REST_MS = FRESH_MS / 4;
/** What a list of the whole cluster costs, or that it is forbidden, is found out again after this. */
const FORGET_MS = 600_000;

/** One kind in one namespace, watched by one or more Replications. */
export interface Provable {
  /** `v1/configmaps`. */
  readonly kind: string;
  readonly namespace: string;
  /** Wall time of the oldest proof among them. */
  readonly provenWallMs: number;
}

/** What to list: without a namespace, all of them. */
export interface ProofRead {
  readonly kind: string;
  readonly namespace?: string;
  /** Requests that it may take; where more turn out to be needed, a read of each namespace is cheaper. */
  readonly maxRequests: number;
}

/** What earlier reads have shown; times are monotonic. */
export interface ReadMemory {
  /** When a read, by `readId`, may be repeated. */
  readonly restUntilMs: Map<string, number>;
  /** By kind: requests that a list of the whole cluster takes, Infinity where it is forbidden. */
  readonly wide: Map<string, { readonly requests: number; readonly atMs: number }>;
}

/** A memory without anything in it. */
export function emptyMemory(): ReadMemory {
  return { restUntilMs: new Map(), wide: new Map() };
}

/** Name of a read in the memory. */
export function readId({ kind, namespace }: Pick<ProofRead, "kind" | "namespace">): string {
  return namespace === undefined ? kind : `${kind} ${namespace}`;
}

/**
 * The read that proves the oldest of what is due; undefined when nothing is. Several namespaces are read as one where that
 * takes no more requests than those of them that would be due soon.
 */
export function nextRead(
  provables: readonly Provable[],
  memory: ReadMemory,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): ProofRead | undefined {
  const wideReads = worthwhileWideReads(provables, memory, now);
  let found: ProofRead | undefined;
  let foundWallMs = now.wallMs - FRESH_MS;
  for (const { kind, namespace, provenWallMs } of provables) {
    if (provenWallMs >= foundWallMs) continue;
    const read = wideReads.get(kind) ?? { kind, namespace, maxRequests: Infinity };
    if ((memory.restUntilMs.get(readId(read)) ?? -Infinity) > now.monotonicMs) continue;
    found = read;
    foundWallMs = provenWallMs;
  }
  return found;
}

/** Notes that a read took this long (its requests alone, without pauses): it rests in proportion. */
export function noteRead(read: ProofRead, tookMs: number, memory: ReadMemory, nowMs: number): void {
  rest(read, Math.max(LEAST_REST_MS, tookMs * REST_FACTOR), memory, nowMs);
}

/** Notes that a read failed: others come first, and what does not answer does not hold them up each time. */
export function noteFailure(read: ProofRead, tookMs: number, memory: ReadMemory, nowMs: number): void {
  rest(read, Math.max(FRESH_MS, tookMs * FAILED_REST_FACTOR), memory, nowMs);
}

/** Notes how many requests a list of the whole cluster takes; Infinity where it is forbidden. */
export function noteWide(kind: string, requests: number, memory: ReadMemory, nowMs: number): void {
  memory.wide.set(kind, { requests, atMs: nowMs });
}

/** The kinds that are read for the whole cluster at once. */
function worthwhileWideReads(
  provables: readonly Provable[],
  memory: ReadMemory,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): Map<string, ProofRead> {
  const counts = new Map<string, { all: number; soon: number }>();
  for (const { kind, provenWallMs } of provables) {
    const count = counts.get(kind) ?? { all: 0, soon: 0 };
    count.all++;
    if (provenWallMs < now.wallMs - FRESH_MS / 2) count.soon++;
    counts.set(kind, count);
  }
  const reads = new Map<string, ProofRead>();
  for (const [kind, { all, soon }] of counts) {
    const maxRequests = Math.max(1, soon);
    if (all > 1 && wideRequests(kind, memory, now.monotonicMs) <= maxRequests) reads.set(kind, { kind, maxRequests });
  }
  return reads;
}

function rest(read: ProofRead, restMs: number, { restUntilMs }: ReadMemory, nowMs: number): void {
  for (const [id, untilMs] of restUntilMs) if (untilMs <= nowMs) restUntilMs.delete(id);
  restUntilMs.set(readId(read), nowMs + restMs);
}

function wideRequests(kind: string, { wide }: ReadMemory, nowMs: number): number {
  const known = wide.get(kind);
  return known === undefined || nowMs - known.atMs > FORGET_MS ? 1 : known.requests;
}
