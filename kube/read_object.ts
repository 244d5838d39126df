/**
 * From a parsed answer to raw objects, checked for no more than what everything else relies on.
 *
 * @module
 */
import { KubeError } from "./errors.ts";
import { apiVersionOf, type KubeObject, type ObjectPage, type ResourceType } from "./types.ts";

/** An answer that is one object. Throws KubeError BadResponse for anything else. */
export function readObject(type: ResourceType, body: unknown, action: string): KubeObject {
  if (!hasMetadata(body)) throw notPromised(action, "one object");
  return named(type, body);
}

/** An answer that is a list. Throws KubeError BadResponse for anything else. */
export function readPage(type: ResourceType, body: unknown, sizeBytes: number, action: string): ObjectPage {
  if (!hasMetadata(body) || !("items" in body)) throw notPromised(action, "a list");
  // Go writes an empty list of some kinds as null.
  const items = body.items ?? [];
  if (!Array.isArray(items)) throw notPromised(action, "a list");
  const { resourceVersion, continue: more, remainingItemCount } = body.metadata as Record<string, unknown>;
  return {
    items: items.map((item: unknown) => {
      if (!hasMetadata(item)) throw notPromised(action, "a list of objects");
      return named(type, item);
    }),
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : "",
    ...(typeof more === "string" && more !== "" ? { continue: more } : {}),
    ...(typeof remainingItemCount === "number" ? { remainingItemCount } : {}),
    sizeBytes,
  };
}

/** Items of a list of a built-in kind carry neither apiVersion nor kind; fill both in, first, as everyone prints them. */
function named(type: ResourceType, object: Record<string, unknown>): KubeObject {
  const { apiVersion, kind } = object;
  if (typeof apiVersion === "string" && typeof kind === "string") return object as KubeObject;
  return { apiVersion: apiVersionOf(type), kind: type.kind, ...object } as KubeObject;
}

function hasMetadata(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && "metadata" in value && typeof value.metadata === "object" &&
    value.metadata !== null;
}

function notPromised(action: string, expected: string): KubeError {
  return new KubeError("BadResponse", `Cannot ${action}: the answer is not ${expected}`);
}
