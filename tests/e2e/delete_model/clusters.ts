/**
 * Two real clusters that many histories share, each in namespaces of its own.
 *
 * @module
 */
import { createKubeClient } from "../../../kube/client.ts";
import { parseInlineKubeconfig } from "../../../kube/config.ts";
import { createTransport } from "../../../kube/transport.ts";
import { groupResource, type KubeClient } from "../../../kube/types.ts";
import { readClusterId } from "../../../reconciler/cluster.ts";
import { kindOf } from "../../../reconciler/testing.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../../rig/cluster.ts";

/** Kinds that the mirror is told of: two that it deletes, one that it never does. */
export const KINDS = {
  configmaps: kindOf("configmaps", "ConfigMap"),
  secrets: kindOf("secrets", "Secret"),
  persistentvolumeclaims: kindOf("persistentvolumeclaims", "PersistentVolumeClaim"),
};
export type Resource = keyof typeof KINDS;
export const RESOURCES = Object.keys(KINDS) as Resource[];

/** What a path names when it is one of these kinds. */
export function isResource(resource: string): resource is Resource {
  return resource in KINDS;
}

/** One cluster, and the administrator's way into it: past every proxy. */
export interface Side {
  readonly cluster: Cluster;
  readonly admin: KubeClient;
  /** uid of Namespace kube-system. */
  readonly id: string;
  /** The answer to a GET as it is. Throws `Error` for one that is no success. */
  read(pathAndQuery: string, accept: string | null): Promise<Record<string, unknown>>;
}

/** Both clusters. `await using` ends them. */
export interface Clusters extends AsyncDisposable {
  readonly source: Side;
  readonly dr: Side;
  /** Answers to what a start reads of kinds: the servers' own, with those kinds alone, so that a history costs little. */
  readonly discovery: ReadonlyMap<string, object>;
  /** A number that no history had before. */
  next(): number;
}

/** Starts them. Claims that are deleted are gone at once: nothing here takes their finalizer away. */
export async function startClusters(): Promise<Clusters> {
  const extraApiServerArgs = ["--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection"];
  const [source, dr] = await Promise.all(["source", "dr"].map((name) => startSide({ name, extraApiServerArgs })));
  if (source === undefined || dr === undefined) throw new Error("Cannot start two clusters");
  let count = 0;
  return {
    source: source.side,
    dr: dr.side,
    discovery: await readDiscovery(source.side),
    next: () => ++count,
    async [Symbol.asyncDispose]() {
      await Promise.all([source.stop(), dr.stop()]);
    },
  };
}

async function startSide(options: ClusterOptions): Promise<{ side: Side; stop: () => Promise<void> }> {
  const cluster = await startCluster(options);
  const admin = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
  const client = Deno.createHttpClient({ caCerts: [cluster.caPem] });
  const read = async (pathAndQuery: string, accept: string | null) => {
    const headers = { authorization: `Bearer ${cluster.adminToken}`, accept: accept ?? "application/json" };
    const response = await fetch(`${cluster.server}${pathAndQuery}`, { client, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot read ${pathAndQuery}: ${response.status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const stop = async () => {
    client.close();
    admin.close();
    await cluster.stop();
  };
  return { side: { cluster, admin, id: await readClusterId(admin), read }, stop };
}

interface ServedGroup {
  readonly metadata?: object;
  readonly versions: readonly { readonly resources: readonly { readonly resource: string }[] }[];
}

async function readDiscovery({ read }: Side): Promise<Map<string, object>> {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const core = await read("/api", accept);
  const names = RESOURCES.map((resource) => groupResource(KINDS[resource]));
  const items = (core.items as readonly ServedGroup[]).map((group) => ({
    ...group,
    versions: group.versions.map((version) => ({
      ...version,
      resources: version.resources.filter(({ resource }) => names.includes(resource)),
    })),
  }));
  const schemas = await read("/openapi/v3", null);
  return new Map([["/api", { ...core, items }], ["/apis", { ...core, items: [] }], ["/openapi/v3", schemas]]);
}
