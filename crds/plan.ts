/**
 * The answer of `dr-syncer plan`, for the planner that makes it and the printer that shows it.
 *
 * @module
 */

/** What a sync would do to one object. `blocked`: it would like to, and cannot. */
export const PLAN_ACTIONS = ["create", "update", "adopt", "recreate", "delete", "orphan", "blocked"] as const;
export type PlanAction = (typeof PLAN_ACTIONS)[number];

/** One field of an object. `from` or `to` is absent where the field is. Values of Secrets are `hmac:…`. */
export interface PlannedField {
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One object that a sync would touch, or cannot. */
export interface PlannedChange {
  readonly action: PlanAction;
  /** API group, empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** `*` when a whole kind is blocked. */
  readonly name: string;
  /** Of updates and adoptions. */
  readonly fields?: readonly PlannedField[];
  /** Of what is blocked: a failure class, or the type of a hold. */
  readonly reason?: string;
  readonly message?: string;
  /** False: the DR cluster cannot judge it before the namespace or definition is there. */
  readonly checked?: false;
}

/** What a sync of one Replication would do. */
export interface ReplicationPlan {
  /** namespace/name. */
  readonly replication: string;
  /** cluster/namespace. */
  readonly source: string;
  readonly destination: string;
  /** Of a Replication with a selector: those that it owns or would own, each with a plan of its own. */
  readonly children?: readonly string[];
  /** Absent while a cluster could not be reached, and of a Replication with a selector. */
  readonly replicationId?: string;
  readonly summary: Readonly<Record<PlanAction, number>> & { readonly unchanged: number };
  readonly changes: readonly PlannedChange[];
  /** Why there is no plan, or no whole one. */
  readonly errors: readonly string[];
  /** What is worth knowing. */
  readonly notes: readonly string[];
}

/** The document that `-o json` and `-o yaml` print. */
export interface Plan {
  readonly replications: readonly ReplicationPlan[];
}
