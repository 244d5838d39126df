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

/** Verbs that mirroring needs on each mirrored kind; what is not written in a standby is only read there, too. */
const NEEDED_VERBS: Readonly<Record<Use, readonly string[]>> = {
  Source: ["get", "list", "watch"],
  Standby: ["get", "list", "watch", "create", "patch", "delete"],
};
/** Mirrored Roles may hold more than the credential itself may do. */
const ESCALATION_VERBS = ["escalate", "bind"] as const;
/** What it takes to have agents of volumes (reconciler/volumes), besides what mirroring takes. */
const AGENT_VERBS: Readonly<Record<Use, readonly (readonly [readonly string[], string, string])[]>> = {
  Source: [
    [["create", "delete"], "", "pods"],
    [["create", "delete"], "", "secrets"],
    [["create", "delete"], "", "services"],
    // A WebSocket is a GET, which newer servers take for a create, too.
    [["get", "create"], "", "pods/portforward"],
    [["create", "delete"], "networking.k8s.io", "networkpolicies"],
  ],
  Standby: [
    [["create", "delete"], "", "pods"],
    [["get", "create"], "", "pods/exec"],
    [["get", "create"], "", "pods/portforward"],
    [["get", "create", "patch", "delete"], "", "configmaps"],
    [["create", "delete"], "", "secrets"],
    [["create", "patch", "delete"], "networking.k8s.io", "networkpolicies"],
  ],
};
const RBAC = "rbac.authorization.k8s.io";

interface Rule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Our rules in a namespace, as the server tells them. */
export interface Rules {
  readonly rules: readonly Rule[];
  /** Whether there may be more: not every authorizer can list what it allows. */
  readonly incomplete: boolean;
}

/** Verbs on a kind that are not allowed. */
export interface Lack {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resource: string;
}

/** Asks the cluster for our rules in a namespace (SelfSubjectRulesReview). Throws `KubeError`. */
export async function readRules(client: KubeClient, namespace: string, signal?: AbortSignal): Promise<Rules> {
  const answer = await client.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    spec: { namespace },
  }, { signal }) as { status?: { resourceRules?: Rule[]; incomplete?: boolean } };
  return { rules: answer.status?.resourceRules ?? [], incomplete: answer.status?.incomplete === true };
}

/** What the rules do not allow of what a namespace is used for. */
export function lacksOf(
  rules: readonly Rule[],
  types: readonly ResourceType[],
  { use, rbacObjects, volumes = false }: {
    readonly use: Use;
    readonly rbacObjects: boolean;
    /** Data of volumes is copied from or to there. */
    readonly volumes?: boolean;
  },
): Lack[] {
  const lacks: Lack[] = [];
  const need = (verbs: readonly string[], { group, resource }: { group: string; resource: string }) => {
    const missing = verbs.filter((verb) => !rules.some((rule) => allows(rule, verb, { group, resource })));
    if (missing.length > 0) lacks.push({ verbs: missing, group, resource });
  };
  for (const type of types) {
    if (!mirroredKind(type).mirrored) continue;
    const isWritten = use === "Standby" && (rbacObjects || type.group !== RBAC);
    need(NEEDED_VERBS[isWritten ? "Standby" : "Source"], type);
    if (isWritten && type.group === RBAC && type.resource === "roles") need(ESCALATION_VERBS, type);
  }
  if (use === "Standby") {
    need(["get", "create", "update", "watch", "list"], { group: "coordination.k8s.io", resource: "leases" });
    // Condition StandbyQuiet: who has Pods in a standby, and who is refused some.
    for (const resource of ["pods", "events"]) need(["list", "watch"], { group: "", resource });
    // Condition DependenciesMissing: which classes there are.
    for (const type of CLASS_TYPES) need(["list"], type);
  }
  for (const [verbs, group, resource] of volumes ? AGENT_VERBS[use] : []) need(verbs, { group, resource });
  need(use === "Standby" ? ["get", "create"] : ["get"], { group: "", resource: "namespaces" });
  return lacks;
}

/** For people, kinds that lack the same verbs together: `create, patch on deployments.apps`. */
export function describeLacks(lacks: readonly Lack[]): string[] {
  const byVerbs = new Map<string, string[]>();
  for (const lack of lacks) {
    const key = lack.verbs.join(", ");
    byVerbs.set(key, [...(byVerbs.get(key) ?? []), groupResource(lack)]);
  }
  return [...byVerbs].map(([verbs, resources]) => {
    const shown = resources.slice(0, 5).join(", ");
    return `${verbs} on ${shown}${resources.length > 5 ? ` and ${resources.length - 5} more kinds` : ""}`;
  });
}

function allows(rule: Rule, verb: string, { group, resource }: { group: string; resource: string }): boolean {
  return has(rule.verbs, verb) && has(rule.apiGroups, group) && has(rule.resources, resource) &&
    (rule.resourceNames ?? []).length === 0;
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(wanted));
}
