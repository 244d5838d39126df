/**
 * Who owns which field of a live object, as its `managedFields` have it (KEP-555, server-side apply).
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import type { KubeObject } from "../kube/types.ts";
import { isObject, type JsonObject } from "./desired/json.ts";

/** Steps of a path as `firstDifference` writes it: `spec.ports[0].port`, `metadata.annotations["a/b"]`. */
const STEPS = /\[(\d+)\]|\["((?:[^"]|"(?!\]))*)"\]|([\w-]+)/g;

/** Field managers that own the value at a path, or something in it; oldest entry first, each once. */
export function managersOf(live: KubeObject, path: string): string[] {
  const steps = [...path.matchAll(STEPS)].map(([, index, quoted, name]) =>
    index === undefined ? quoted ?? name ?? "" : Number(index)
  );
  const owners = entriesOf(live).filter(({ fieldsV1 }) => owns(fieldsV1, live, steps));
  return [...new Set(owners.map(({ manager }) => String(manager)))];
}

/** Whether nobody but us has a say in the value at a path. */
export function isOnlyOurs(live: KubeObject, path: string): boolean {
  const managers = managersOf(live, path);
  return managers.length > 0 && managers.every((manager) => manager === FIELD_MANAGER);
}

/** Who changed the value at a path, as far as the object tells: its owner, or else whoever wrote last; undefined for nobody known. */
export function changedBy(live: KubeObject, path: string): string | undefined {
  const owner = managersOf(live, path).findLast((manager) => manager !== FIELD_MANAGER);
  if (owner !== undefined) return owner;
  const others = entriesOf(live).filter(({ manager, subresource }) => manager !== FIELD_MANAGER && !subresource);
  return others.sort((a, b) => String(a.time).localeCompare(String(b.time))).map(({ manager }) => String(manager)).at(
    -1,
  );
}

function entriesOf({ metadata }: KubeObject): JsonObject[] {
  return (metadata.managedFields ?? []).filter(isObject);
}

function owns(fields: unknown, value: unknown, [step, ...rest]: readonly (string | number)[]): boolean {
  if (!isObject(fields)) return false;
  // Owned as one: nothing in it has an owner of its own.
  if (step === undefined || Object.keys(fields).length === 0) return true;
  if (typeof step === "string") {
    const inner = isObject(value) ? value[step] : undefined;
    return owns(fields[`f:${step}`], inner, rest);
  }
  const item = Array.isArray(value) ? value[step] : undefined;
  return Object.entries(fields).some(([key, inner]) => isKeyOf(key, item) && owns(inner, item, rest));
}

/** Two `fieldsV1` in one. */
export function mergedFields(left: JsonObject, right: unknown): JsonObject {
  if (!isObject(right)) return left;
  const all: JsonObject = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const known = all[key];
    all[key] = isObject(known) ? mergedFields(known, value) : isObject(value) ? mergedFields({}, value) : value;
  }
  return all;
}

/** Whether a key of `fieldsV1` (`k:{"port":80}`, `v:"a"`) is that of a list's item. */
export function isKeyOf(key: string, item: unknown): boolean {
  if (key.startsWith("v:")) return key.slice(2) === JSON.stringify(item);
  if (!key.startsWith("k:") || !isObject(item)) return false;
  const wanted: unknown = JSON.parse(key.slice(2));
  return isObject(wanted) && Object.entries(wanted).every(([name, value]) => item[name] === value);
}
