/**
 * A copy that no write can make what it should be: the old one goes, if the policy and every guard allow it, and the next
 * look finds its place empty.
 *
 * The source has the object, so nothing is lost for good: a re-creation is no deletion in the sense of the budget.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject } from "../kube/types.ts";
import { whyNotCreated } from "./creation.ts";
import { neverDeleted } from "./deletes.ts";
import { isBuiltIn } from "./desired/built_in.ts";
import type { Wanted } from "./desired/desired.ts";
import { controllerOf } from "./desired/owners.ts";
import { ownedBy, readOrigin } from "./desired/ownership.ts";
import type { Failure } from "./failure.ts";
import { keyOf, markOf } from "./memory.ts";
import { type Attempt, fenced, type MirrorOptions, readCopy } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";

/** How long a copy that is being deleted may take before it is looked at again, unless its end is seen first. */
const REVIEW_MS = 10_000;

/** Takes the old copy away. Undefined when its place is free or it has changed: look again. Throws `KubeError`. */
export async function removeForReplacement(attempt: Attempt, failure: Failure): Promise<Outcome | undefined> {
  const { kind, name, want, entry, context } = attempt;
  const { replicationId, sourceClusterId, sourceNamespace, destinationNamespace } = context.identity;
  if (kind.target === undefined) return { type: "Failed", failure };
  const live = await readCopy(kind, name, context);
  if (live === undefined) return undefined;
  const isOurs = ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, name) === "ours";
  const controller = controllerOf(live.metadata);
  if (controller !== undefined) return undefined;
  const objection = isOurs ? whyNotReplaced(keyOf(kind.source, name), live, want, context.options) : "it is not ours";
  if (objection !== undefined) {
    return { type: "Failed", failure: { ...failure, message: `${failure.message} (not created anew: ${objection})` } };
  }
  context.memory.setCopy(entry, markOf(live.metadata));
  if (live.metadata.deletionTimestamp !== undefined) return waitForItsEnd(attempt);
  const refusal = await whyNotCreated(kind.target, attempt);
  if (refusal !== undefined) return { type: "Failed", failure: notAnew(failure, refusal) };
  await context.fence.recheck();
  if (!context.mayWrite()) return fenced(context);
  if (!context.sourceIdentityKnown()) {
    return { type: "Waiting", retryInMs: REVIEW_MS, why: "the source cluster's identity is not confirmed" };
  }
  const { uid, resourceVersion } = live.metadata;
  // What an operator of DR hung on a custom resource, claims perhaps, is not ours to delete.
  const propagationPolicy = isBuiltIn(live.apiVersion) ? "Background" : "Orphan";
  const options = { uid, resourceVersion, propagationPolicy, signal: context.signal } as const;
  try {
    await context.target.delete(kind.target, { namespace: destinationNamespace, name }, options);
  } catch (error) {
    if (isKubeError(error, "NotFound", "Conflict")) return undefined;
    throw error;
  }
  context.audit("recreate", kind.name, name, resourceVersion ?? "");
  const left = await readCopy(kind, name, context);
  if (left === undefined || left.metadata.uid !== uid) return undefined;
  context.memory.setCopy(entry, markOf(left.metadata));
  return waitForItsEnd(attempt);
}

/** The old copy is better than none. */
function notAnew(failure: Failure, refusal: Failure): Failure {
  const message = `${failure.message} (not created anew, as DR would refuse that: ${refusal.message})`;
  return { ...refusal, message };
}

/** Finalizers hold it; its end is seen by the watch, and the place is taken then. */
function waitForItsEnd({ entry }: Attempt): Outcome {
  entry.state = "Pending";
  return { type: "Waiting", retryInMs: REVIEW_MS, why: "the former copy is still being deleted" };
}

/** Why a copy of ours is not created anew; undefined when it may be. */
export function whyNotReplaced(
  key: string,
  live: KubeObject,
  want: Wanted,
  options: Pick<MirrorOptions, "immutableFieldPolicy" | "deletion">,
): string | undefined {
  if (neverDeleted(key)) return "objects of this kind are never deleted";
  // What was created from this very object would come out the same again.
  if (markOf(live.metadata)?.hash === want.hash) return "the copy was already created from this very object";
  if (options.immutableFieldPolicy === "Recreate") return undefined;
  const isSourceNew = readOrigin(live.metadata)?.uid !== readOrigin(want.object.metadata)?.uid;
  if (!isSourceNew) return "immutableFieldPolicy is Report";
  // The end of a custom resource may be the end of what its operator made of it.
  if (!isBuiltIn(live.apiVersion)) return "immutableFieldPolicy is Report, and this is a custom resource";
  if ((live.metadata.finalizers ?? []).length > 0) return "immutableFieldPolicy is Report, and finalizers hold it";
  return options.deletion.policy === "Retain" ? "deletion.policy is Retain" : undefined;
}
