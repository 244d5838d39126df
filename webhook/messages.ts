/**
 * What the main thread and the admission thread say to each other.
 *
 * @module
 */
import type { HintCounts } from "./hint_queue.ts";
import type { Hint } from "./review.ts";
import type { RequestCounts } from "./server.ts";
import type { WorldSnapshot } from "./world.ts";
import type { CertificatePair } from "./x509.ts";

/** Everything the admission thread counts, since it began. */
export interface AdmissionStats extends RequestCounts, HintCounts {
  /** TLS handshakes that failed: mostly API servers that do not trust our CA. */
  readonly handshakeFailures: number;
}

/** Main thread → admission thread. */
export type ToWorker =
  | {
    readonly type: "start";
    readonly host: string;
    readonly port: number;
    readonly certificate: CertificatePair;
    readonly world: WorldSnapshot | undefined;
  }
  | { readonly type: "certificate"; readonly certificate: CertificatePair }
  | { readonly type: "world"; readonly world: WorldSnapshot }
  | { readonly type: "taken" } // the last batch of hints has arrived
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "drain" } // others take over: connections end with the answers
  | { readonly type: "stop" };

/** Admission thread → main thread. */
export type FromWorker =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "hints"; readonly hints: readonly Hint[] }
  | { readonly type: "pong"; readonly id: number; readonly stats: AdmissionStats }
  | { readonly type: "error"; readonly message: string; readonly fatal: boolean }
  | { readonly type: "stopped" };

/** Counts at zero. */
export const NO_STATS: AdmissionStats = {
  observed: 0,
  validated: 0,
  denied: 0,
  malformed: 0,
  oversize: 0,
  failedChecks: 0,
  pushed: 0,
  coalesced: 0,
  dropped: 0,
  pending: 0,
  handshakeFailures: 0,
};

/** Sum of two lives. */
export function addStats(a: AdmissionStats, b: AdmissionStats): AdmissionStats {
  const keys = Object.keys(NO_STATS) as (keyof AdmissionStats)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as AdmissionStats;
}
