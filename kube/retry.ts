/**
 * Whether a throttled call is tried again, and when.
 *
 * @module
 */

import { type Clock, waitFor } from "./clock.ts";
import type { Deadline } from "./deadline.ts";
import { KubeError } from "./errors.ts";

/** How often a throttled call is tried again at most. */
export const MAX_RETRIES = 3;
/** The wait when the server named none. */
const DEFAULT_WAIT_MS = 1_000;
/** Spread on top of the server's wait, so that calls throttled together do not return together. */
const JITTER = 0.2;

/** What is known about an attempt that failed. */
export interface Attempt {
  readonly method: string;
  readonly httpStatus: number;
  /** What the server asked for. */
  readonly retryAfterMs?: number;
  /** Retries so far. */
  readonly retries: number;
  /** Time left until the deadline of the call. */
  readonly remainingMs: number;
}

/**
 * Milliseconds until the next attempt, undefined when there is none.
 * A 429 was not processed, so any method may be sent again; after a 503 nobody knows, so only a GET is.
 */
export function planRetry(attempt: Attempt, random: () => number): number | undefined {
  const { method, httpStatus, retries, remainingMs } = attempt;
  const again = httpStatus === 429 || (httpStatus === 503 && method === "GET");
  if (!again || retries >= MAX_RETRIES) return undefined;
  const baseMs = attempt.retryAfterMs ?? DEFAULT_WAIT_MS * 2 ** retries;
  const waitMs = baseMs * (1 + JITTER * random());
  return waitMs < remainingMs ? waitMs : undefined;
}

/** Reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date. Undefined when absent or unreadable. */
export function parseRetryAfter(value: string | null, nowEpochMs: number): number | undefined {
  if (value === null || value.trim() === "") return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowEpochMs);
}

/** What `retryThrottled` works with. */
export interface RetryContext {
  readonly method: string;
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onRetry: (retry: { httpStatus: number; retryInMs: number; attempt: number }) => void;
}

/** Runs `once`, and again while the server throttles, within the deadline. Throws what the last attempt threw. */
export async function retryThrottled<T>(once: () => Promise<T>, context: RetryContext): Promise<T> {
  for (let retries = 0;; retries++) {
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const { httpStatus, retryAfterMs } = error;
      const remainingMs = context.deadline.remainingMs();
      const attempt = { method: context.method, httpStatus, retryAfterMs, retries, remainingMs };
      const retryInMs = planRetry(attempt, context.random);
      if (retryInMs === undefined) throw error;
      context.onRetry({ httpStatus, retryInMs, attempt: retries + 1 });
      await waitFor(context.clock, retryInMs, context.deadline.signal);
    }
  }
}
