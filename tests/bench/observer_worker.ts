/**
 * The thread that watches the DR cluster: what arrives there, and when.
 *
 * @module
 */
import { groupResource, type WatchEvent } from "../../kube/types.ts";
import { openAccess } from "./access.ts";
import type { Arrival } from "./arrivals.ts";
import { answerCalls } from "./calls.ts";
import { writeOf } from "./objects.ts";

/** What is known of one namespace since the last `take`. */
export interface Seen {
  /** Objects that were seen. */
  readonly objects: number;
  /** The latest write that was seen; -1 when there was none. */
  readonly write: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

const arrivals: Arrival[] = [];
const seen = new Map<string, { keys: Set<string>; write: number; firstMs: number; lastMs: number }>();

function note(resource: string, { object, type, receivedAtMs }: WatchEvent): void {
  const write = writeOf(object);
  if (write === undefined || type === "Deleted") return;
  const { namespace = "", name } = object.metadata;
  const atMs = performance.timeOrigin + receivedAtMs;
  const key = `${resource}/${name}`;
  arrivals.push({ namespace, write, atMs, key });
  const space = seen.get(namespace) ?? { keys: new Set(), write: -1, firstMs: atMs, lastMs: atMs };
  seen.set(namespace, space);
  space.keys.add(key);
  space.lastMs = Math.max(space.lastMs, atMs);
  space.write = Math.max(space.write, write);
}

const procedures = {
  /** Watches the kinds of the mix in all namespaces; resolves when every watch runs. */
  async watch(kubeconfig: string): Promise<void> {
    const { client, types } = await openAccess(kubeconfig);
    const ready = [...types.values()].map((type) => {
      const live = Promise.withResolvers<void>();
      const kind = groupResource(type);
      const sink = { live: () => live.resolve(), event: (event: WatchEvent) => note(kind, event) };
      client.watch(type, { start: "now" }, sink, new AbortController().signal);
      return live.promise;
    });
    await Promise.all(ready);
  },
  seen(namespace: string): Seen {
    const space = seen.get(namespace);
    if (space === undefined) return { objects: 0, write: -1, firstMs: NaN, lastMs: NaN };
    return { ...space, objects: space.keys.size } satisfies Seen & { keys: unknown };
  },
  /** What arrived since the last time, in order. */
  take(): Arrival[] {
    seen.clear();
    return arrivals.splice(0);
  },
};

/** What this Worker answers. */
export type Observer = typeof procedures;

answerCalls(procedures);
