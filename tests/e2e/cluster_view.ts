/**
 * Everything in a namespace of a cluster, as its administrator sees it: faster than a kubectl a kind.
 *
 * @module
 */
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { listAll } from "../../kube/list_all.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient, ResourceType } from "../../kube/types.ts";
import type { Cluster } from "../rig/cluster.ts";
import type { Printed } from "./scene.ts";

/** Label on every copy. */
const MANAGED_BY = "dr-syncer.io/managed-by";
/** Annotation on every copy, and on nothing else. */
const ORIGIN = "dr-syncer.io/origin";

/** A view of one cluster. `using` closes its connections. */
export class ClusterView implements Disposable {
  readonly client: KubeClient;

  constructor(cluster: Cluster) {
    this.client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
  }

  /** Namespaced kinds whose objects can be listed. */
  async types(): Promise<ResourceType[]> {
    const { types } = await this.client.discover();
    return types.filter((type) => type.namespaced && type.verbs.includes("list"));
  }

  /** Every object of a namespace, by `Kind/name`; Events of both groups are left out. */
  async objects(namespace: string, labelSelector?: string): Promise<Map<string, Printed>> {
    const types = (await this.types()).filter((type) => type.kind !== "Event");
    const lists = await Promise.all(types.map((type) => this.#list(type, namespace, labelSelector)));
    return new Map(lists.flat());
  }

  /** Every copy in a DR namespace, by `Kind/name`. Controllers in DR pass labels of a Service on to what they make of it. */
  async copies(namespace: string): Promise<Map<string, Printed>> {
    const labelled = await this.objects(namespace, MANAGED_BY);
    return new Map([...labelled].filter(([, { metadata }]) => metadata.annotations?.[ORIGIN] !== undefined));
  }

  /** uid and resourceVersion of every copy: what a write would change. */
  async marks(namespace: string): Promise<Record<string, string>> {
    const copies = [...await this.copies(namespace)];
    return Object.fromEntries(
      copies.map(([name, { metadata }]) => [name, `${metadata.uid} ${metadata.resourceVersion}`]),
    );
  }

  async #list(type: ResourceType, namespace: string, labelSelector?: string): Promise<[string, Printed][]> {
    const found: [string, Printed][] = [];
    try {
      for await (const page of listAll(this.client, type, { namespace, labelSelector }, { firstLimit: 500 })) {
        found.push(...page.items.map((item): [string, Printed] => [`${type.kind}/${item.metadata.name}`, item]));
      }
    } catch (error) {
      // A kind that vanished since discovery.
      if (!isKubeError(error, "KindMissing", "NotFound")) throw error;
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
