/**
 * From an HTTP answer that is not a success to a `KubeError`.
 *
 * @module
 */
import { KubeError, type KubeErrorReason, type KubeStatus } from "./errors.ts";
import { redactStatus, serverMessage } from "./redact.ts";
import { parseRetryAfter } from "./retry.ts";

/** An answer that was no success. */
export interface FailedAnswer {
  /** What was attempted: "get configmaps app/web". */
  readonly action: string;
  readonly httpStatus: number;
  readonly bodyText: string;
  readonly retryAfter: string | null;
  /** The call carried secret values: nothing of the server's own words that may quote them is kept. */
  readonly sensitive?: boolean;
  /** Wall-clock time, for a Retry-After that is a date. */
  readonly nowEpochMs: number;
}

/** A webhook chooses the code of its denial: a 404 or 409 of this kind says nothing about the object. */
const DENIED_BY_WEBHOOK = /^admission webhook "[^"]*" denied the request/;

/** Turns the answer into the error its caller gets. */
export function kubeErrorOf(answer: FailedAnswer): KubeError {
  const parsed = parseStatus(answer.bodyText);
  const status = parsed === undefined ? undefined : redactStatus(parsed, answer.sensitive ?? false);
  const reason = reasonOf(answer.httpStatus, parsed);
  const words = status === undefined ? plainWords(answer) : serverMessage(status);
  const message = `Cannot ${answer.action}: ${words || `HTTP ${answer.httpStatus}`}`;
  const retryAfterMs = parseRetryAfter(answer.retryAfter, answer.nowEpochMs) ?? bodyRetryAfterMs(parsed);
  return new KubeError(reason, message, { httpStatus: answer.httpStatus, status, retryAfterMs });
}

/** The reason of an HTTP status together with the Status object that came with it, if one did. */
export function reasonOf(httpStatus: number, status: KubeStatus | undefined): KubeErrorReason {
  if (DENIED_BY_WEBHOOK.test(status?.message ?? "")) return "Forbidden";
  switch (httpStatus) {
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      // Without a name it is the path the server does not know, also when it says so in a Status.
      return status?.details?.name === undefined ? "KindMissing" : "NotFound";
    case 409:
      return status?.reason === "AlreadyExists" ? "AlreadyExists" : "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "TooLarge";
    case 422:
      return "Invalid";
    case 429:
      return "Throttled";
    case 502: // of a load balancer with no server behind it
    case 503:
      return "Unavailable";
  }
  if (httpStatus >= 500) return hiddenReason(status) ?? "ServerError";
  if (httpStatus >= 400) return "BadRequest";
  return "BadResponse";
}

/** What the API server answers with 500 although trying again can never help. */
function hiddenReason(status: KubeStatus | undefined): KubeErrorReason | undefined {
  const words = status?.message ?? "";
  // etcd's own limit (1.5 MiB) is below the API server's (3 MiB).
  if (/etcdserver: request is too large|message larger than max/.test(words)) return "TooLarge";
  // Server-side apply of a body that does not fit the schema.
  return /^failed to create typed patch object/.test(words) ? "Invalid" : undefined;
}

/** The Status object in a body, undefined when it is none. */
export function parseStatus(bodyText: string): KubeStatus | undefined {
  if (!bodyText.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(bodyText);
    return isStatus(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is a Status object of the API. */
export function isStatus(value: unknown): value is KubeStatus {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Status";
}

/** What a server says that is no Status: the first line of plain text, or nothing. */
function plainWords(answer: FailedAnswer): string {
  if (answer.sensitive || /^\s*[<{]/.test(answer.bodyText)) return `HTTP ${answer.httpStatus}`;
  return answer.bodyText.trim().split("\n", 1)[0]?.slice(0, 200) ?? "";
}

function bodyRetryAfterMs(status: KubeStatus | undefined): number | undefined {
  const seconds = status?.details?.retryAfterSeconds;
  return typeof seconds === "number" && seconds > 0 ? seconds * 1_000 : undefined;
}
