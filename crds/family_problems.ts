/**
 * What is wrong with the ends of a Replication of many namespaces. What each single namespace makes of them is its child's.
 *
 * @module
 */
import { NAMESPACE_PLACEHOLDER, templateOf } from "./family.ts";
import { selectorProblems } from "./label_selector.ts";
import { isProtected, protectedProblem, sameEnds } from "./targets.ts";
import { notAllowed, notHonoured } from "./tenancy.ts";
import type { ReplicationFamily } from "./types.ts";
import type { Problem } from "./verdict.ts";
import { endOf, isSameEnd, type World } from "./world.ts";

/** See the module. */
export function familyProblems(family: ReplicationFamily, world: World): Problem[] {
  return [
    ...placeProblems(family, world),
    ...emptySelectorProblems(family),
    ...selectorProblems("spec.sourceNamespaceSelector", family.spec.sourceNamespaceSelector),
    ...templateProblems(family, world),
  ];
}

/** A selector reaches into namespaces of others: it is an administrator's. */
function placeProblems({ metadata, spec }: ReplicationFamily, world: World): Problem[] {
  const namespace = metadata.namespace ?? "";
  if (namespace === world.controlNamespace) return [];
  if (!world.tenantMode) return [notHonoured("Replication", namespace, world)];
  return [notAllowed(
    "spec.sourceNamespaceSelector",
    JSON.stringify(spec.sourceNamespaceSelector),
    "a tenant may mirror its own namespace only",
    `set sourceNamespace to ${namespace} instead, or ask an administrator to make the Replication in the control namespace`,
  )];
}

function emptySelectorProblems({ spec }: ReplicationFamily): Problem[] {
  const { matchLabels = {}, matchExpressions = [] } = spec.sourceNamespaceSelector;
  if (Object.keys(matchLabels).length + matchExpressions.length > 0) return [];
  return [{
    field: "spec.sourceNamespaceSelector",
    value: "",
    message: "an empty selector would take every namespace",
    remedy: "name at least one label",
    reason: "SelectorInvalid",
  }];
}

function templateProblems(family: ReplicationFamily, world: World): Problem[] {
  const template = templateOf(family);
  const field = "spec.destinationNamespace";
  if (!template.includes(NAMESPACE_PLACEHOLDER)) {
    return [{
      field,
      value: template,
      message: "all namespaces would write this one",
      remedy: `write ${NAMESPACE_PLACEHOLDER} where the source's name goes, such as dr-${NAMESPACE_PLACEHOLDER}`,
      reason: "TemplateInvalid",
    }];
  }
  const [prefix = ""] = template.split(NAMESPACE_PLACEHOLDER);
  if (isProtected(prefix, world)) return [protectedProblem(field, template)];
  const { sourceCluster, destinationCluster } = family.spec;
  const source = endOf(sourceCluster, NAMESPACE_PLACEHOLDER, world);
  const target = endOf(destinationCluster, template, world);
  return isSameEnd(source, target) ? [sameEnds(source, target)] : [];
}
