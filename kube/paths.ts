/**
 * URL paths of the API, every segment encoded.
 *
 * @module
 */
import { KubeError } from "./errors.ts";
import type { ObjectRef, ResourceType } from "./types.ts";

/**
 * Path of a collection: `/apis/apps/v1/namespaces/app/deployments`; without a namespace, of all namespaces.
 * Throws KubeError BadRequest for a namespace that is no name.
 */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === "" ? "/api" : `/apis/${encodeURIComponent(type.group)}`;
  const inNamespace = type.namespaced && namespace !== undefined;
  const scope = inNamespace ? `/namespaces/${segmentOf(type, "namespace", namespace)}` : "";
  return `${root}/${encodeURIComponent(type.version)}${scope}/${encodeURIComponent(type.resource)}`;
}

/**
 * Path of one object, or of a subresource of it.
 * Throws KubeError BadRequest for a reference that would address a whole collection: a delete must never do that.
 */
export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: string): string {
  const name = segmentOf(type, "name", ref.name);
  const base = collectionPath(type, type.namespaced ? ref.namespace ?? "" : undefined);
  return `${base}/${name}${subresource === undefined ? "" : `/${encodeURIComponent(subresource)}`}`;
}

/** What a call does, for messages: `get configmaps app/web`. */
export function actionOf(verb: string, type: ResourceType, ref?: Partial<ObjectRef>, subresource?: string): string {
  const resource = type.group === "" ? type.resource : `${type.resource}.${type.group}`;
  const where = [type.namespaced ? ref?.namespace : undefined, ref?.name].filter((part) => part !== undefined).join(
    "/",
  );
  return `${verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}${where === "" ? "" : ` ${where}`}`;
}

/**
 * A name as one path segment. `.` and `..` would be resolved away, and servers decode %2F before they route, so
 * encoding is no protection; no object can have such a name.
 */
function segmentOf(type: ResourceType, what: "name" | "namespace", text: string): string {
  if (text !== "" && text !== "." && text !== ".." && !/[/%]/.test(text) && text.isWellFormed()) {
    return encodeURIComponent(text);
  }
  throw new KubeError("BadRequest", `Cannot address ${type.resource}: the ${what} is missing or cannot be one`);
}
