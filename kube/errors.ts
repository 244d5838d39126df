/**
 * Errors of calls to an API server.
 *
 * @module
 */

/** Why a call failed. Callers switch on this, never on the text. */
export type KubeErrorReason =
  | "NotFound" // 404 with a Status: the object is not there
  | "KindMissing" // 404 in plain text: the server does not know the path
  | "AlreadyExists" // 409
  | "Conflict" // 409 on resourceVersion, or a precondition
  | "Gone" // 410: the resourceVersion or continue token is too old
  | "Invalid" // 422
  | "BadRequest" // 400, and other 4xx
  | "Forbidden" // 403
  | "Unauthorized" // 401
  | "Throttled" // 429
  | "TooLarge" // 413
  | "ServerError" // 5xx
  | "Unavailable" // 503, or a server that is shutting down
  | "Timeout" // the deadline of the call passed
  | "Unreachable" // no connection, or it broke
  | "Aborted" // the caller's signal
  | "BadResponse"; // an answer that is not what the API promises

/** The Status object of the API (meta/v1). */
export interface KubeStatus {
  kind?: string;
  status?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
  metadata?: { continue?: string; resourceVersion?: string };
}

/** A failed call: what was attempted, why it failed, and the server's own words. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly reason: KubeErrorReason;
  /** HTTP status, 0 when there was no answer. */
  readonly httpStatus: number;
  readonly status?: KubeStatus;
  /** How long the server asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(reason: KubeErrorReason, message: string, options: {
    httpStatus?: number;
    status?: KubeStatus;
    retryAfterMs?: number;
    cause?: unknown;
  } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.httpStatus = options.httpStatus ?? 0;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether an error is a `KubeError` with one of these reasons. */
export function isKubeError(error: unknown, ...reasons: KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
}
