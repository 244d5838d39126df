/**
 * An independent watch of one cluster: every kind in one namespace, the Namespace itself, and definitions.
 *
 * @module
 */
import {
  groupResource,
  type KubeClient,
  type KubeObject,
  type ResourceType,
  type WatchEvent,
} from "../../kube/types.ts";
import { mirroredKind } from "../../reconciler/desired/kinds.ts";

/** What a watch told about an object. */
export interface Sighting {
  readonly type: ResourceType;
  readonly change: WatchEvent["type"];
  readonly object: KubeObject;
  /** `performance.now()` when it was received. */
  readonly atMs: number;
  /** It was there when the watch began. */
  readonly initial: boolean;
}

/** Cluster-scoped kinds that are watched, too. */
const CLUSTER_SCOPED = ["namespaces", "customresourcedefinitions.apiextensions.k8s.io"];

/** Names an object for tables: `configmaps/settings`. */
export function keyOf(type: Pick<ResourceType, "group" | "resource">, name: string): string {
  return `${groupResource(type)}/${name}`;
}

/** Whether objects of a kind are looked at: what is mirrored, and the cluster-scoped kinds that go with it. */
function isFollowed(type: ResourceType): boolean {
  return mirroredKind(type).mirrored || CLUSTER_SCOPED.includes(groupResource(type));
}

/** Watches of one cluster. `await using` ends them. */
export class Observer implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #watched = new Map<string, { readonly ending: Promise<void>; readonly live: Promise<void> }>();

  constructor(
    readonly client: KubeClient,
    readonly namespace: string,
    readonly onSighting: (sighting: Sighting) => void,
  ) {}

  /** Watches every kind the cluster serves now; resolves when all watches run. */
  async start(): Promise<void> {
    const { types } = await this.client.discover();
    await Promise.all(types.filter(isFollowed).map((type) => this.watch(type)));
  }

  /** Watches one kind more; resolves when the watch runs. */
  watch(type: ResourceType): Promise<void> {
    const id = groupResource(type);
    const known = this.#watched.get(id);
    if (known !== undefined) return known.live;
    const { promise: live, resolve } = Promise.withResolvers<void>();
    const tell = (event: WatchEvent, initial: boolean) => {
      const { object, receivedAtMs } = event;
      if (!type.namespaced && id === "namespaces" && object.metadata.name !== this.namespace) return;
      this.onSighting({ type, change: event.type, object, atMs: receivedAtMs, initial });
    };
    const sink = {
      item: (event: WatchEvent) => tell(event, true),
      event: (event: WatchEvent) => tell(event, false),
      live: () => resolve(),
    };
    const query = { start: "list", ...(type.namespaced ? { namespace: this.namespace } : {}) } as const;
    const { done: ending } = this.client.watch(type, query, sink, this.#stop.signal);
    this.#watched.set(id, { ending, live });
    return live;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#watched.values()].map(({ ending }) => ending));
  }
}
