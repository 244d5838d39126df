/**
 * Proof that an object in a DR cluster is our copy of one source object.
 *
 * @module
 */

import { MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import type { ObjectMeta } from "../../kube/types.ts";
import { isObject } from "./json.ts";

/** Where a copy comes from, as its origin annotation says. */
export interface Origin {
  /** Cluster id (uid of Namespace kube-system) of the source. */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** uid of the source object: not part of the proof, a source may be re-created. */
  readonly uid: string;
}

/** `unmanaged`: without our label. `foreign`: another replication's, another source's, or without a valid origin. */
export type Ownership = "ours" | "foreign" | "unmanaged";

/** The value of the origin annotation, always in the same key order. */
export function formatOrigin(origin: Origin): string {
  return JSON.stringify({
    cluster: origin.cluster,
    namespace: origin.namespace,
    name: origin.name,
    uid: origin.uid,
  });
}

/** The origin that a copy names, or undefined when it names none that can be read. */
export function readOrigin(meta: ObjectMeta): Origin | undefined {
  const text = meta.annotations?.[ORIGIN];
  if (text === undefined) return undefined;
  try {
    const { cluster, namespace, name, uid } = asObject(JSON.parse(text));
    if (typeof cluster !== "string" || typeof namespace !== "string") return undefined;
    if (typeof name !== "string" || typeof uid !== "string") return undefined;
    return { cluster, namespace, name, uid };
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** Whose copy an object is: ours takes both the label and the origin. */
export function ownedBy(
  copyMeta: ObjectMeta,
  replicationId: string,
  sourceClusterId: string,
  sourceNamespace: string,
  sourceName: string,
): Ownership {
  const label = copyMeta.labels?.[MANAGED_BY];
  if (label === undefined) return "unmanaged";
  const origin = readOrigin(copyMeta);
  const proven = label === replicationId && origin?.cluster === sourceClusterId &&
    origin.namespace === sourceNamespace && origin.name === sourceName;
  return proven ? "ours" : "foreign";
}
