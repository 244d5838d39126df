/**
 * What a Replication's spec says of single objects: which have no copy. Sorted by kind.
 *
 * @module
 */
import type { ReplicationSpec } from "../crds/types.ts";
import { resolveTypes } from "../kube/resolve_type.ts";
import { type Discovery, groupResource } from "../kube/types.ts";
import type { KindAdaptation } from "./desired/desired.ts";

/** The fields of a spec that speak of single objects. */
export type AdaptationSpec = Pick<ReplicationSpec, "labelSelector" | "excludeObjects">;

/** The rules of a Replication by kind (`deployments.apps`). */
export type Adaptations = (kind: string) => KindAdaptation;

/** Sorts the rules of a spec by kind, as the source spells them. A spelling that no kind answers to takes nothing. */
export function adaptationsOf(spec: AdaptationSpec, discovery: Discovery): Adaptations {
  const excluded = byKind(spec.excludeObjects ?? [], (rule) => rule.kind, discovery);
  const known = new Map<string, KindAdaptation>();
  return (kind) => {
    let adaptation = known.get(kind);
    if (adaptation === undefined) {
      adaptation = {
        labelSelector: spec.labelSelector,
        excludedNames: excluded(kind).map(({ name }) => name),
      };
      known.set(kind, adaptation);
    }
    return adaptation;
  };
}

/** The rules that speak of a kind, in their order. */
function byKind<R>(
  rules: readonly R[],
  spellingOf: (rule: R) => string,
  discovery: Discovery,
): (kind: string) => readonly R[] {
  const resolved = rules.map((rule) => {
    const spelling = spellingOf(rule);
    return { rule, isAll: spelling === "*", kinds: new Set(resolveTypes(discovery, spelling).map(groupResource)) };
  });
  return (kind) => resolved.filter(({ isAll, kinds }) => isAll || kinds.has(kind)).map(({ rule }) => rule);
}
