/**
 * The quota of a standby, read and removed in the DR cluster.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import type { Call, KubeClient, KubeObject } from "../kube/types.ts";
import { RESOURCE_QUOTAS } from "./builtin_types.ts";
import { judgeQuota, STANDBY_QUOTA } from "./standby_quota.ts";

/** The object of the quota's name; undefined when there is none. Throws `KubeError`. */
export async function readQuota(client: KubeClient, namespace: string, call: Call): Promise<KubeObject | undefined> {
  try {
    return await client.get(RESOURCE_QUOTAS, { namespace, name: STANDBY_QUOTA }, call);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

/**
 * Removes the quota if it is ours and `mayWrite` says yes once it was read. Answers its resourceVersion when it is gone now, undefined when there was
 * nothing to remove. Throws `KubeError`: Conflict when somebody changed it meanwhile.
 */
export async function removeQuota(
  client: KubeClient,
  namespace: string,
  mayWrite: () => boolean | Promise<boolean>,
  call: Call,
): Promise<string | undefined> {
  const quota = judgeQuota(await readQuota(client, namespace, call));
  if (quota.type !== "Ours" || !await mayWrite()) return undefined;
  const { uid, resourceVersion } = quota.live.metadata;
  await client.delete(RESOURCE_QUOTAS, { namespace, name: STANDBY_QUOTA }, { uid, resourceVersion, ...call });
  return resourceVersion;
}
