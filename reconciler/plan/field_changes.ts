/**
 * Two states of an object, field by field.
 *
 * @module
 */
import type { PlannedField } from "../../crds/plan.ts";
import { canonicalJson } from "../desired/hash.ts";
import { isObject, type JsonObject } from "../desired/json.ts";

/** What the server keeps by itself: no difference that anyone made. */
const SERVER_METADATA: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
]);

/** How a value is shown; `path` holds its keys from the object on. */
export type ShowValue = (value: unknown, path: readonly string[]) => unknown;

/** The fields in which `after` differs from `before`, in the order of their paths (`spec.ports[web].port`). Status is left out. */
export function fieldChanges(before: unknown, after: unknown, show: ShowValue): PlannedField[] {
  const fields: PlannedField[] = [];
  const walk = (from: unknown, to: unknown, path: readonly string[]): void => {
    if (isIgnored(path) || isSame(from, to)) return;
    const children = childrenOf(from, to);
    if (children !== undefined) {
      for (const [key, a, b] of children) walk(a, b, [...path, key]);
      return;
    }
    const shown = (value: unknown) => value === undefined ? undefined : show(value, path);
    fields.push({
      path: formatPath(path),
      ...(from === undefined ? {} : { from: shown(from) }),
      ...(to === undefined ? {} : { to: shown(to) }),
    });
  };
  walk(before, after, []);
  return fields;
}

/** Equal JSON; null is a value. */
function isSame(from: unknown, to: unknown): boolean {
  return (from === undefined) === (to === undefined) && canonicalJson(from) === canonicalJson(to);
}

function isIgnored([first, second]: readonly string[]): boolean {
  return first === "status" || (first === "metadata" && second !== undefined && SERVER_METADATA.has(second));
}

/** Pairs of members to look into; undefined for values that are compared as a whole. */
function childrenOf(from: unknown, to: unknown): [string, unknown, unknown][] | undefined {
  if (isMapping(from, to)) return pairs(asMapping(from), asMapping(to));
  if (!Array.isArray(from) || !Array.isArray(to)) return undefined;
  const [named, alsoNamed] = [byName(from), byName(to)];
  if (named !== undefined && alsoNamed !== undefined) return pairs(named, alsoNamed, bracketed);
  if (from.length !== to.length || !from.every(isObject) || !to.every(isObject)) return undefined;
  return from.map((item, index) => [`[${index}]`, item, to[index]]);
}

/** Two mappings, or one that comes or goes with something in it. */
function isMapping(from: unknown, to: unknown): boolean {
  if (isObject(from) && isObject(to)) return true;
  const [one, other] = isObject(from) ? [from, to] : [to, from];
  return other === undefined && isObject(one) && Object.keys(one).length > 0;
}

function asMapping(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** Items by their name, where each has one of its own: containers, ports, environment variables. */
function byName(items: readonly unknown[]): JsonObject | undefined {
  const named: JsonObject = Object.create(null);
  for (const item of items) {
    if (!isObject(item) || typeof item.name !== "string" || Object.hasOwn(named, item.name)) return undefined;
    named[item.name] = item;
  }
  return named;
}

function pairs(from: JsonObject, to: JsonObject, label = (key: string) => key): [string, unknown, unknown][] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return keys.map((key) => [label(key), member(from, key), member(to, key)]);
}

function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function bracketed(key: string): string {
  return `[${key}]`;
}

function formatPath(path: readonly string[]): string {
  return path.map((key, index) => {
    if (key.startsWith("[")) return key;
    if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
    return index === 0 ? key : `.${key}`;
  }).join("");
}
