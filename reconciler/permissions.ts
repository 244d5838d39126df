/**
 * What a credential may do, compared with what mirroring needs.
 *
 * @module
 */
import { groupResource, type KubeClient, type ResourceType } from "../kube/types.ts";
import { CLASS_TYPES } from "./classes.ts";
import { mirroredKind } from "./desired/kinds.ts";

/** What a namespace is to us: a source is only read. */
export type Use = "Source" | "Standby";

/** Verbs that mirroring needs on each mirrored kind. */
const NEEDED_VERBS: Readonly<Record<Use, readonly string[]>> = {
  Source: ["get", "list", "watch"],
  Standby: ["get", "list", "watch", "create", "patch", "delete"],
};
/** Mirrored Roles may hold more than the credential itself may do. */
const ESCALATION_VERBS = ["escalate", "bind"] as const;

interface Rule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Asks the cluster for our rules in a namespace (SelfSubjectRulesReview). Throws `KubeError`. */
export async function readRules(client: KubeClient, namespace: string, signal?: AbortSignal): Promise<readonly Rule[]> {
  const answer = await client.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    spec: { namespace },
  }, { signal }) as { status?: { resourceRules?: Rule[] } };
  return answer.status?.resourceRules ?? [];
}

/** What is missing, by kind: `create, patch on deployments.apps`. Empty when nothing is. */
export function missingPermissions(rules: readonly Rule[], types: readonly ResourceType[], use: Use): string[] {
  const byVerbs = new Map<string, string[]>();
  const note = (verbs: string[], resource: string) => {
    if (verbs.length === 0) return;
    const key = verbs.join(", ");
    byVerbs.set(key, [...(byVerbs.get(key) ?? []), resource]);
  };
  for (const type of types) {
    if (!mirroredKind(type).mirrored) continue;
    note(lacking(rules, NEEDED_VERBS[use], type), groupResource(type));
    const isRole = type.group === "rbac.authorization.k8s.io" && type.resource === "roles";
    if (isRole && use === "Standby") note(lacking(rules, ESCALATION_VERBS, type), groupResource(type));
  }
  const lease = { group: "coordination.k8s.io", resource: "leases" };
  const leaseVerbs = use === "Standby" ? ["get", "create", "update", "watch", "list"] : [];
  note(lacking(rules, leaseVerbs, lease), groupResource(lease));
  if (use === "Standby") {
    // Condition StandbyQuiet: who has Pods in a standby, and who is refused some.
    for (const resource of ["pods", "events"]) {
      note(lacking(rules, ["list", "watch"], { group: "", resource }), resource);
    }
    // Condition DependenciesMissing: which classes there are.
    for (const type of CLASS_TYPES) note(lacking(rules, ["list"], type), groupResource(type));
  }
  const namespaceVerbs = use === "Standby" ? ["get", "create"] : ["get"];
  note(lacking(rules, namespaceVerbs, { group: "", resource: "namespaces" }), "namespaces");
  return [...byVerbs].map(([verbs, resources]) => {
    const shown = resources.slice(0, 5).join(", ");
    return `${verbs} on ${shown}${resources.length > 5 ? ` and ${resources.length - 5} more kinds` : ""}`;
  });
}

function lacking(
  rules: readonly Rule[],
  verbs: readonly string[],
  type: { group: string; resource: string },
): string[] {
  return verbs.filter((verb) => !rules.some((rule) => allows(rule, verb, type)));
}

function allows(rule: Rule, verb: string, { group, resource }: { group: string; resource: string }): boolean {
  return has(rule.verbs, verb) && has(rule.apiGroups, group) && has(rule.resources, resource) &&
    (rule.resourceNames ?? []).length === 0;
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(wanted));
}
