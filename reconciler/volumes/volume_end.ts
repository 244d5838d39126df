/**
 * The end of a Replication's volumes: agents and what is remembered of them go. The data stays, like the claims.
 *
 * @module
 */
import type { Replication } from "../../crds/types.ts";
import { destinationNamespaceOf } from "../../crds/world.ts";
import { groupResource, type ResourceType } from "../../kube/types.ts";
import type { Cluster } from "../cluster.ts";
import { CONFIG_MAPS } from "../builtin_types.ts";
import type { Log } from "../../kube/log.ts";
import { classify } from "../failure.ts";
import { removeAgents, removeRecords } from "./leftovers.ts";
import { hasVolumes } from "./volume_settings.ts";
import { RECORDS } from "./volume_record.ts";

/** One end takes no longer: what cannot be removed in this time is tried again with the next step. */
const STEP_MS = 10_000;

/** What the end needs. */
export interface VolumeEndPorts {
  localCluster(): Cluster | undefined;
  remoteCluster(name: string): { readonly cluster?: Cluster } | undefined;
  readonly log: Log;
  readonly auditLog: Log;
}

/** One step; may be repeated. Never fails: an end that is not reached must not hold the Replication up. */
export async function endVolumes(
  object: Replication,
  replicationId: string | undefined,
  { localCluster, remoteCluster, log, auditLog }: VolumeEndPorts,
  signal: AbortSignal,
): Promise<void> {
  if (!hasVolumes(object) || replicationId === undefined) return;
  const { sourceCluster, sourceNamespace, destinationCluster } = object.spec;
  const source = sourceCluster === undefined ? localCluster() : remoteCluster(sourceCluster)?.cluster;
  const target = remoteCluster(destinationCluster)?.cluster;
  const namespace = destinationNamespaceOf(object);
  const replication = `${object.metadata.namespace}/${object.metadata.name}`;
  const audit = (type: ResourceType, name: string) => {
    const line = { operation: "delete", kind: groupResource(type), name, namespace, cluster: destinationCluster };
    auditLog.info("{operation} {kind} {name}", { ...line, replication, resourceVersion: "" });
  };
  const attempt = async (cluster: Cluster | undefined, remove: (cluster: Cluster) => Promise<void>) => {
    try {
      if (cluster !== undefined) await remove(cluster);
    } catch (error) {
      log.warn("agents of {replication} are not removed yet: {reason}", {
        replication,
        reason: classify(error).message,
      });
    }
  };
  const call = { signal, deadlineMs: STEP_MS };
  await Promise.all([
    attempt(source, async ({ client }) => {
      await removeAgents({ client, namespace: sourceNamespace, replicationId }, call, () => {});
    }),
    attempt(target, async ({ client }) => {
      const place = { client, namespace, replicationId };
      await removeAgents(place, call, audit);
      // Whoever has activated the namespace may want to know how old its data is.
      if (object.status?.role === "Standby" && await removeRecords(place, call)) audit(CONFIG_MAPS, RECORDS);
    }),
  ]);
}
