/**
 * What people and controllers do to a namespace of a real cluster, each at once and seen through.
 *
 * @module
 */
import { FENCE_LEASE, IGNORE, MANAGED_BY, ORIGIN, ROLE } from "../../../crds/keys.ts";
import { isKubeError } from "../../../kube/errors.ts";
import { LEASES } from "../../../kube/lease.ts";
import type { KubeClient, KubeObject, ObjectMeta, ResourceType } from "../../../kube/types.ts";
import { NAMESPACES } from "../../../reconciler/builtin_types.ts";
import { waitFor } from "../../wait.ts";
import { KINDS, type Resource, RESOURCES } from "./clusters.ts";

/** What somebody else in DR does to a copy. */
export type Meddling = "edit" | "remove" | "replace" | "label off" | "label of another" | "other origin" | "owner";

/** The administrator's hands in one namespace. */
export class Hands {
  readonly #client: KubeClient;
  readonly #namespace: string;

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** An object as it is now; undefined when there is none. */
  async find(resource: Resource, name: string): Promise<KubeObject | undefined> {
    return await this.#get(KINDS[resource], name);
  }

  async lease(): Promise<KubeObject | undefined> {
    return await this.#get(LEASES, FENCE_LEASE);
  }

  async namespace(): Promise<KubeObject | undefined> {
    return await this.#get(NAMESPACES, this.#namespace);
  }

  /** Answers the object; undefined when there is one, or the namespace takes none. */
  async create(resource: Resource, name: string): Promise<KubeObject | undefined> {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const content = resource === "persistentvolumeclaims" ? { spec } : { data: {} };
    const metadata = { name, namespace: this.#namespace };
    const object = { apiVersion: "v1", kind: KINDS[resource].kind, metadata, ...content };
    return await unless(["AlreadyExists", "Forbidden", "NotFound"], this.#client.create(KINDS[resource], object));
  }

  async remove(resource: Resource, name: string): Promise<void> {
    await unless(["NotFound"], this.#client.delete(KINDS[resource], this.#ref(name)));
  }

  /** Labels an object so that it is (not) mirrored; nothing when there is none. */
  async ignore(resource: Resource, name: string, isIgnored: boolean): Promise<void> {
    await this.#patch(KINDS[resource], name, { metadata: { labels: { [IGNORE]: String(isIgnored) } } });
  }

  async createNamespace(): Promise<void> {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: this.#namespace } };
    await unless(["AlreadyExists"], this.#client.create(NAMESPACES, object));
  }

  /** The namespace becomes Terminating; its objects stay as long as no controller looks at it. */
  async endNamespace(): Promise<void> {
    await unless(["NotFound", "Conflict"], this.#client.delete(NAMESPACES, { name: this.#namespace }));
  }

  /** What the namespace controller does with one that is Terminating. */
  async emptyNamespace(): Promise<void> {
    for (const resource of RESOURCES) {
      const { items } = await this.#client.list(KINDS[resource], { namespace: this.#namespace });
      for (const { metadata } of items) await this.remove(resource, metadata.name);
    }
    const namespace = await this.namespace();
    if (namespace === undefined) return;
    const path = `/api/v1/namespaces/${this.#namespace}/finalize`;
    await this.#client.json("PUT", path, { ...namespace, spec: { finalizers: [] } });
    const isGone = async () => await this.namespace() === undefined;
    await waitFor(`namespace ${this.#namespace} gone`, isGone, { deadlineMs: 20_000, pollMs: 5 });
  }

  async removeLease(): Promise<void> {
    await unless(["NotFound"], this.#client.delete(LEASES, this.#ref(FENCE_LEASE)));
  }

  /** Writes who holds the fence; one that is not there is made, with `annotations`. */
  async writeLease(
    { role, holder, epoch }: { readonly role: string; readonly holder: string; readonly epoch: number },
    annotations: Readonly<Record<string, string>>,
  ): Promise<void> {
    const spec = { holderIdentity: holder, leaseTransitions: epoch };
    const patched = await this.#patch(LEASES, FENCE_LEASE, { metadata: { annotations: { [ROLE]: role } }, spec });
    if (patched !== undefined) return;
    const metadata = { ...this.#ref(FENCE_LEASE), annotations: { ...annotations, [ROLE]: role } };
    await this.#client.create(LEASES, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
  }

  /** Writes, replaces or deletes what has the name; answers what it is then. `origin` is that of another source. */
  async meddle(resource: Resource, name: string, how: Meddling, origin: object): Promise<KubeObject | undefined> {
    if (how === "remove" || how === "replace") await this.remove(resource, name);
    if (how === "remove") return undefined;
    if (how === "replace") return await this.create(resource, name);
    return await this.#patch(KINDS[resource], name, { metadata: meddled(how, origin) });
  }

  async #get(type: ResourceType, name: string): Promise<KubeObject | undefined> {
    return await unless(["NotFound"], this.#client.get(type, type.namespaced ? this.#ref(name) : { name }));
  }

  async #patch(type: ResourceType, name: string, body: Record<string, unknown>): Promise<KubeObject | undefined> {
    return await unless(["NotFound"], this.#client.patch(type, this.#ref(name), { type: "merge", body }));
  }

  #ref(name: string): { readonly namespace: string; readonly name: string } {
    return { namespace: this.#namespace, name };
  }
}

/** What is merged into a copy's metadata. */
function meddled(how: Exclude<Meddling, "remove" | "replace">, origin: object): Partial<ObjectMeta> | object {
  switch (how) {
    case "edit":
      return { labels: { edited: "yes" } };
    case "label off":
      return { labels: null };
    case "label of another":
      return { labels: { [MANAGED_BY]: "ffffffffffff" } };
    case "other origin":
      return { annotations: { [ORIGIN]: JSON.stringify(origin) } };
    case "owner":
      return {
        ownerReferences: [{ apiVersion: "x.io/v1", kind: "Maker", name: "one", uid: "one", controller: true }],
      };
  }
}

/** What a call answers; undefined when it is refused for one of these reasons. */
async function unless<T>(reasons: Parameters<typeof isKubeError>[1][], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isKubeError(error, ...reasons)) return undefined;
    throw error;
  }
}
