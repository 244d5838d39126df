/**
 * The quota that keeps a standby empty: our ResourceQuota in the DR namespace, as it should be and as it is.
 *
 * @module
 */
import { COMPONENT } from "../crds/keys.ts";
import type { KubeObject } from "../kube/types.ts";
import { canonicalJson } from "./desired/hash.ts";
import { objectAt } from "./desired/json.ts";
import type { Pods } from "./desired/pods.ts";

/** Its name; what it refuses is refused under this name. */
export const STANDBY_QUOTA = "dr-syncer-standby";
/** Value of label `dr-syncer.io/component` on it: what has it is ours, in a namespace whose fence is ours. */
export const QUOTA_COMPONENT = "standby-quota";
/** PriorityClass of our own Pods, which the quota does not count. */
const AGENT_PRIORITY_CLASS = "dr-syncer-agent";

const SCOPE = {
  matchExpressions: [{ scopeName: "PriorityClass", operator: "NotIn", values: [AGENT_PRIORITY_CLASS] }],
};

/** The quota of a namespace, or what has its name. */
export type StandbyQuota =
  | { readonly type: "Absent" }
  | { readonly type: "Foreign" }
  | {
    readonly type: "Ours";
    readonly live: KubeObject;
    /** Pods that it lets run; undefined when somebody changed it. */
    readonly pods: Pods | undefined;
    /** Whether the DR cluster enforces it: its quota controller has seen it. */
    readonly inForce: boolean;
  };

/** What a live object of the name is. */
export function judgeQuota(live: KubeObject | undefined): StandbyQuota {
  if (live === undefined) return { type: "Absent" };
  if (live.metadata.labels?.[COMPONENT] !== QUOTA_COMPONENT) return { type: "Foreign" };
  const hard = objectAt(live, "spec", "hard") ?? {};
  const enforced = objectAt(live, "status", "hard");
  const scoped = canonicalJson(objectAt(live, "spec", "scopeSelector") ?? {}) === canonicalJson(SCOPE);
  return {
    type: "Ours",
    live,
    pods: scoped ? podsIn(hard.pods) : undefined,
    inForce: hard.pods === enforced?.pods,
  };
}

/** Without a limit the quota stays, as an object that limits nothing. */
export function wantedQuota(namespace: string, pods: Pods): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: STANDBY_QUOTA, namespace, labels: { [COMPONENT]: QUOTA_COMPONENT } },
    spec: { hard: pods === "any" ? {} : { pods: String(pods) }, scopeSelector: SCOPE },
  };
}

/**
 * How many Pods the quota should let run. It is lowered only when every copy is known: after a restart, a workload that
 * may run must not lose its place for a moment.
 */
export function podsWanted(now: Pods | undefined, allowed: Pods, everyCopyIsKnown: boolean): Pods {
  if (everyCopyIsKnown || now === undefined) return allowed;
  return now === "any" || allowed === "any" ? "any" : Math.max(now, allowed);
}

function podsIn(hard: unknown): Pods | undefined {
  if (hard === undefined) return "any";
  return typeof hard === "string" && /^\d+$/.test(hard) ? Number(hard) : undefined;
}
