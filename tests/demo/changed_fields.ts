/**
 * Where two states of an object differ, in a few words.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../kube/types.ts";

/** More names would be a list, not a hint. */
const mostNames = 3;

/** Names of the fields that differ, at most three, never their values. Status and bookkeeping do not count. */
export function changedFields(before: KubeObject, after: KubeObject): string {
  const [one, other] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const changed = names.filter((name) => !isDeepStrictEqual(one[name], other[name]));
  return changed.slice(0, mostNames).join(", ") + (changed.length > mostNames ? ", …" : "");
}

/** Fields at the depth people speak of: `spec.replicas`, `data`, `labels`. */
function fieldsOf({ metadata, status: _, spec, ...rest }: KubeObject): Record<string, unknown> {
  const inner = typeof spec === "object" && spec !== null ? Object.entries(spec) : [];
  return {
    ...rest,
    ...Object.fromEntries(inner.map(([name, value]) => [`spec.${name}`, value])),
    labels: metadata.labels,
    annotations: metadata.annotations,
  };
}
