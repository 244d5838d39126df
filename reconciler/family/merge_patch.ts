/**
 * JSON merge patches (RFC 7386) from what is to what should be.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";

type Json = Readonly<Record<string, unknown>>;

/** The patch that makes `to` of `from`: what `to` lacks is null, lists are replaced as a whole. Undefined when they are equal. */
export function mergePatch(from: Json, to: Json): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [was, is] = [from[key], to[key]];
    if (is === undefined) {
      if (was !== undefined) patch[key] = null;
    } else if (isObject(was) && isObject(is)) {
      const inner = mergePatch(was, is);
      if (inner !== undefined) patch[key] = inner;
    } else if (!isDeepStrictEqual(was, is)) patch[key] = is;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
