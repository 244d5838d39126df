/**
 * The two ends of the namespace mapping: is the source the namespace that was pinned, and does the destination exist.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject, ResourceType } from "../kube/types.ts";
import { NAMESPACES } from "./builtin_types.ts";
import type { Clock } from "./clock.ts";
import { type Cluster, readClusterId } from "./cluster.ts";
import type { NamespaceState } from "./deletes.ts";
import { desiredNamespace } from "./desired/namespace.ts";
import type { MirrorIdentity } from "./mirror_context.ts";

/** Annotation on the fence Lease: the newest `resourceVersion` of the source that was seen. */
export const SOURCE_VERSION = "dr-syncer.io/source-resource-version";
/** Annotation of the fence Lease: `true` while deletes wait that only a source which went back asks for. */
export const SOURCE_WENT_BACK = "dr-syncer.io/source-went-back";

/** A reading of the source namespace serves this long. */
const FRESH_MS = 1_000;

/** The DR Namespace as the source's wants it. */
export function wantedNamespace(
  source: KubeObject,
  identity: MirrorIdentity,
  trackingKeys: readonly string[] = [],
): KubeObject {
  return desiredNamespace(source, {
    ...identity,
    type: NAMESPACES,
    targetApiVersion: "v1",
    scaleToZero: true,
    rbacObjects: "Mirror",
    trackingKeys,
  });
}

/** Reads and judges the source namespace, creates the destination. */
export class SourceNamespace {
  readonly #source: Cluster;
  readonly #target: Cluster;
  readonly #identity: MirrorIdentity;
  readonly #clock: Clock;
  readonly #trackingKeys: readonly string[];
  #pinnedUid: string | undefined;
  /** The newest `resourceVersion` of the source that was seen, by this process or one before: an older one means that it went back. */
  knownVersion: string | undefined;
  /** Groups of the source that other servers keep, with a count of their own: see `readForeignGroups`. */
  foreignGroups: ReadonlySet<string> = new Set();
  /** Such deletes were waiting when this process took over. */
  wentBack = false;
  #reading: { readonly atMs: number; readonly namespace: Promise<KubeObject | undefined> } | undefined;
  #lastState: NamespaceState = "Unknown";
  #identityKnown = true;

  constructor(
    source: Cluster,
    target: Cluster,
    identity: MirrorIdentity,
    clock: Clock,
    trackingKeys: readonly string[],
  ) {
    this.#source = source;
    this.#target = target;
    this.#identity = identity;
    this.#clock = clock;
    this.#trackingKeys = trackingKeys;
  }

  get pinnedUid(): string | undefined {
    return this.#pinnedUid;
  }

  /** As of the last reading. */
  get lastState(): NamespaceState {
    return this.#lastState;
  }

  /** The uid that the copies came from, as the fence Lease keeps it. */
  pin(uid: string | undefined): void {
    this.#pinnedUid = uid;
  }

  /** Takes the present namespace as the known one: nothing that came from the former is left to decide. */
  async repin(): Promise<void> {
    const namespace = await this.read();
    if (namespace !== undefined) this.#pinnedUid = namespace.metadata.uid;
  }

  /** The newest `resourceVersion` of the source that a kind's own can be compared with. */
  knownVersionOf({ group }: ResourceType): string | undefined {
    return this.foreignGroups.has(group) ? undefined : this.knownVersion;
  }

  /** The source namespace, read within the last second; undefined when it does not exist. Throws `KubeError`. */
  read(): Promise<KubeObject | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#reading === undefined || nowMs - this.#reading.atMs > FRESH_MS) {
      this.#reading = { atMs: nowMs, namespace: this.#get() };
      this.#reading.namespace.catch(() => this.#reading = undefined);
    }
    return this.#reading.namespace;
  }

  /** Whether the source cluster is the one the copies came from, as of the last call of `state`. */
  get identityKnown(): boolean {
    return this.#identityKnown;
  }

  /** Guard 3 of the deletes: the namespace, and the cluster it is in, read within the last second. */
  async state(): Promise<NamespaceState> {
    try {
      const [namespace, clusterId] = await Promise.all([this.read(), readClusterId(this.#source.client)]);
      this.#identityKnown = clusterId === this.#identity.sourceClusterId;
      this.#lastState = this.#judge(namespace);
    } catch {
      this.#lastState = "Unknown";
    }
    return this.#lastState;
  }

  /** Creates the destination with the source's labels; one that exists is used as it is. Throws `KubeError`. */
  async ensureDestination(): Promise<"exists" | "created" | "no source"> {
    const name = this.#identity.destinationNamespace;
    try {
      await this.#target.client.get(NAMESPACES, { name });
      return "exists";
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
    }
    const source = await this.read();
    if (source === undefined) return "no source";
    const wanted = wantedNamespace(source, this.#identity, this.#trackingKeys);
    const body = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: "1" } };
    try {
      await this.#target.client.apply(NAMESPACES, body, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!isKubeError(error, "Conflict", "AlreadyExists")) throw error;
      return "exists";
    }
    return "created";
  }

  /** A source object; undefined when there is none. Throws `KubeError`. */
  async readObject(type: ResourceType, name: string, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#source.client.get(type, { namespace: this.#identity.sourceNamespace, name }, { signal });
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #judge(namespace: KubeObject | undefined): NamespaceState {
    if (namespace === undefined) return "Gone";
    if (namespace.metadata.deletionTimestamp !== undefined) return "Terminating";
    if (this.#pinnedUid === undefined) this.#pinnedUid = namespace.metadata.uid;
    return namespace.metadata.uid === this.#pinnedUid ? "Present" : "Recreated";
  }

  async #get(): Promise<KubeObject | undefined> {
    try {
      return await this.#source.client.get(NAMESPACES, { name: this.#identity.sourceNamespace });
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}
