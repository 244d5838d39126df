/**
 * Items that somebody in DR added to a list of a copy (ports, containers, variables).
 *
 * Server-side apply merges such lists by key and leaves an item alone that another manager owns: a port that was renumbered by
 * hand would stay beside ours, or be in its way for ever. So the item becomes ours first; then the apply takes it away.
 *
 * Only below `spec`: the lists of a ServiceAccount are what controllers of every cluster add their own to.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject } from "../kube/types.ts";
import { isObject, type JsonObject } from "./desired/json.ts";
import { isKeyOf, mergedFields } from "./managers.ts";
import { markOf } from "./memory.ts";
import { type Attempt, readCopy } from "./mirror_context.ts";

/** Takes over what others added to the lists of a copy of ours, as it was read last. Whether there was any. Throws `KubeError`. */
export async function takeItems({ kind, name, want, entry, context }: Attempt, live: KubeObject): Promise<boolean> {
  const managedFields = withItems(live, want.object);
  if (managedFields === undefined || kind.target === undefined || !context.mayWrite()) return false;
  const { uid, resourceVersion } = live.metadata;
  const ref = { namespace: context.identity.destinationNamespace, name };
  const patch = { type: "merge", body: { metadata: { uid, resourceVersion, managedFields } } } as const;
  const stored = await context.target.patch(kind.target, ref, patch, {
    fieldManager: FIELD_MANAGER,
    signal: context.signal,
  });
  context.memory.setCopy(entry, markOf(stored.metadata));
  context.audit("take", kind.name, name, stored.metadata.resourceVersion ?? "");
  return true;
}

/** The same for a copy that DR has just refused to write. True: look again. */
export async function takeItemsInTheWay(attempt: Attempt): Promise<boolean> {
  const { kind, name, entry: { copy }, context } = attempt;
  if (copy === undefined) return false;
  const live = await readCopy(kind, name, context);
  if (live === undefined) return true;
  if (live.metadata.uid !== copy.uid || live.metadata.resourceVersion !== copy.resourceVersion) return true;
  try {
    return await takeItems(attempt, live);
  } catch (error) {
    if (isKubeError(error, "Conflict", "NotFound")) return true;
    throw error;
  }
}

/** `managedFields` with the items as ours that are in lists of `desired` and not in it; undefined when there are none. */
export function withItems(live: KubeObject, desired: KubeObject): JsonObject[] | undefined {
  const entries = (live.metadata.managedFields ?? []).filter(isObject);
  const own = entries.filter(({ manager, subresource }) => manager === FIELD_MANAGER && !subresource);
  // One that was never applied is as its create entered it: an Update.
  const ours = own.find(({ operation }) => operation === "Apply") ?? own[0];
  if (ours?.apiVersion !== live.apiVersion) return undefined;
  let taken: JsonObject = {};
  const rest = entries.flatMap((entry) => {
    const isForeign = entry.manager !== FIELD_MANAGER && !entry.subresource && entry.apiVersion === live.apiVersion;
    const { "f:spec": spec, ...others } = isObject(entry.fieldsV1) ? entry.fieldsV1 : {};
    if (!isForeign || !isObject(spec)) return [entry];
    const parts = split(spec, desired.spec);
    taken = mergedFields(taken, parts.taken);
    const left = isEmpty(parts.left) ? others : { ...others, "f:spec": parts.left };
    return isEmpty(left) ? [] : [{ ...entry, fieldsV1: left }];
  });
  if (isEmpty(taken)) return undefined;
  const fieldsV1 = mergedFields({ "f:spec": taken }, ours.fieldsV1);
  return rest.map((entry) => entry === ours ? { ...ours, operation: "Apply", fieldsV1 } : entry);
}

function isEmpty(fields: JsonObject): boolean {
  return Object.keys(fields).length === 0;
}

/** Parts the fields of a manager: items of lists in which `desired` has others, and what is left. */
function split(fields: JsonObject, desired: unknown): { taken: JsonObject; left: JsonObject } {
  const [taken, left]: [JsonObject, JsonObject] = [{}, {}];
  for (const [key, inner] of Object.entries(fields)) {
    const isItem = Array.isArray(desired) && key.startsWith("k:");
    const wanted = isItem
      ? desired.find((item) => isKeyOf(key, item))
      : isObject(desired)
      ? desired[key.slice(2)]
      : undefined;
    if (isItem && wanted === undefined) taken[key] = inner;
    else if (!isObject(inner) || isEmpty(inner)) left[key] = inner;
    else {
      const parts = split(inner, wanted);
      if (!isEmpty(parts.taken)) taken[key] = parts.taken;
      if (!isEmpty(parts.left)) left[key] = parts.left;
    }
  }
  return { taken, left };
}
