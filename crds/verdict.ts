/**
 * What is wrong with an object, for the webhook's answer and the `Valid` condition alike.
 *
 * @module
 */

/** Why something is refused or warned about; also the reason of condition `Valid`. */
export type ProblemReason =
  | "NotHonoured" // the object is where the controller does not look
  | "ProtectedNamespace" // a system namespace, or our own
  | "SameEnds" // source and destination are the same namespace
  | "TargetTaken" // an older Replication writes this target
  | "Cycle" // a chain of standbys that ends where it began
  | "TenantNotAllowed" // a tenant asks for more than its own
  | "ScheduleInvalid" // a cron expression that cannot be parsed
  | "ScheduleNeverFires" // a cron expression without any time
  | "ScheduleMissing" // mode Scheduled, and no schedule anywhere
  | "ScheduleUnexpected" // a schedule or time zone in another mode
  | "TimeZoneInvalid"
  | "DurationInvalid"
  | "BudgetInvalid"
  | "KeyReserved" // a label or annotation that is ours alone
  | "TemplateInvalid" // a template of DR namespaces that cannot name them
  | "SelectorInvalid" // a label selector that no API server would take
  | "OverrideInvalid" // an override that can never be carried out, or would make a copy nobody's
  | "ClusterMissing" // a RemoteCluster that does not exist yet
  | "KubeconfigInvalid" // a RemoteCluster whose kubeconfig is not usable yet
  | "SecretMissing" // a Secret that does not exist yet
  | "TypeUnknown"; // a kind that the source does not serve yet

/** One thing that is wrong. */
export interface Problem {
  /** Path of the field, `spec.schedule` for example. */
  readonly field: string;
  /** What the field says; empty when it says nothing. */
  readonly value: string;
  /** Why that is wrong. */
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
  readonly reason: ProblemReason;
}

/** What is wrong with an object: what can never be right, and what may yet become right. */
export interface Verdict {
  readonly denials: Problem[];
  readonly warnings: Problem[];
}

/** A problem in one line: field, value, why, remedy. */
export function describe({ field, value, message, remedy }: Problem): string {
  const says = value === "" ? "(empty)" : JSON.stringify(value);
  return `${field}: ${says}: ${message}; ${remedy}`;
}
