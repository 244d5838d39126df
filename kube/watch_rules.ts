/**
 * Rules of a watch that need no state: how long to wait, what an error means, how much to ask for.
 *
 * @module
 */
import type { KubeError, KubeErrorReason } from "./errors.ts";

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
/** What only a person or another controller mends (RBAC, a CRD): asked for at leisure. */
const PATIENT_DELAY_MS = 5_000;
const PATIENT: readonly KubeErrorReason[] = ["Forbidden", "KindMissing", "NotFound"];
const FIRST_PAGE = 25;
const MAX_PAGE = 500;
const PAGE_BYTES = 8 * 1024 * 1024;

/**
 * How long to wait after a failure, in milliseconds: full jitter between 0 and 0.2 s, doubling to 30 s; at least what
 * the server asked for; 5 to 30 s when the kind is forbidden or missing.
 *
 * @param failures How many came before this one in a row.
 * @param random In [0, 1).
 */
export function backOffMs(failures: number, error: KubeError, random: number): number {
  const doubled = 2 ** Math.min(failures, 16);
  if (PATIENT.includes(error.reason)) {
    const mostMs = Math.min(2 * PATIENT_DELAY_MS * doubled, MAX_DELAY_MS);
    return Math.round(PATIENT_DELAY_MS + random * (mostMs - PATIENT_DELAY_MS));
  }
  const jitteredMs = Math.round(random * Math.min(FIRST_DELAY_MS * doubled, MAX_DELAY_MS));
  return (error.retryAfterMs ?? 0) + jitteredMs;
}

/** Whether the server does not do WatchList: an older one says Invalid, an aggregated one BadRequest. */
export function isRefusal(error: KubeError): boolean {
  return error.reason === "Invalid" || error.reason === "BadRequest";
}

/** Whether a stream that ended with this error can go on where it was, on this server or another. */
export function isTransientLine(error: KubeError): boolean {
  if (error.reason === "Throttled") return true;
  // A server of several whose cache is behind the others says this; whether all went back, the probe tells.
  return error.status?.details?.causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") ?? false;
}

/**
 * Order of two resourceVersions: negative when `a` is older. They are decimal numbers that grow (KEP-5504; always so
 * with etcd); too long for a number, so compared as text.
 */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How many objects to ask for: few at first, then as many as make 8 MiB, at most 500. */
export function nextPageLimit(last?: { readonly events: readonly unknown[]; readonly sizeBytes: number }): number {
  if (last === undefined || last.events.length === 0) return FIRST_PAGE;
  const objectBytes = Math.max(last.sizeBytes / last.events.length, 1);
  return Math.min(Math.max(Math.floor(PAGE_BYTES / objectBytes), 1), MAX_PAGE);
}
