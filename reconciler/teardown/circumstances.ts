/**
 * What the end of a Replication goes by: which copies are its own, and whether they may be deleted.
 *
 * @module
 */
import { replicationId } from "../../crds/replication_id.ts";
import type { Replication } from "../../crds/types.ts";
import { destinationNamespaceOf } from "../../crds/world.ts";
import type { KubeClient } from "../../kube/types.ts";
import { NAMESPACES } from "../builtin_types.ts";
import type { Cluster } from "../cluster.ts";
import type { RemoteClusterRunner } from "../remote_cluster.ts";
import type { TeardownPolicy } from "./copies.ts";

/** What is known of the clusters. */
export interface KnownClusters {
  /** The controller's own cluster. */
  localCluster(): Cluster | undefined;
  remoteCluster(name: string): RemoteClusterRunner | undefined;
}

/** The replication id as both ends give it now; undefined while one of them is not known. */
export function expectedId(object: Replication, clusters: KnownClusters): string | undefined {
  const pinned = (name: string) => clusters.remoteCluster(name)?.object.status?.clusterId || undefined;
  const { sourceCluster, destinationCluster, sourceNamespace } = object.spec;
  const sourceClusterId = sourceCluster === undefined ? clusters.localCluster()?.clusterId : pinned(sourceCluster);
  const destinationClusterId = clusters.remoteCluster(destinationCluster)?.cluster?.clusterId ??
    pinned(destinationCluster);
  if (sourceClusterId === undefined || destinationClusterId === undefined) return undefined;
  const destinationNamespace = destinationNamespaceOf(object);
  return replicationId({ sourceClusterId, destinationClusterId, sourceNamespace, destinationNamespace });
}

/**
 * `spec.onDelete`; but an object that goes only because its namespace goes says nothing of the standby: then nothing is
 * deleted. Throws `KubeError`.
 */
export async function policyOf(
  { spec, metadata }: Replication,
  client: KubeClient,
  signal: AbortSignal,
): Promise<TeardownPolicy> {
  if (spec.onDelete === "Orphan") return "Orphan";
  const namespace = await client.get(NAMESPACES, { name: metadata.namespace ?? "" }, { signal });
  return namespace.metadata.deletionTimestamp === undefined ? "Delete" : "Orphan";
}
