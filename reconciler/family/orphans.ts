/**
 * Children whose parent is gone or going: deleted by us too, as garbage collection may be slow, or not run at all.
 *
 * @module
 */
import { ownerOf } from "../../crds/family.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import type { AnyReplication, Replication } from "../../crds/types.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { OwnerReference, Reader } from "../../kube/types.ts";
import type { ChildWriter } from "./child_writer.ts";

/** Finalizer of a deletion that keeps dependents (`kubectl delete --cascade=orphan`): their references are taken off. */
const ORPHAN_FINALIZER = "orphan";

/** The children whose parent is on its way out, or not among all Replications; those that are to be kept left out. */
export function findOrphans(all: readonly AnyReplication[], children: readonly Replication[]): Replication[] {
  const byUid = new Map(all.map((one) => [one.metadata.uid, one]));
  return children.filter((child) => {
    const owner = ownerOf(child);
    if (owner === undefined || child.metadata.deletionTimestamp !== undefined) return false;
    const parent = byUid.get(owner.uid);
    if (parent === undefined) return true;
    const { deletionTimestamp, finalizers = [] } = parent.metadata;
    return deletionTimestamp !== undefined && !finalizers.includes(ORPHAN_FINALIZER);
  });
}

/** Deletes orphans, once a read has said the same of their parent. Throws `KubeError`. */
export async function removeOrphans(
  orphans: readonly Replication[],
  client: Pick<Reader, "get">,
  children: ChildWriter,
  signal: AbortSignal,
): Promise<void> {
  const gone = new Map<string, boolean>();
  for (const orphan of orphans) {
    const owner = ownerOf(orphan);
    if (owner === undefined || signal.aborted) continue;
    if (!gone.has(owner.uid)) gone.set(owner.uid, await isGone(owner, orphan.metadata.namespace, client, signal));
    if (gone.get(owner.uid)) await children.delete(orphan, `Replication ${owner.name} is deleted`);
  }
}

async function isGone(
  { name, uid }: OwnerReference,
  namespace: string | undefined,
  client: Pick<Reader, "get">,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { metadata } = await client.get(REPLICATIONS, { namespace, name }, { signal });
    if (metadata.uid !== uid) return true;
    return metadata.deletionTimestamp !== undefined && !(metadata.finalizers ?? []).includes(ORPHAN_FINALIZER);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return true;
    throw error;
  }
}
