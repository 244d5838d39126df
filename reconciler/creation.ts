/**
 * Whether DR would take an object if it were made anew, asked while its former copy is still there.
 *
 * A dry run of a create under the very same name: the API server validates the object and asks every webhook, policy and quota
 * before it notices that the name is taken. `AlreadyExists` is the good answer.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import { groupResource, type ResourceType } from "../kube/types.ts";
import { classify, type Failure } from "./failure.ts";
import type { Attempt } from "./mirror_context.ts";

/** Why the copy could not be created; undefined when it could. Throws `KubeError` when nobody can tell at present. */
export async function whyNotCreated(type: ResourceType, { want, context }: Attempt): Promise<Failure | undefined> {
  // What DR does not know of the object is left out when it is written; here the server drops it.
  const options = {
    dryRun: true,
    fieldManager: FIELD_MANAGER,
    fieldValidation: "Ignore",
    signal: context.signal,
  } as const;
  try {
    await context.target.create(type, want.object, options);
    return undefined;
  } catch (error) {
    const failure = classify(error);
    if (failure.failureClass === "Denied") return failure;
    if (isKubeError(error, "AlreadyExists")) return undefined;
    if (!isKubeError(error, "Forbidden", "Invalid", "BadRequest", "NotFound", "TooLarge", "ServerError")) throw error;
    return failure.failureClass === "Quota" && isFreedByCopy(failure.message, type) ? undefined : failure;
  }
}

/** What ResourceQuota says: `exceeded quota: q, requested: count/x=1, used: count/x=5, limited: count/x=5`. */
const EXCEEDED = /exceeded quota: [^,]+, requested: (.*), used: (.*), limited: (.*)$/s;

/** Whether all that a quota lacks is the place that the former copy takes: it counts objects, and is not over-full. */
export function isFreedByCopy(message: string, type: Pick<ResourceType, "group" | "resource">): boolean {
  const [requested, used, limited] = (EXCEEDED.exec(message) ?? []).slice(1).map(amounts);
  if (requested === undefined || used === undefined || limited === undefined) return false;
  const counts = [`count/${groupResource(type)}`, groupResource(type)];
  return [...requested.keys()].every((resource) =>
    counts.includes(resource) && (used.get(resource) ?? NaN) <= (limited.get(resource) ?? NaN)
  );
}

function amounts(list: string): ReadonlyMap<string, number> {
  return new Map(
    list.split(",").map((item): [string, number] => {
      const [resource = "", amount] = item.split("=");
      return [resource.trim(), Number(amount)];
    }),
  );
}
