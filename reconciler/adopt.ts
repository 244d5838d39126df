/**
 * An object of DR that nobody manages becomes the copy.
 *
 * First all of its fields become ours in `managedFields`: otherwise whoever made it would keep owning them, and a key that
 * leaves the source later would stay in the copy for ever.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { groupResource, type KubeObject, type ResourceType } from "../kube/types.ts";
import { isObject, type JsonObject } from "./desired/json.ts";
import { classify } from "./failure.ts";
import { mergedFields } from "./managers.ts";
import { markOf } from "./memory.ts";
import { type Attempt, fenced } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { applyCopy, rehearse } from "./write.ts";

/** Kinds whose spec the server fills in and then never changes: what others own of it stays theirs. */
const FIXED_SPEC: ReadonlySet<string> = new Set(["persistentvolumeclaims", "jobs.batch"]);
/** What belongs to the cluster the object is in. */
const CLUSTERS_OWN: readonly string[] = ["f:finalizers", "f:ownerReferences"];

/** Adopts an object, which stays as it is when DR would refuse the copy. Throws `KubeError`. */
export async function adoptCopy(attempt: Attempt, live: KubeObject): Promise<Outcome> {
  const { entry, context } = attempt;
  context.memory.setCopy(entry, markOf(live.metadata));
  try {
    const outcome = await tryToAdopt(attempt, live);
    if (outcome.type !== "Written") disown(attempt);
    return outcome;
  } catch (error) {
    disown(attempt);
    throw error;
  }
}

/** Not ours yet: it is no copy in anybody's count. */
function disown({ entry, context }: Attempt): void {
  context.memory.setCopy(entry, undefined);
  entry.kept = undefined;
}

async function tryToAdopt(attempt: Attempt, live: KubeObject): Promise<Outcome> {
  const { failure } = await rehearse(attempt).catch((error: unknown) => {
    // Together with what is still theirs (another port without a name) it may be wrong, and right without.
    if (classify(error).failureClass === "Invalid") return { failure: undefined };
    throw error;
  });
  if (failure !== undefined) return { type: "Failed", failure };
  // No precondition of the call stands for the fence here: an activation leaves alone what is not ours.
  await attempt.context.fence.recheck();
  if (!attempt.context.mayWrite()) return fenced(attempt.context);
  await takeOver(attempt, live);
  const outcome = await applyCopy(attempt);
  return outcome.type === "Written" ? { type: "Written", operation: "adopt" } : outcome;
}

/** Makes every field ours, and notes the object as the copy to write. Throws `KubeError`. */
async function takeOver({ kind, name, entry, context }: Attempt, live: KubeObject): Promise<void> {
  if (kind.target === undefined) return;
  const { uid, resourceVersion } = live.metadata;
  const metadata = { uid, resourceVersion, managedFields: ownFields(kind.target, live) };
  const ref = { namespace: context.identity.destinationNamespace, name };
  const stored = await context.target.patch(kind.target, ref, { type: "merge", body: { metadata } }, {
    fieldManager: FIELD_MANAGER,
    signal: context.signal,
  });
  context.memory.setCopy(entry, markOf(stored.metadata));
  context.audit("adopt", kind.name, name, stored.metadata.resourceVersion ?? "");
}

/** `managedFields` as if we had applied the object; entries of subresources (the status) stay. */
export function ownFields(type: ResourceType, live: KubeObject): JsonObject[] {
  const entries = (live.metadata.managedFields ?? []).filter(isObject);
  const ofSubresources = entries.filter(({ subresource }) => subresource !== undefined && subresource !== "");
  // Names of fields at another version may mean something else.
  const taken = entries.filter((entry) => !ofSubresources.includes(entry) && entry.apiVersion === live.apiVersion);
  const fields = taken.reduce<JsonObject>((all, { fieldsV1 }) => mergedFields(all, fieldsV1), {});
  const metadata = isObject(fields["f:metadata"]) ? fields["f:metadata"] : (fields["f:metadata"] = {});
  for (const field of CLUSTERS_OWN) delete (metadata as JsonObject)[field];
  if (FIXED_SPEC.has(groupResource(type))) delete fields["f:spec"];
  delete fields["f:status"];
  const ours = { manager: FIELD_MANAGER, operation: "Apply", apiVersion: live.apiVersion, fieldsType: "FieldsV1" };
  return [{ ...ours, fieldsV1: fields }, ...ofSubresources];
}
