/**
 * What agents are made of, found by its labels and removed: after a process that was killed, and at the end of a Replication.
 *
 * @module
 */
import { isKubeError } from "../../kube/errors.ts";
import type { Call, KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { AGENT_OF } from "../../crds/keys.ts";
import type { MirrorIdentity } from "../mirror_context.ts";
import { CONFIG_MAPS, NETWORK_POLICIES, PODS, SECRETS, SERVICES } from "../builtin_types.ts";
import { AGENT_PREFIX, agentsSelector } from "./agent_names.ts";
import { RECORDS } from "./volume_record.ts";

/** Pods first: what they use goes after them. */
const TYPES: readonly ResourceType[] = [PODS, SERVICES, NETWORK_POLICIES, SECRETS];

/** Where to look. */
export interface Place {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly replicationId: string;
}

/** Removes all agents of a Replication in a namespace, and tells of each object. Throws `KubeError`. */
export async function removeAgents(
  { client, namespace, replicationId }: Place,
  call: Call,
  removed: (type: ResourceType, name: string) => void,
): Promise<void> {
  for (const type of TYPES) {
    const labelSelector = agentsSelector(replicationId);
    const { items } = await client.list(type, { ...call, namespace, labelSelector, metadataOnly: true });
    // A label that somebody else has put on his own object proves nothing: we name ours, too.
    const ours = items.filter(({ metadata }) => metadata.name.startsWith(AGENT_PREFIX));
    for (const { metadata: { name, uid } } of ours) {
      if (await remove(client, type, { namespace, name }, { ...call, uid })) removed(type, name);
    }
  }
}

/** Both ends of a Replication. */
export interface SweepPorts {
  readonly source: { readonly client: KubeClient };
  readonly target: { readonly client: KubeClient };
  readonly identity: Pick<MirrorIdentity, "replicationId" | "sourceNamespace" | "destinationNamespace">;
  /** Something was deleted in DR. */
  audit(type: ResourceType, operation: string, name: string): void;
}

/** Removes what a process that was killed has left. Throws `KubeError`. */
export async function sweepAgents({ source, target, identity, audit }: SweepPorts, signal: AbortSignal): Promise<void> {
  const { replicationId, sourceNamespace, destinationNamespace } = identity;
  const dr = { client: target.client, namespace: destinationNamespace, replicationId };
  const own = { client: source.client, namespace: sourceNamespace, replicationId };
  await removeAgents(dr, { signal }, (type, name) => audit(type, "delete", name));
  await removeAgents(own, { signal }, () => {});
}

/** Forgets what was known of the volumes of a Replication. Throws `KubeError`. */
export async function removeRecords({ client, namespace, replicationId }: Place, call: Call): Promise<boolean> {
  let object: KubeObject;
  try {
    object = await client.get(CONFIG_MAPS, { namespace, name: RECORDS }, call);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return false;
    throw error;
  }
  if (object.metadata.labels?.[AGENT_OF] !== replicationId) return false;
  return await remove(client, CONFIG_MAPS, { namespace, name: RECORDS }, { ...call, uid: object.metadata.uid });
}

/** Deletes what may be gone already. Throws `KubeError`. */
export async function remove(
  client: KubeClient,
  type: ResourceType,
  ref: { readonly namespace: string; readonly name: string },
  options: Call & { readonly uid?: string },
): Promise<boolean> {
  try {
    await client.delete(type, ref, { ...options, propagationPolicy: "Background" });
    return true;
  } catch (error) {
    // A conflict: another object has taken the name meanwhile.
    if (isKubeError(error, "NotFound", "Conflict")) return false;
    throw error;
  }
}
