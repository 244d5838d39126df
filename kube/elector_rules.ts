/**
 * Who leads, decided as client-go does it (tools/leaderelection): the clock of the holder is never trusted, only how long
 * a Lease has not changed before our own eyes.
 *
 * @module
 */
import type { Lease, LeaseFields } from "./lease.ts";
import { microTime } from "./lease.ts";

/** What was seen of the Lease, and since when (our own monotonic clock) it looks like that. */
export interface Sighting {
  readonly holder: string;
  readonly fingerprint: string;
  readonly sinceMs: number;
}

/** What to do about a Lease: make it, keep it, take it, or leave it to its holder. */
export type LeaseMove = "create" | "renew" | "take" | "wait";

/** Who asks, and when. */
export interface ElectorContext {
  readonly identity: string;
  readonly leaseDurationMs: number;
  /** Monotonic. */
  readonly nowMs: number;
}

/** What is known of a Lease after reading it (undefined: there is none) when `before` was known. */
export function sight(before: Sighting | undefined, lease: Lease | undefined, nowMs: number): Sighting | undefined {
  if (lease === undefined) return undefined;
  const { holderIdentity = "", renewTime, acquireTime, leaseTransitions, leaseDurationSeconds } = lease;
  const fingerprint = JSON.stringify([
    lease.uid,
    holderIdentity,
    renewTime,
    acquireTime,
    leaseTransitions,
    leaseDurationSeconds,
  ]);
  if (before?.fingerprint === fingerprint) return before;
  return { holder: holderIdentity, fingerprint, sinceMs: nowMs };
}

/** The move to make on what is known. */
export function chooseMove(seen: Sighting | undefined, context: ElectorContext): LeaseMove {
  if (seen === undefined) return "create";
  if (seen.holder === context.identity) return "renew";
  if (seen.holder === "") return "take";
  return context.nowMs - seen.sinceMs >= context.leaseDurationMs ? "take" : "wait";
}

/** The fields a move writes. */
export function fieldsOf(
  move: "create" | "renew" | "take" | "release",
  lease: Lease | undefined,
  context: { readonly identity: string; readonly leaseDurationMs: number; readonly wallMs: number },
): LeaseFields {
  const now = microTime(context.wallMs);
  const transitions = lease?.leaseTransitions ?? 0;
  if (move === "release") {
    // A second, as the API wants a positive number: whoever still waits for it to run out waits no longer.
    return { holderIdentity: "", leaseDurationSeconds: 1, renewTime: now };
  }
  return {
    holderIdentity: context.identity,
    leaseDurationSeconds: Math.ceil(context.leaseDurationMs / 1_000),
    renewTime: now,
    acquireTime: move === "renew" ? lease?.acquireTime ?? now : now,
    leaseTransitions: move === "take" ? transitions + 1 : transitions,
  };
}
