/**
 * What a Replication's spec says of single objects: which have no copy, and what differs in DR. Sorted by kind.
 *
 * @module
 */
import type { ReplicationSpec } from "../crds/types.ts";
import { resolveTypes } from "../kube/resolve_type.ts";
import { type Discovery, groupResource } from "../kube/types.ts";
import type { KindAdaptation, Mappings } from "./desired/desired.ts";

/** The fields of a spec that speak of single objects. */
export type AdaptationSpec = Mappings & Pick<ReplicationSpec, "labelSelector" | "excludeObjects" | "overrides">;

/** The rules of a Replication by kind (`deployments.apps`). */
export type Adaptations = (kind: string) => KindAdaptation;

/** Sorts the rules of a spec by kind, as the source spells them. A spelling that no kind answers to takes nothing. */
export function adaptationsOf(spec: AdaptationSpec, discovery: Discovery): Adaptations {
  const excluded = byKind(spec.excludeObjects ?? [], (rule) => rule.kind, discovery);
  const overrides = byKind(spec.overrides ?? [], ({ match }) => match.kind, discovery);
  const known = new Map<string, KindAdaptation>();
  return (kind) => {
    let adaptation = known.get(kind);
    if (adaptation === undefined) {
      adaptation = {
        labelSelector: spec.labelSelector,
        overrides: overrides(kind),
        imageRewrites: spec.imageRewrites,
        storageClassMappings: spec.storageClassMappings,
        accessModeMappings: spec.accessModeMappings,
        ingressHostMappings: spec.ingressHostMappings,
        excludedNames: excluded(kind).map(({ name }) => name),
      };
      known.set(kind, adaptation);
    }
    return adaptation;
  };
}

/** Names of all rules of a spec that change objects, as `desired` names those it used. */
export function ruleNames(spec: AdaptationSpec): string[] {
  const mappings = ["storageClassMappings", "accessModeMappings", "ingressHostMappings"] as const;
  return [
    ...(spec.imageRewrites ?? []).map((_, index) => `imageRewrites[${index}]`),
    ...mappings.flatMap((field) => (spec[field] ?? []).map(({ from }) => `${field}[${from}]`)),
    ...(spec.overrides ?? []).map(({ name }) => `overrides[${name}]`),
  ];
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
