/**
 * Pods that no controller would start in DR: they are not mirrored, and that is worth telling.
 *
 * @module
 */
import { listAll } from "../kube/list_all.ts";
import type { Call, KubeClient } from "../kube/types.ts";
import { COMPONENT } from "../crds/keys.ts";
import { PODS } from "./builtin_types.ts";
import type { KindAdaptation } from "./desired/desired.ts";
import { findDeselected } from "./desired/selected.ts";

/** Names of the selected Pods of a namespace that nobody owns and no kubelet brought with it. Throws `KubeError`. */
export async function findBarePods(
  client: KubeClient,
  namespace: string,
  adaptation: KindAdaptation,
  call: Call,
): Promise<string[]> {
  const names: string[] = [];
  for await (const page of listAll(client, PODS, { namespace, metadataOnly: true, ...call })) {
    for (const pod of page.items) {
      const { metadata } = pod;
      const isMirror = metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined;
      const owned = (metadata.ownerReferences ?? []).length > 0;
      if (owned || isMirror || metadata.labels?.[COMPONENT] !== undefined) continue;
      if (findDeselected(pod, adaptation) === undefined) names.push(metadata.name);
    }
  }
  return names;
}
