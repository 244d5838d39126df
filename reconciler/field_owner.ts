/**
 * Whose the fields of a copy are. A copy is created by a plain create, which costs the DR cluster a sixth less than an apply
 * (docs/adr/0012) and enters its fields as an `Update`. Before the first apply over it they become fields of the apply: else they
 * would have two owners, and a key that leaves the source would stay in the copy for ever.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { classify } from "./failure.ts";
import { markOf } from "./memory.ts";
import { isKubeError, KubeError } from "../kube/errors.ts";
import type { Attempt } from "./mirror_context.ts";

/** Makes the fields of a copy that was never applied those of an apply; whether it was one. Throws `KubeError`: Conflict when it has changed. */
export async function ownAsApplied({ kind, name, entry, context }: Attempt): Promise<boolean> {
  const { copy } = entry;
  if (kind.target === undefined || copy?.created === undefined) return false;
  const ref = { namespace: context.identity.destinationNamespace, name };
  const body = [
    { op: "replace", path: "/metadata/uid", value: copy.uid },
    { op: "replace", path: "/metadata/resourceVersion", value: copy.resourceVersion },
    { op: "replace", path: `/metadata/managedFields/${copy.created}/operation`, value: "Apply" },
  ];
  const options = { fieldManager: FIELD_MANAGER, signal: context.signal };
  try {
    const stored = await context.target.patch(kind.target, ref, { type: "json", body }, options);
    context.memory.setCopy(entry, markOf(stored.metadata));
    return true;
  } catch (error) {
    if (!isKubeError(error, "Invalid") || classify(error).failureClass !== "Invalid") throw error;
    // The entry is not where it was: the copy is not the one that was seen.
    throw new KubeError("Conflict", error.message, { httpStatus: 409, cause: error });
  }
}
