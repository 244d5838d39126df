/**
 * Whether a live copy already is what it should be, the way server-side apply sees it: what we would write is all there,
 * and what others added does not count.
 *
 * A field that left the source but is still in the copy is not found here: the `desired-hash` annotation, which is part of
 * what is compared, differs then.
 *
 * @module
 */

import { isBuiltIn } from "./built_in.ts";
import { hashOf } from "./hash.ts";
import type { KubeObject } from "../../kube/types.ts";
import { isObject, type JsonObject } from "./json.ts";
import { sameQuantity } from "./quantity.ts";
import { isOwnKey } from "./tracking_keys.ts";

/** Where an empty object selects everything, or is the choice itself, and so differs from none. */
const MEANT_EMPTY = /^emptyDir$|[sS]elector$/;

/** Fields that hold quantities, or maps of them. */
const QUANTITIES: ReadonlySet<string> = new Set([
  "averageValue",
  "capacity",
  "default",
  "defaultRequest",
  "divisor",
  "hard",
  "limits",
  "max",
  "maxLimitRequestRatio",
  "min",
  "requests",
  "sizeLimit",
  "value",
]);

/** Metadata that the server or others keep; only these parts are ours to compare. */
const COMPARED_METADATA: readonly string[] = ["name", "namespace", "labels", "annotations"];

/** Whether `live` holds everything that `desired` asks for. Status and server-side metadata are not looked at. */
export function covers(live: unknown, desired: unknown): boolean {
  return firstDifference(live, desired) === undefined;
}

/**
 * The path (`spec.template.spec.containers[0].image`) of the first field of `desired` that `live` lacks or holds
 * otherwise, or of a `dr-syncer.io` key that only `live` has; undefined when there is none. Never a value.
 */
export function firstDifference(live: unknown, desired: unknown): string | undefined {
  if (!isObject(live) || !isObject(desired)) return sameJson(live, desired) ? undefined : ".";
  const builtIn = isBuiltIn(desired.apiVersion);
  for (const key of Object.keys(desired)) {
    const path = key === "metadata"
      ? metadataDifference(live.metadata, desired.metadata)
      : difference(live[key], desired[key], key, undefined, builtIn);
    if (path !== undefined) return path === "" ? key : joinPath(key, path);
  }
  return undefined;
}

/**
 * A digest of how `live` differs from `desired`, undefined when it does not: the same for the same values in what `desired`
 * asks for, whatever else changes in `live`.
 */
export function differenceOf(live: KubeObject, desired: KubeObject): string | undefined {
  if (covers(live, desired)) return undefined;
  const { labels, annotations } = live.metadata;
  const own = [labels, annotations].map((keys) => Object.keys(keys ?? {}).filter(isOwnKey).sort());
  return hashOf([askedPart(live, desired), own]);
}

/** What `live` has where `desired` asks for something. */
function askedPart(live: unknown, desired: unknown): unknown {
  if (Array.isArray(live) && Array.isArray(desired)) {
    return live.map((item, index) => askedPart(item, desired[index]));
  }
  if (!isObject(live) || !isObject(desired)) return live;
  const part: JsonObject = {};
  for (const key of Object.keys(desired)) if (Object.hasOwn(live, key)) part[key] = askedPart(live[key], desired[key]);
  return part;
}

function metadataDifference(live: unknown, desired: unknown): string | undefined {
  if (!isObject(live) || !isObject(desired)) return "";
  for (const key of COMPARED_METADATA) {
    if (desired[key] === undefined) continue;
    const path = difference(live[key], desired[key], key, undefined, true);
    if (path !== undefined) return joinPath(key, path);
  }
  for (const key of ["labels", "annotations"]) {
    const extra = foreignOwnKey(live[key], desired[key]);
    if (extra !== undefined) return joinPath(key, joinPath(extra, ""));
  }
  return undefined;
}

/** A key that only we write and that should not be there. */
function foreignOwnKey(live: unknown, desired: unknown): string | undefined {
  if (!isObject(live)) return undefined;
  return Object.keys(live).find((key) => isOwnKey(key) && (!isObject(desired) || !Object.hasOwn(desired, key)));
}

/** Path below a value of the first difference: empty for the value itself, undefined for none. */
function difference(
  live: unknown,
  desired: unknown,
  key: string,
  parentKey: string | undefined,
  builtIn: boolean,
): string | undefined {
  if (live === desired) return undefined;
  if (live === undefined || live === null) return meansNone(desired, key, builtIn) ? undefined : "";
  if (Array.isArray(desired)) return listDifference(live, desired, key, builtIn);
  if (isObject(desired)) return objectDifference(live, desired, key, builtIn);
  if (desired === null) return meansNone(live, key, builtIn) ? undefined : "";
  if (builtIn && (QUANTITIES.has(key) || (parentKey !== undefined && QUANTITIES.has(parentKey)))) {
    return sameQuantity(live, desired) ? undefined : "";
  }
  return "";
}

function listDifference(live: unknown, desired: unknown[], key: string, builtIn: boolean): string | undefined {
  if (!Array.isArray(live) || live.length !== desired.length) return "";
  for (let index = 0; index < desired.length; index++) {
    const path = difference(live[index], desired[index], key, undefined, builtIn);
    if (path !== undefined) return joinPath(`[${index}]`, path);
  }
  return undefined;
}

function objectDifference(live: unknown, desired: JsonObject, key: string, builtIn: boolean): string | undefined {
  if (!isObject(live)) return "";
  for (const name of Object.keys(desired)) {
    const value = Object.hasOwn(live, name) ? live[name] : undefined;
    const path = difference(value, desired[name], name, key, builtIn);
    if (path !== undefined) return joinPath(name, path);
  }
  return undefined;
}

/** Whether a value is what the API server may leave out: null, and in its own types also empty values. */
function meansNone(value: unknown, key: string, builtIn: boolean): boolean {
  if (value === undefined || value === null) return true;
  if (!builtIn) return false;
  if (value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && !MEANT_EMPTY.test(key) && Object.keys(value).length === 0;
}

function sameJson(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function joinPath(key: string, rest: string): string {
  const name = /^[\w-]+$|^\[\d+\]$/.test(key) ? key : `["${key}"]`;
  if (rest === "") return name;
  return rest.startsWith("[") ? `${name}${rest}` : `${name}.${rest}`;
}
