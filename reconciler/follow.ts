/**
 * A few objects kept in memory by a watch: our own kinds, and the Secrets they name.
 *
 * @module
 */
import type { KubeClient, KubeObject, ResourceType } from "../kube/types.ts";

/** Objects of a kind as they are now. */
export interface ObjectStore {
  /** Whether the first list is complete. */
  readonly synced: boolean;
  /** Why the watch is not connected, if it is not. */
  readonly problem: string | undefined;
  objects(): KubeObject[];
  get(namespace: string, name: string): KubeObject | undefined;
  readonly done: Promise<void>;
}

/** Follows a kind until the signal is aborted; `changed` is called once for each burst of changes. */
export function followObjects(
  client: KubeClient,
  type: ResourceType,
  namespace: string | undefined,
  changed: () => void,
  signal: AbortSignal,
  { metadataOnly = false } = {},
): ObjectStore {
  let objects = new Map<string, KubeObject>();
  let listing = new Map<string, KubeObject>();
  let synced = false;
  let told = false;
  let problem: string | undefined;
  const keyOf = (object: KubeObject) => `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
  const tell = () => {
    if (told) return;
    told = true;
    queueMicrotask(() => {
      told = false;
      if (!signal.aborted) changed();
    });
  };
  const handle = client.watch(type, { namespace, start: "list", metadataOnly }, {
    begin: () => listing = new Map(),
    item: ({ object }) => listing.set(keyOf(object), object),
    live: () => {
      objects = listing;
      synced = true;
      tell();
    },
    event: ({ type, object }) => {
      // A deletion may come within a list, of an object that was an item of it already.
      for (const known of [objects, listing]) {
        if (type === "Deleted") known.delete(keyOf(object));
        else known.set(keyOf(object), object);
      }
      tell();
    },
    connected: () => problem = undefined,
    disconnected: (error) => {
      problem = error.message;
      tell();
    },
  }, signal);
  return {
    get synced() {
      return synced;
    },
    get problem() {
      return problem;
    },
    objects: () => [...objects.values()],
    get: (objectNamespace, name) => objects.get(`${objectNamespace}/${name}`),
    done: handle.done,
  };
}
