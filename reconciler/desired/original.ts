/**
 * Keeping on the copy what an activation will need.
 *
 * @module
 */

import { EPOCH, MANAGED_BY, ORIGINAL_PREFIX } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { Draft } from "./context.ts";
import { isObject } from "./json.ts";
import { matchesKey } from "./tracking_keys.ts";

/**
 * Annotation on a copy: a JSON object of annotations that the source has and the standby must not have, or that the
 * standby has and the source has not (null).
 */
export const ORIGINAL_ANNOTATIONS = `${ORIGINAL_PREFIX}annotations`;

/**
 * Whether the source is itself a standby copy (A → B → C): then its values are the quiesced ones, and the true ones are
 * in its annotations. An activated copy carries an epoch and speaks for itself.
 */
function isStandbyCopy(source: KubeObject): boolean {
  return source.metadata.labels?.[MANAGED_BY] !== undefined && source.metadata.annotations?.[EPOCH] === undefined;
}

/** Notes an original value on the draft; what a standby source has noted itself goes on unchanged. */
export function keepOriginal(draft: Draft, key: string, value: string): void {
  draft.object.metadata.annotations[key] = noted(draft.source, key) ?? value;
}

/** What a standby source has noted under a key; undefined for any other source. */
export function noted(source: KubeObject, key: string): string | undefined {
  return isStandbyCopy(source) ? source.metadata.annotations?.[key] : undefined;
}

/** Takes annotations off the draft until activation, and sets others (`replacements`) meanwhile. */
export function parkAnnotations(
  draft: Draft,
  keys: readonly string[],
  replacements: Readonly<Record<string, string>> = {},
): void {
  const annotations = draft.object.metadata.annotations;
  const parked: Record<string, string | null> = readParked(noted(draft.source, ORIGINAL_ANNOTATIONS));
  for (const key of Object.keys(annotations)) {
    if (!matchesKey(keys, key)) continue;
    if (!Object.hasOwn(parked, key)) parked[key] = annotations[key] ?? null;
    delete annotations[key];
  }
  for (const [key, value] of Object.entries(replacements)) {
    if (!Object.hasOwn(parked, key)) parked[key] = annotations[key] ?? null;
    annotations[key] = value;
  }
  const sorted = Object.fromEntries(Object.entries(parked).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (Object.keys(sorted).length > 0) annotations[ORIGINAL_ANNOTATIONS] = JSON.stringify(sorted);
}

function readParked(text: string | undefined): Record<string, string | null> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    const entries = isObject(value) ? Object.entries(value) : [];
    return Object.fromEntries(
      entries.filter((e): e is [string, string | null] => e[1] === null || typeof e[1] === "string"),
    );
  } catch {
    return {};
  }
}
