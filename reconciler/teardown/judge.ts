/**
 * What to do with the standby of a Replication that is being deleted: a decision from plain data, that ends in any case.
 *
 * @module
 */

/** Why a standby is left as it is. Also the reason shown to people. */
export type LeftReason =
  | "RemoteClusterMissing"
  | "IdentityChanged"
  | "IdentityUnknown"
  | "Fenced"
  | "NotStandby"
  | "TakenOver"
  | "GaveUp";

/** What is known when the decision is made. */
export interface TeardownFacts {
  /** The RemoteCluster of the DR cluster exists. */
  readonly remoteExists: boolean;
  /** Another cluster answers behind it, or would be written to. */
  readonly identityChanged: boolean;
  /** The id under which copies were written is known. */
  readonly idKnown: boolean;
  /** Why the DR cluster cannot be used at present; undefined when it can. */
  readonly problem?: string;
  /** `namespace/name` of a Replication that stays and to which the copies belong, too. */
  readonly heir?: string;
  /** How long nothing has moved. */
  readonly stalledForMs: number;
  /** When that is too long. */
  readonly giveUpAfterMs: number;
  /** What the last attempt failed at, if it did. */
  readonly failure?: string;
}

/** What to do next. */
export type TeardownStep =
  | { readonly type: "Work" }
  | { readonly type: "Wait"; readonly why: string; readonly forMs: number }
  | { readonly type: "Leave"; readonly reason: LeftReason; readonly why: string };

/**
 * What can heal is waited for, as long as the bound allows; what cannot, or is not ours to touch, is left at once. A
 * deletion never hangs.
 */
export function judgeTeardown(facts: TeardownFacts): TeardownStep {
  if (facts.heir !== undefined) {
    return { type: "Leave", reason: "TakenOver", why: `Replication ${facts.heir} writes the same DR namespace` };
  }
  if (!facts.remoteExists) {
    return { type: "Leave", reason: "RemoteClusterMissing", why: "its RemoteCluster does not exist any more" };
  }
  if (facts.identityChanged) {
    return {
      type: "Leave",
      reason: "IdentityChanged",
      why: "another cluster answers than the one that was written to",
    };
  }
  const leftMs = facts.giveUpAfterMs - facts.stalledForMs;
  const obstacle = facts.problem ?? facts.failure;
  if (obstacle !== undefined && leftMs <= 0) {
    const why = `nothing has moved for ${Math.round(facts.stalledForMs / 1000)} s: ${obstacle}`;
    return { type: "Leave", reason: "GaveUp", why };
  }
  if (facts.problem !== undefined) return { type: "Wait", why: facts.problem, forMs: leftMs };
  if (!facts.idKnown) {
    return { type: "Leave", reason: "IdentityUnknown", why: "the source cluster is not known, nor what was written" };
  }
  return { type: "Work" };
}
