/**
 * Which fields a user set, as opposed to the API server.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { isObject, type JsonObject, objectAt } from "./json.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Whether some client sent this field: the path is written as in fieldsV1 (`f:spec`, `f:ports`, `k:{"port":80,…}`).
 * Values that the server allocates on its own are in no entry, and an update that repeats them does not claim them.
 */
export function isClientField(source: KubeObject, path: readonly string[]): boolean {
  return (source.metadata.managedFields ?? []).some((entry) =>
    isObject(entry) && !entry.subresource && isFieldIn(entry.fieldsV1, path)
  );
}

function isFieldIn(fields: unknown, path: readonly string[]): boolean {
  return objectAt(fields, ...path) !== undefined;
}

/** What `kubectl apply` (client-side) sent last, or undefined. */
export function lastApplied(source: KubeObject): JsonObject | undefined {
  const text = source.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
