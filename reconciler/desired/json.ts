/**
 * Reading and copying raw JSON without trusting its shape. A key `__proto__` is a key like any other: Deno has no accessor
 * of that name.
 *
 * @module
 */

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is a JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object at a path of keys, or undefined where one of them is missing or no object. */
export function objectAt(root: unknown, ...keys: string[]): JsonObject | undefined {
  let value: unknown = root;
  for (const key of keys) {
    if (!isObject(value)) return undefined;
    value = value[key];
  }
  return isObject(value) ? value : undefined;
}

/** The objects in the list at a path of keys; empty where there is none. What is not an object is left out. */
export function objectsAt(root: unknown, ...keys: string[]): JsonObject[] {
  const last = keys[keys.length - 1];
  if (last === undefined) return [];
  const list = objectAt(root, ...keys.slice(0, -1))?.[last];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The object at a path of keys, made where it is missing. Whatever else stands in the way is replaced. */
export function ensureObject(root: JsonObject, ...keys: string[]): JsonObject {
  let at = root;
  for (const key of keys) {
    const next = at[key];
    at = isObject(next) ? next : (at[key] = {});
  }
  return at;
}

/** A deep copy of a JSON value, without members that are null if told so; nulls in lists stay. */
export function cloneJson(value: unknown, dropNulls: boolean): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => cloneJson(item, dropNulls));
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const member = (value as JsonObject)[key];
    if (!dropNulls || member !== null) copy[key] = cloneJson(member, dropNulls);
  }
  return copy;
}

/** Calls `visit` for every object inside a value, the value itself included, with the path of keys to it. */
export function walkObjects(
  value: unknown,
  visit: (object: JsonObject, path: readonly string[]) => void,
  path: readonly string[] = [],
): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => walkObjects(item, visit, [...path, String(index)]));
  } else if (isObject(value)) {
    visit(value, path);
    for (const key of Object.keys(value)) {
      if (typeof value[key] === "object") walkObjects(value[key], visit, [...path, key]);
    }
  }
}
