/**
 * Our finalizer on a Replication: it holds the object back until its standby is given up.
 *
 * @module
 */
import { FIELD_MANAGER, TEARDOWN_FINALIZER } from "../../crds/keys.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { KubeClient, KubeObject } from "../../kube/types.ts";

/** Others write the object, too: its status, its annotations. */
const MAX_ATTEMPTS = 5;

/** Whether an object waits for us when it is deleted. */
export function hasFinalizer({ metadata }: KubeObject): boolean {
  return metadata.finalizers?.includes(TEARDOWN_FINALIZER) ?? false;
}

/** Whether somebody has asked for its deletion. */
export function isBeingDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Adds ours, before anything is written to DR. False: it is being deleted or gone, and may not write. Throws `KubeError`. */
export async function addFinalizer(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<boolean> {
  const stored = await change(client, object, signal, (live, finalizers) => {
    return isBeingDeleted(live) ? finalizers : [...new Set([...finalizers, TEARDOWN_FINALIZER])];
  });
  return stored !== undefined && !isBeingDeleted(stored);
}

/** Takes ours off: Kubernetes removes the object once nobody else holds it. Throws `KubeError`. */
export async function removeFinalizer(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  await change(client, object, signal, (_, finalizers) => finalizers.filter((name) => name !== TEARDOWN_FINALIZER));
}

/** Writes the list if it differs, over the very object; answers it as stored, undefined when it is gone. */
async function change(
  client: KubeClient,
  { metadata: { namespace, name, uid } }: KubeObject,
  signal: AbortSignal,
  next: (live: KubeObject, finalizers: readonly string[]) => readonly string[],
): Promise<KubeObject | undefined> {
  const ref = { namespace, name };
  for (let attempt = 1;; attempt++) {
    try {
      const live = await client.get(REPLICATIONS, ref, { signal });
      if (live.metadata.uid !== uid) return undefined;
      const known = live.metadata.finalizers ?? [];
      const finalizers = next(live, known);
      if (finalizers.length === known.length) return live;
      const { resourceVersion } = live.metadata;
      const body = { metadata: { uid, resourceVersion, finalizers } };
      return await client.patch(REPLICATIONS, ref, { type: "merge", body }, { fieldManager: FIELD_MANAGER, signal });
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      if (!isKubeError(error, "Conflict") || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
