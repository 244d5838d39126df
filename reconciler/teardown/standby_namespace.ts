/**
 * What is ours in the DR namespace besides the copies: the fence Lease, and our label on the Namespace if we made it.
 *
 * @module
 */
import { MANAGED_BY, RELEASE_MANAGER } from "../../crds/keys.ts";
import { isKubeError } from "../../kube/errors.ts";
import { type Lease, LEASES } from "../../kube/lease.ts";
import type { KubeClient } from "../../kube/types.ts";
import { NAMESPACES } from "../builtin_types.ts";
import { releaseFence } from "../fence_lease.ts";
import { isProvenCopy, type TeardownPolicy, type TeardownTarget } from "./copies.ts";

/**
 * Takes our label off a Namespace that we made; it stays in any case. Answers why not, when the DR cluster refuses it: a
 * role from before this was known allows no change of Namespaces. Throws `KubeError` when it does not answer.
 */
export async function unlabelNamespace(
  client: KubeClient,
  target: TeardownTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ref = { name: target.destinationNamespace };
  try {
    const { metadata } = await client.get(NAMESPACES, ref, { signal });
    // Its origin names the source namespace.
    if (!isProvenCopy({ ...metadata, name: target.sourceNamespace }, target)) return undefined;
    const { uid, resourceVersion } = metadata;
    const body = { metadata: { uid, resourceVersion, labels: { [MANAGED_BY]: null } } };
    await client.patch(NAMESPACES, ref, { type: "merge", body }, { fieldManager: RELEASE_MANAGER, signal });
    return undefined;
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    if (isKubeError(error, "Forbidden", "Invalid", "BadRequest")) return error.message;
    throw error;
  }
}

/** Gives the fence up, or deletes it where nothing is left to activate; answers whether it was still as it was read. */
export async function giveUpFence(
  client: KubeClient,
  lease: Lease,
  policy: TeardownPolicy,
  last: { readonly replicationId: string; readonly syncedUpTo?: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (policy === "Orphan") return await releaseFence(client, lease, last, { signal });
  const { namespace, name, uid, resourceVersion } = lease;
  try {
    await client.delete(LEASES, { namespace, name }, { uid, resourceVersion, signal });
    return true;
  } catch (error) {
    if (isKubeError(error, "Conflict", "NotFound")) return false;
    throw error;
  }
}
