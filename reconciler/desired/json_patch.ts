/**
 * JSON patch (RFC 6902), strictly: what is not there as the operation needs it is an error.
 *
 * @module
 */

import { parsePointer } from "../../crds/json_pointer.ts";
import type { JsonPatchOperation } from "../../crds/types.ts";
import { canonicalJson } from "./hash.ts";
import { cloneJson, isObject, type JsonObject } from "./json.ts";

/** What copies may make of a document, in characters of JSON: twice what an API server stores of one object. */
const MAX_LENGTH = 3 * 1024 * 1024;

/** An operation that does not fit the document. The message names the place, never a value. */
export class PatchError extends Error {
  override name = "PatchError";
}

/** Carries out one operation on a document, which is changed. Throws `PatchError`; the document is then half changed. */
export function applyOperation(document: JsonObject, { op, path, from = "", value }: JsonPatchOperation): void {
  switch (op) {
    case "add":
      return addAt(document, path, cloneJson(value, false));
    case "remove":
      return void removeAt(document, path);
    case "replace":
      removeAt(document, path);
      return addAt(document, path, cloneJson(value, false));
    case "move":
      return addAt(document, path, removeAt(document, from));
    case "copy":
      addAt(document, path, cloneJson(valueAt(document, path, keysOf(from)), false));
      // Copies of copies double: a few dozen of them would fill any memory.
      if (JSON.stringify(document).length > MAX_LENGTH) throw new PatchError(`the copy to ${path} makes it too large`);
      return;
    case "test":
      if (canonicalJson(valueAt(document, path, keysOf(path))) === canonicalJson(value)) return;
      throw new PatchError(`the test of ${path} does not hold`);
  }
}

function keysOf(pointer: string): string[] {
  const keys = parsePointer(pointer);
  if (keys === undefined) throw new PatchError(`${pointer} is no JSON pointer`);
  return keys;
}

function valueAt(root: unknown, pointer: string, keys: readonly string[]): unknown {
  return keys.reduce((at, key) => {
    if (Array.isArray(at)) return at[indexOf(key, at.length - 1, pointer)];
    if (isObject(at) && Object.hasOwn(at, key)) return at[key];
    throw new PatchError(`nothing is at ${pointer}`);
  }, root);
}

function addAt(root: JsonObject, pointer: string, value: unknown): void {
  const { parent, key } = endOf(root, pointer);
  if (Array.isArray(parent)) {
    parent.splice(key === "-" ? parent.length : indexOf(key, parent.length, pointer), 0, value);
  } else parent[key] = value;
}

function removeAt(root: JsonObject, pointer: string): unknown {
  const { parent, key } = endOf(root, pointer);
  const value = valueAt(parent, pointer, [key]);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
  return value;
}

/** The object or list that holds what a pointer names. */
function endOf(root: JsonObject, pointer: string): { parent: JsonObject | unknown[]; key: string } {
  const keys = keysOf(pointer);
  const key = keys.pop();
  if (key === undefined) throw new PatchError("the whole object cannot be patched");
  const parent = valueAt(root, pointer, keys);
  if (!isObject(parent) && !Array.isArray(parent)) throw new PatchError(`nothing can be at ${pointer}`);
  return { parent, key };
}

/** An index as RFC 6901 has it: digits without leading zeros, at most `last`. */
function indexOf(key: string, last: number, pointer: string): number {
  if (/^(0|[1-9][0-9]*)$/.test(key) && Number(key) <= last) return Number(key);
  throw new PatchError(`no list has a place for ${pointer}`);
}
