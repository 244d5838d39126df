/**
 * How many copies of a kind each Replication has in a DR cluster, counted for all of them at once: a kind that only DR serves is a
 * question of every Replication, and a list for each would be tens of thousands where there are hundreds of both.
 *
 * @module
 */
import { MANAGED_BY } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import { listAll, MAX_LIMIT } from "../kube/list_all.ts";
import { apiVersionOf, type ListQuery, type Reader, type ResourceType } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import { SharedRead } from "./shared_read.ts";

/** Whose copies, and where. */
export interface CopyPlace {
  readonly destinationNamespace: string;
  readonly replicationId: string;
}

interface Count {
  /** Monotonic. */
  readonly startedMs: number;
  /** By namespace and id of the Replication; undefined where a list of all namespaces is forbidden. */
  readonly copies: ReadonlyMap<string, number> | undefined;
}

interface CountedKind {
  readonly reading: SharedRead<Count>;
  last?: Count;
}

/** Counts the copies in one DR cluster. */
export class CopyCounts {
  readonly #client: Pick<Reader, "list">;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, CountedKind>();

  constructor(client: Pick<Reader, "list">, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * Copies of a kind that a Replication has, as of a count that began at `sinceMs` (monotonic, now at the latest) or later: the
   * last one of all Replications if it is that young. Throws `KubeError`.
   */
  async count(type: ResourceType, place: CopyPlace, sinceMs: number, signal: AbortSignal): Promise<number> {
    const kind = this.#kindOf(type);
    const oldestMs = Math.min(sinceMs, this.#clock.monotonicMs());
    let count = kind.last;
    // One that somebody has begun may be too old.
    while (count === undefined || count.startedMs < oldestMs) count = await kind.reading.get(signal);
    if (count.copies !== undefined) {
      return count.copies.get(keyOf(place.destinationNamespace, place.replicationId)) ?? 0;
    }
    return await this.#countIn(type, place, signal);
  }

  #kindOf(type: ResourceType): CountedKind {
    const id = `${apiVersionOf(type)}/${type.resource}`;
    let kind = this.#kinds.get(id);
    if (kind === undefined) {
      const counted: CountedKind = {
        reading: new SharedRead(async (signal) => counted.last = await this.#countAll(type, signal)),
      };
      this.#kinds.set(id, kind = counted);
    }
    return kind;
  }

  async #countAll(type: ResourceType, signal: AbortSignal): Promise<Count> {
    const startedMs = this.#clock.monotonicMs();
    const copies = new Map<string, number>();
    try {
      for await (const { items } of this.#list(type, { labelSelector: MANAGED_BY, signal })) {
        for (const { metadata: { namespace = "", labels } } of items) {
          const key = keyOf(namespace, labels?.[MANAGED_BY] ?? "");
          copies.set(key, (copies.get(key) ?? 0) + 1);
        }
      }
    } catch (error) {
      if (!isKubeError(error, "Forbidden")) throw error;
      return { startedMs, copies: undefined };
    }
    return { startedMs, copies };
  }

  async #countIn(
    type: ResourceType,
    { destinationNamespace, replicationId }: CopyPlace,
    signal: AbortSignal,
  ): Promise<number> {
    const labelSelector = `${MANAGED_BY}=${replicationId}`;
    let copies = 0;
    for await (const { items } of this.#list(type, { namespace: destinationNamespace, labelSelector, signal })) {
      copies += items.length;
    }
    return copies;
  }

  #list(type: ResourceType, query: ListQuery) {
    return listAll(this.#client, type, { ...query, metadataOnly: true }, { firstLimit: MAX_LIMIT });
  }
}

function keyOf(namespace: string, replicationId: string): string {
  return `${namespace}/${replicationId}`;
}
