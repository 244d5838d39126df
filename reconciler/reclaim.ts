/**
 * Copies that a deleted Replication of the same id gave up (`onDelete: Orphan`): a later one takes them back as they are.
 *
 * @module
 */
import { MANAGED_BY, RELEASE_MANAGER, RELEASED_BY } from "../crds/keys.ts";
import type { KubeObject, ObjectMeta } from "../kube/types.ts";
import { readOrigin } from "./desired/ownership.ts";
import type { Attempt, MirrorContext } from "./mirror_context.ts";

/** Whether nobody took an object since it was given up under this id. Its origin must prove the rest, as for any copy. */
export function isReleasedCopy(meta: ObjectMeta, { identity }: Pick<MirrorContext, "identity">, name: string): boolean {
  const origin = readOrigin(meta);
  return meta.labels?.[MANAGED_BY] === undefined && meta.annotations?.[RELEASED_BY] === identity.replicationId &&
    origin?.cluster === identity.sourceClusterId && origin.namespace === identity.sourceNamespace &&
    origin.name === name;
}

/** Puts our label back, nothing else: what was changed meanwhile is drift like any other. Throws `KubeError`. */
export async function reclaimCopy({ kind, name, context }: Attempt, live: KubeObject): Promise<KubeObject> {
  if (kind.target === undefined) return live;
  const { identity, signal } = context;
  const { uid, resourceVersion } = live.metadata;
  const labels = { [MANAGED_BY]: identity.replicationId };
  const body = { metadata: { uid, resourceVersion, labels, annotations: { [RELEASED_BY]: null } } };
  const ref = { namespace: identity.destinationNamespace, name };
  const options = { fieldManager: RELEASE_MANAGER, signal };
  const stored = await context.target.patch(kind.target, ref, { type: "merge", body }, options);
  context.audit("reclaim", kind.name, name, stored.metadata.resourceVersion ?? "");
  return stored;
}
