/**
 * What is to be done with the Namespace of the copies, from plain data.
 *
 * @module
 */
import { COMPONENT, DESIRED_HASH, FIELD_MANAGER } from "../crds/keys.ts";
import type { KubeObject } from "../kube/types.ts";
import { firstDifference } from "./desired/compare.ts";
import { isObject, type JsonObject } from "./desired/json.ts";
import { ownedBy } from "./desired/ownership.ts";
import { isOwnKey } from "./desired/tracking_keys.ts";
import type { MirrorIdentity, MirrorOptions } from "./mirror_context.ts";

/** What a look at the Namespace calls for. */
export type NamespaceStep =
  | { readonly type: "Nothing" }
  /** It stays as it is, for a reason that is worth telling. */
  | { readonly type: "Leave"; readonly reason: "NamespaceNotOurs" | "Drifted"; readonly message: string }
  | { readonly type: "Write"; readonly operation: "update" | "adopt" };

/** Labels and annotations, by their field. */
export type KeysByField = Readonly<Record<"labels" | "annotations", readonly string[]>>;

/** Decides. One that was there before is nobody's to change, unless it may be adopted. */
export function namespaceStep(
  live: KubeObject,
  wanted: KubeObject,
  { replicationId, sourceClusterId, sourceNamespace }: MirrorIdentity,
  { conflictPolicy, driftPolicy }: Pick<MirrorOptions, "conflictPolicy" | "driftPolicy">,
): NamespaceStep {
  if (live.metadata.deletionTimestamp !== undefined) return { type: "Nothing" };
  const ownership = ownedBy(live.metadata, replicationId, sourceClusterId, sourceNamespace, sourceNamespace);
  if (ownership !== "ours") {
    const isNobodys = ownership === "unmanaged" && live.metadata.labels?.[COMPONENT] === undefined;
    if (isNobodys && conflictPolicy === "Adopt") return { type: "Write", operation: "adopt" };
    return notOurs(live, wanted, isNobodys);
  }
  const path = firstDifference(live, wanted);
  if (path === undefined) return { type: "Nothing" };
  const isWritten = live.metadata.annotations?.[DESIRED_HASH] === wanted.metadata.annotations?.[DESIRED_HASH];
  if (!isWritten || driftPolicy === "Correct") return { type: "Write", operation: "update" };
  const message = `${path} was changed in the DR cluster: it stays so until the source's Namespace changes`;
  return { type: "Leave", reason: "Drifted", message };
}

function notOurs(live: KubeObject, wanted: KubeObject, isNobodys: boolean): NamespaceStep {
  const path = firstDifference({ metadata: keysOf(live) }, { metadata: keysOf(wanted) });
  if (path === undefined) return { type: "Nothing" };
  const remedy = isNobodys ? ", or set conflictPolicy: Adopt" : "";
  const message =
    `DR had this Namespace before, and its ${path} is not as in the source: it stays as it is; change it ` +
    `in DR${remedy}`;
  return { type: "Leave", reason: "NamespaceNotOurs", message };
}

/** Labels and annotations but ours. */
function keysOf({ metadata }: KubeObject): JsonObject {
  const others = (keys: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(keys).filter(([key]) => !isOwnKey(key)));
  return { labels: others(metadata.labels), annotations: others(metadata.annotations) };
}

/**
 * Keys that our last apply set, that this one does not, and that are there all the same: somebody else had set them to the same
 * value when the Namespace was adopted, and owns them, too.
 */
export function leftKeys(before: KubeObject, wanted: KubeObject, stored: KubeObject): KeysByField {
  const entry = (before.metadata.managedFields ?? []).filter(isObject)
    .find(({ manager, operation, subresource }) => manager === FIELD_MANAGER && operation === "Apply" && !subresource);
  const metadata = isObject(entry?.fieldsV1) ? entry.fieldsV1["f:metadata"] : undefined;
  const left = (field: "labels" | "annotations") => {
    const owned = isObject(metadata) ? metadata[`f:${field}`] : undefined;
    const keys = Object.keys(isObject(owned) ? owned : {}).filter((key) => key.startsWith("f:")).map((key) =>
      key.slice(2)
    );
    return keys.filter((key) =>
      wanted.metadata[field]?.[key] === undefined && stored.metadata[field]?.[key] !== undefined
    );
  };
  return { labels: left("labels"), annotations: left("annotations") };
}
