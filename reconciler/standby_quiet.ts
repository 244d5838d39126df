/**
 * Condition `StandbyQuiet`: whether anything of the application runs, or tries to, where nothing should.
 *
 * @module
 */
import type { ConditionUpdate } from "../crds/conditions.ts";
import type { Pods } from "./desired/pods.ts";

/** Who has Pods in the standby. */
export interface Intruder {
  /** `Deployment web`, `StatefulSet queue of Queue queue`, `Pod debug`. */
  readonly name: string;
  readonly pods: number;
  /** Nothing that this Replication mirrors started them. */
  readonly foreign: boolean;
}

/** What is known of a standby. */
export interface StandbyFacts {
  /** `spec.scaleToZero`. */
  readonly wanted: boolean;
  readonly intruders: readonly Intruder[];
  /** Who is refused Pods. */
  readonly refused: readonly string[];
  /** Pods that the quota lets run; undefined while there is none of ours. */
  readonly quota?: Pods;
  /** The DR cluster enforces the quota. */
  readonly inForce: boolean;
  /** Why it is not known whether the standby is quiet. */
  readonly problem?: { readonly reason: string; readonly message: string };
}

/** Most culprits that a message names. */
const MAX_NAMES = 10;

/** Works the condition out. */
export function standbyQuiet(facts: StandbyFacts): Omit<ConditionUpdate, "observedGeneration"> {
  const update = (status: "True" | "False" | "Unknown", reason: string, message: string) =>
    ({ type: "StandbyQuiet", status, reason, message }) as const;
  const { intruders, refused, problem, quota } = facts;
  if (!facts.wanted) {
    return update("Unknown", "NotScaledToZero", "spec.scaleToZero is false: the application may run in DR");
  }
  if (intruders.length > 0) {
    const isFree = quota === undefined && intruders.some(({ foreign }) => foreign);
    return update("False", isFree ? "ForeignPods" : "PodsRunning", running(intruders, refused, isFree));
  }
  if (refused.length > 0) {
    return update("False", "PodsRefused", `${listed(refused)} tries to start Pods in the standby and is refused`);
  }
  if (problem !== undefined) return update("Unknown", problem.reason, problem.message);
  if (!facts.inForce) {
    const message =
      "no Pod runs, but the DR cluster does not enforce the quota yet: its quota controller has not seen it";
    return update("Unknown", "QuotaNotInForce", message);
  }
  return update("True", "Quiet", quiet(quota));
}

function running(intruders: readonly Intruder[], refused: readonly string[], isFree: boolean): string {
  const names = listed(intruders.map(({ name, pods }) => pods === 1 ? name : `${name} (${pods})`));
  const also = refused.length === 0 ? "" : `; ${listed(refused)} tries to start more and is refused`;
  const why = isFree
    ? "; no quota is set, since it would keep those that were here before from being started anew: move them to " +
      "another namespace, or mirror into another one"
    : "";
  return `Pods run in the standby: of ${names}${also}${why}`;
}

function quiet(quota: Pods | undefined): string {
  if (quota === "any") return "only what label dr-syncer.io/scale-override lets run may run, in any number";
  if (quota === undefined || quota === 0) return "nothing of the application runs";
  return `only what label dr-syncer.io/scale-override lets run may run, ${quota} Pods at most`;
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
