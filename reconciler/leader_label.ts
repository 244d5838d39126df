/**
 * The label on the leader's pod: the Service of `/observe` selects it.
 *
 * @module
 */
import { COMPONENT, LEADER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeClient } from "../kube/types.ts";
import { PODS } from "./builtin_types.ts";

/** Labels our pod as the leader's, and takes the label off every other. Throws `KubeError`. */
export async function labelLeader(
  client: KubeClient,
  namespace: string,
  podName: string,
  signal: AbortSignal,
): Promise<void> {
  await setLabel(client, namespace, podName, "true");
  const page = await client.list(PODS, { namespace, labelSelector: `${LEADER}=true`, metadataOnly: true, signal });
  const others = page.items.filter((pod) => pod.metadata.name !== podName);
  await Promise.all(others.map((pod) => setLabel(client, namespace, pod.metadata.name, null)));
}

/** Takes the label off our pod. Throws `KubeError`. */
export async function unlabelLeader(client: KubeClient, namespace: string, podName: string): Promise<void> {
  await setLabel(client, namespace, podName, null);
}

/** Whether another replica runs that would serve `/validate` after us. Throws `KubeError`. */
export async function hasOtherReplica(client: KubeClient, namespace: string, podName: string): Promise<boolean> {
  const page = await client.list(PODS, { namespace, labelSelector: `${COMPONENT}=controller`, metadataOnly: true });
  return page.items.some((pod) => pod.metadata.name !== podName && pod.metadata.deletionTimestamp === undefined);
}

async function setLabel(client: KubeClient, namespace: string, name: string, value: string | null): Promise<void> {
  const body = { metadata: { labels: { [LEADER]: value } } };
  try {
    await client.patch(PODS, { namespace, name }, { type: "merge", body });
  } catch (error) {
    if (!isKubeError(error, "NotFound")) throw error;
  }
}
