/**
 * Proof that the watches of a source have told of everything.
 *
 * An event proves nothing about what is still on its way, bookmarks are rare (a minute apart at best; on 1.30 none came in
 * five minutes for an idle kind), and a watch without events cannot be told from a stalled one. So each kind is read, metadata
 * only and slowly: when every object is known, all that the source committed before the read began has reached us. An object
 * that is not known is a suspicion for the verifier, no more. All Replications of a source share the reads (docs/adr/0017).
 *
 * @module
 */
import { systemClock as timers, waitFor } from "../kube/clock.ts";
import { isKubeError } from "../kube/errors.ts";
import { listAll, MAX_LIMIT } from "../kube/list_all.ts";
import { apiVersionOf, type KubeObject, type ObjectPage, type Reader, type ResourceType } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import {
  emptyMemory,
  nextRead,
  noteFailure,
  noteRead,
  noteWide,
  type ProofRead,
  type Provable,
  type ReadMemory,
} from "./proof_plan.ts";
import { type ProvenKind, Sighting, type Witness } from "./sighting.ts";

/** Least time between two requests: five a second for one source, however many Replications and kinds there are. */
export const PAUSE_MS = 200;
/** Less often looked for something due while nothing is. */
const IDLE_MS = 1_000;
/** What was read may be ahead of the watch by this much; after it, it is a suspicion. */
const SETTLE_MS = 250;
/** A server that takes longer for a page is not to be asked for proof; nor are the other kinds to wait for it. */
const DEADLINE_MS = 10_000;

/** Reads one source for all that mirror from it, while there are any. */
export class LifeProofs {
  readonly #client: Pick<Reader, "list">;
  readonly #clock: Clock;
  readonly #witnesses = new Set<Witness>();
  readonly #memory: ReadMemory = emptyMemory();
  #abort: AbortController | undefined;

  constructor(client: Pick<Reader, "list">, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Proves what a Replication watches from now on, until the answer is called. */
  add(witness: Witness): () => void {
    this.#witnesses.add(witness);
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      void this.#run(this.#abort.signal);
    }
    return () => {
      this.#witnesses.delete(witness);
      if (this.#witnesses.size === 0) this.close();
    };
  }

  /** Ends it, with the read under way. */
  close(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { kinds, provables } = this.#look();
      const now = { wallMs: this.#clock.wallMs(), monotonicMs: this.#nowMs() };
      const read = nextRead(provables, this.#memory, now);
      const type = read === undefined ? undefined : kinds.get(read.kind);
      if (read !== undefined && type !== undefined) await this.#read(read, type, signal);
      await waitFor(timers, read === undefined ? IDLE_MS : PAUSE_MS, signal);
    }
  }

  /** What could be proven now. */
  #look(): { kinds: Map<string, ResourceType>; provables: Provable[] } {
    const kinds = new Map<string, ResourceType>();
    const oldest = new Map<string, Provable>();
    for (const { namespace, kinds: watched } of this.#witnesses) {
      for (const { kind: { source }, provable, provenWallMs } of watched()) {
        if (!provable || provenWallMs === undefined) continue;
        const kind = idOf(source);
        kinds.set(kind, source);
        const place = `${kind} ${namespace}`;
        if (provenWallMs < (oldest.get(place)?.provenWallMs ?? Infinity)) {
          oldest.set(place, { kind, namespace, provenWallMs });
        }
      }
    }
    return { kinds, provables: [...oldest.values()] };
  }

  /** Carries a read out; never rejects but for a programming error. */
  async #read(read: ProofRead, type: ResourceType, signal: AbortSignal): Promise<void> {
    const startedWallMs = this.#clock.wallMs();
    const time = { tookMs: 0 };
    try {
      const sightings = this.#sightingsOf(read);
      const listedVersion = await this.#list(read, type, sightings, time, signal);
      if (listedVersion === undefined) return;
      noteRead(read, time.tookMs, this.#memory, this.#nowMs());
      const open = sightings.filter((sighting) => !sighting.tryToProve(startedWallMs, listedVersion));
      if (open.length === 0) return;
      await waitFor(timers, SETTLE_MS, signal);
      if (signal.aborted) return;
      for (const sighting of open) sighting.settle(startedWallMs, listedVersion);
    } catch (error) {
      // The watch of an unreachable server tells of it; here it only means that nothing is proven.
      if (!isKubeError(error)) throw error;
      const nowMs = this.#nowMs();
      if (read.namespace === undefined && isKubeError(error, "Forbidden")) {
        noteWide(read.kind, Infinity, this.#memory, nowMs);
      } else noteFailure(read, time.tookMs, this.#memory, nowMs);
    }
  }

  /** Whose word a read is held against: who comes later has not seen all of it. */
  #sightingsOf(read: ProofRead): Sighting[] {
    return [...this.#witnesses].flatMap((witness) => {
      if (read.namespace !== undefined && read.namespace !== witness.namespace) return [];
      const isRead = ({ kind, provable }: ProvenKind) => provable && idOf(kind.source) === read.kind;
      return [...witness.kinds()].filter(isRead).map((kind) => new Sighting(witness, kind));
    });
  }

  /** The version of the list; undefined when it is not worth its requests. Throws `KubeError`. */
  async #list(
    { kind, namespace, maxRequests }: ProofRead,
    type: ResourceType,
    sightings: readonly Sighting[],
    time: { tookMs: number },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const query = { namespace, metadataOnly: true, deadlineMs: DEADLINE_MS, signal };
    const pages = listAll(this.#client, type, query, { firstLimit: MAX_LIMIT });
    let [listedVersion, requests] = ["", 0];
    for (;;) {
      const page = await this.#timed(() => pages.next(), time);
      if (page.done) break;
      requests++;
      if (namespace === undefined) noteWide(kind, requests + requestsLeft(page.value), this.#memory, this.#nowMs());
      if (requests + requestsLeft(page.value) > maxRequests) return undefined;
      listedVersion = page.value.resourceVersion;
      const byNamespace = Map.groupBy(page.value.items, ({ metadata }: KubeObject) => metadata.namespace ?? "");
      for (const sighting of sightings) sighting.see(byNamespace.get(sighting.namespace) ?? []);
      if (page.value.continue !== undefined) await waitFor(timers, PAUSE_MS, signal);
    }
    return listedVersion;
  }

  async #timed<T>(call: () => Promise<T>, time: { tookMs: number }): Promise<T> {
    const startedMs = this.#nowMs();
    try {
      return await call();
    } finally {
      time.tookMs += this.#nowMs() - startedMs;
    }
  }

  #nowMs(): number {
    return this.#clock.monotonicMs();
  }
}

function idOf(type: ResourceType): string {
  return `${apiVersionOf(type)}/${type.resource}`;
}

/** Requests that are still to come after a page; one at least when the server does not tell how many objects are left. */
function requestsLeft(page: ObjectPage): number {
  if (page.continue === undefined) return 0;
  return Math.max(1, Math.ceil((page.remainingItemCount ?? 0) / Math.max(1, page.items.length)));
}
