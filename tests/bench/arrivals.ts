/**
 * Which event shows which write: of two writes of one object, a watch, like a mirror, may show the later one alone.
 *
 * @module
 */
import { isNewer } from "../../reconciler/resource_version.ts";

/** An event: `write` of an object reached the watch. */
export interface Arrival {
  readonly namespace: string;
  readonly write: number;
  /** When its line was complete, see `nowMs`. */
  readonly atMs: number;
  readonly key: string;
}

/** A write whose place among those of its object its resourceVersion tells: requests in flight at once change places. */
export interface Committed {
  readonly namespace: string;
  readonly key: string;
  readonly write: number;
  readonly resourceVersion: string;
}

/** When each write was first seen, itself or one committed after it; NaN when it was not. `arrivals` in their order. */
export function findArrivals<W extends Committed>(
  writes: readonly W[],
  arrivals: readonly Arrival[],
): (write: W) => number {
  const events = Map.groupBy(arrivals, objectOf);
  const seenMs = new Map<number, number>();
  for (const [object, ofObject] of Map.groupBy(writes, objectOf)) {
    const order = ofObject.toSorted((a, b) => isNewer(a.resourceVersion, b.resourceVersion) ? 1 : -1);
    const places = new Map(order.map(({ write }, place) => [write, place]));
    let next = 0;
    for (const { write, atMs } of events.get(object) ?? []) {
      const place = places.get(write) ?? -1;
      for (; next <= place; next++) seenMs.set((order[next] as W).write, atMs);
    }
  }
  return ({ write }) => seenMs.get(write) ?? NaN;
}

function objectOf({ namespace, key }: { readonly namespace: string; readonly key: string }): string {
  return `${namespace}/${key}`;
}
