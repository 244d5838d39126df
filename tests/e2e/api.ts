/**
 * Eyes on a cluster for end-to-end tests: reads of its API as administrator, cheaper than a kubectl for each look.
 *
 * @module
 */
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import type { Printed } from "./scene.ts";

/** The control namespace of the manifests. */
export const CONTROL = "dr-syncer-system";

/** Most things take a second or two; the machine may have other things to do. */
const DEADLINE_MS = 90_000;

const ROOTS: Readonly<Record<string, string>> = {
  configmaps: "/api/v1",
  pods: "/api/v1",
  resourcequotas: "/api/v1",
  secrets: "/api/v1",
  persistentvolumeclaims: "/api/v1",
  serviceaccounts: "/api/v1",
  jobs: "/apis/batch/v1",
  leases: "/apis/coordination.k8s.io/v1",
  events: "/apis/events.k8s.io/v1",
  remoteclusters: "/apis/dr-syncer.io/v1alpha1",
  replications: "/apis/dr-syncer.io/v1alpha1",
};

/** Reads of one cluster. `using` ends it. */
export class Api implements Disposable {
  readonly #client: KubeClient;
  readonly #name: string;

  constructor(cluster: Cluster) {
    this.#client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
    this.#name = cluster.name;
  }

  /** An object, or undefined when there is none. */
  async get(resource: string, namespace: string, name: string): Promise<Printed | undefined> {
    return await this.#read(`${pathOf(resource, namespace)}/${name}`);
  }

  /** A namespace, or undefined when there is none. */
  async namespace(name: string): Promise<Printed | undefined> {
    return await this.#read(`/api/v1/namespaces/${name}`);
  }

  /** All objects of a resource in a namespace, less what each namespace gets by itself. */
  async list(resource: string, namespace: string): Promise<Printed[]> {
    const { items } = await this.#client.json("GET", pathOf(resource, namespace)) as Printed;
    return items.filter(({ metadata }: Printed) => metadata.name !== "kube-root-ca.crt");
  }

  /** Names and resourceVersions of all objects of a resource in a namespace: equal when nothing was written. */
  async versions(resource: string, namespace: string): Promise<Record<string, string>> {
    const objects = await this.list(resource, namespace);
    return Object.fromEntries(objects.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  }

  /** Waits until an object is there and as the test wants it. */
  async until(
    resource: string,
    namespace: string,
    name: string,
    condition: (object: Printed) => unknown = () => true,
    deadlineMs = DEADLINE_MS,
  ): Promise<Printed> {
    let last: Printed | undefined;
    const look = async () => {
      last = await this.get(resource, namespace, name);
      return last !== undefined && condition(last) ? last : undefined;
    };
    const describe = () => JSON.stringify(last?.status ?? last);
    const what = `${resource} ${namespace}/${name} in ${this.#name} as wanted`;
    return await waitFor(what, look, { deadlineMs, pollMs: 100, describe });
  }

  /** Waits until an object is gone. */
  async untilGone(resource: string, namespace: string, name: string, deadlineMs = DEADLINE_MS): Promise<void> {
    const look = async () => await this.get(resource, namespace, name) === undefined;
    await waitFor(`${resource} ${namespace}/${name} gone from ${this.#name}`, look, { deadlineMs });
  }

  /** Waits for a condition of an object in the control namespace; answers the object. */
  async condition(
    resource: "replications" | "remoteclusters",
    name: string,
    wanted: { readonly type: string; readonly status: "True" | "False" | "Unknown"; readonly reason?: string },
    deadlineMs = DEADLINE_MS,
  ): Promise<Printed> {
    return await this.until(resource, CONTROL, name, (object) => {
      const found = conditionOf(object, wanted.type);
      return found?.status === wanted.status && (wanted.reason === undefined || found.reason === wanted.reason);
    }, deadlineMs);
  }

  /** Events about an object of the control namespace. */
  async events(kind: string, name: string): Promise<Printed[]> {
    const { items } = await this.#client.json("GET", pathOf("events", CONTROL)) as Printed;
    return items.filter(({ regarding }: Printed) => regarding?.kind === kind && regarding.name === name);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #read(path: string): Promise<Printed | undefined> {
    try {
      return await this.#client.json("GET", path);
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

/** A condition of an object's status. */
export function conditionOf(object: Printed, type: string): Printed | undefined {
  return object.status?.conditions?.find((condition: Printed) => condition.type === type);
}

/** ConfigMaps of one namespace, each with `data` that tells it from the others. */
export function configMaps(namespace: string, names: readonly string[], data?: Record<string, string>): object[] {
  return names.map((name) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: data ?? { name },
  }));
}

/** `prefix-0` to `prefix-<count - 1>`. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

function pathOf(resource: string, namespace: string): string {
  return `${ROOTS[resource]}/namespaces/${namespace}/${resource}`;
}
