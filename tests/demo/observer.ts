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

/** The namespaced kind that a CustomResourceDefinition makes, once it is served; undefined for all else. */
function definedType({ kind, spec, status }: KubeObject): ResourceType | undefined {
  if (kind !== "CustomResourceDefinition") return undefined;
  const { group, scope, names, versions } = spec as CrdSpec;
  const conditions = (status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? [];
  const isServed = conditions.some((one) => one.type === "Established" && one.status === "True");
  const version = versions.find((one) => one.storage && one.served)?.name;
  if (!isServed || scope !== "Namespaced" || version === undefined) return undefined;
  const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
  const { plural: resource, singular = "" } = names;
  return {
    group,
    version,
    resource,
    kind: names.kind,
    singular,
    shortNames: [],
    namespaced: true,
    verbs,
    subresources: [],
  };
}

/** What is read of a CustomResourceDefinition. */
interface CrdSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: { readonly plural: string; readonly singular?: string; readonly kind: string };
  readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean }[];
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

  /** Watches every kind the cluster serves now, and those defined later; resolves when all watches of now run. */
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
      const defined = event.type === "Deleted" ? undefined : definedType(object);
      if (defined !== undefined) void this.watch(defined);
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
