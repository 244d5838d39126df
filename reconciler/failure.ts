/**
 * Failure classes: each has its own back-off, and a remedy a person can act on.
 *
 * @module
 */
import { isKubeError, type KubeError } from "../kube/errors.ts";

/** Why an object is not in DR. */
export type FailureClass =
  | "Transient"
  | "Unreachable"
  | "Throttled"
  | "Conflict"
  | "Denied"
  | "Quota"
  | "Immutable"
  | "FieldUnknown"
  | "KindMissing"
  | "NamespaceMissing"
  | "NamespaceTerminating"
  | "Invalid"
  | "Forbidden"
  | "Fenced";

/** A failed attempt at one object. */
export interface Failure {
  readonly failureClass: FailureClass;
  /** What happened and what to do; never holds values of the object. */
  readonly message: string;
  /** What a person can do, where the class does not say it. */
  readonly remedy?: string;
  /** What the server asked for, in milliseconds. */
  readonly retryAfterMs?: number;
}

interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly remedy: string;
}

const BACK_OFF: Readonly<Record<FailureClass, BackOff>> = {
  Transient: { firstMs: 200, maxMs: 60_000, remedy: "retried by itself" },
  Unreachable: { firstMs: 500, maxMs: 30_000, remedy: "retried as soon as the DR cluster answers" },
  Throttled: { firstMs: 1_000, maxMs: 30_000, remedy: "retried when the server allows it" },
  Conflict: {
    firstMs: 30_000,
    maxMs: 600_000,
    remedy:
      "an object of that name that is not ours is in the DR namespace: delete or rename it, or set conflictPolicy: Adopt",
  },
  Denied: {
    firstMs: 5_000,
    maxMs: 300_000,
    remedy: "an admission policy of the DR cluster refuses it: change the policy or ignore the object",
  },
  Quota: { firstMs: 10_000, maxMs: 300_000, remedy: "raise the quota in the DR namespace" },
  Immutable: {
    firstMs: 30_000,
    maxMs: 600_000,
    remedy: "the change needs the copy to be created anew: delete it in DR, or set immutableFieldPolicy: Recreate",
  },
  FieldUnknown: {
    firstMs: 60_000,
    maxMs: 600_000,
    remedy: "upgrade the DR cluster or its CRD",
  },
  KindMissing: { firstMs: 5_000, maxMs: 60_000, remedy: "install the kind's CRD or API in the DR cluster" },
  NamespaceMissing: { firstMs: 1_000, maxMs: 30_000, remedy: "the namespace is created again by itself" },
  NamespaceTerminating: { firstMs: 2_000, maxMs: 30_000, remedy: "wait until the DR namespace is gone" },
  Invalid: {
    firstMs: 10_000,
    maxMs: 600_000,
    remedy: "the DR cluster rejects the object: compare the versions of both clusters",
  },
  Forbidden: {
    firstMs: 10_000,
    maxMs: 120_000,
    remedy: "grant the DR credential this verb (deploy/dr-cluster has the role), or replace a token that has expired",
  },
  Fenced: { firstMs: 10_000, maxMs: 60_000, remedy: "see the condition Fenced" },
};

/** Every class. */
export const FAILURE_CLASSES = Object.keys(BACK_OFF) as readonly FailureClass[];

/** Delay before the next attempt, in milliseconds: exponential with full jitter in its upper half. */
export function backOffMs(failure: Failure, attempts: number, random: () => number): number {
  const { firstMs, maxMs } = BACK_OFF[failure.failureClass];
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempts, 20));
  return Math.max(failure.retryAfterMs ?? 0, ceiling / 2 + random() * ceiling / 2);
}

/** What a person can do about a failure. */
export function remedyOf({ failureClass, remedy }: Failure): string {
  return remedy ?? BACK_OFF[failureClass].remedy;
}

/** An override that does not fit the object: nothing is written. */
export function overrideFailure(message: string): Failure {
  return { failureClass: "Invalid", message, remedy: "correct the override, or narrow its match" };
}

/** Classifies an error of a write to the DR cluster (or of the read before it). */
export function classify(error: unknown): Failure {
  if (!isKubeError(error)) {
    return { failureClass: "Transient", message: error instanceof Error ? error.message : String(error) };
  }
  const failureClass = classOf(error);
  const isSecret = error.status?.details?.kind === "secrets";
  const message = isSecret ? withoutWordsOfPolicies(safeMessage(error)) : safeMessage(error);
  const failure = { failureClass, message, retryAfterMs: error.retryAfterMs };
  return NO_EXPANSION.test(message) ? { ...failure, remedy: EXPANSION_REMEDY } : failure;
}

/** What the API server says to a claim whose StorageClass does not let it grow. */
const NO_EXPANSION = /must support resize/;
const EXPANSION_REMEDY =
  "set allowVolumeExpansion on the StorageClass in DR, or delete the copy there: it is made anew";

/** The words of the API server for a field that cannot be changed in place; each kind has its own. */
const IMMUTABLE =
  /immutable|may not (be changed|change once set)|updates to .* are forbidden|can not be (modified|less than)|can only be modified|cannot change roleRef/i;

/** What a decoder says of a value that does not fit its field, which may be called `immutable`. */
const MISTYPED = /failed to create typed patch object|cannot unmarshal|unable to decode/i;

/**
 * Whether every reason of a refusal is a field that cannot change in place: nothing else is wrong with the object. A server that
 * names no field at all is not believed.
 */
export function isImmutable(error: unknown): boolean {
  if (!isKubeError(error, "Invalid") || classOf(error) !== "Immutable") return false;
  const causes = error.status?.details?.causes ?? [];
  return causes.length > 0 && causes.every(({ message = "" }) => saysImmutable(message));
}

/** The words around what is quoted: a value may be called so, too. */
function saysImmutable(text: string): boolean {
  return IMMUTABLE.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '""'));
}

/** Of causes the name of the field is not among the words. */
function isAboutImmutable({ status }: KubeError): boolean {
  const causes = status?.details?.causes ?? [];
  if (causes.length > 0) return causes.some(({ message = "" }) => saysImmutable(message));
  return !MISTYPED.test(status?.message ?? "") && saysImmutable(status?.message ?? "");
}

/** What ResourceQuota and LimitRange say. */
const QUOTA =
  /exceeded quota|status unknown for quota|(minimum|maximum) .* usage|max limit to request ratio|limit range/i;

/** The words that API servers put around a denial. A webhook chooses the code of its answer, 404, 409 and 429 included. */
const DENIED =
  /admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy .*denied request|violates PodSecurity/s;

/** What server-side apply and a strict create say of a field that the server does not know. */
const UNKNOWN_FIELD = /field not declared in schema|strict decoding error: unknown field/;

function classOf(error: KubeError): FailureClass {
  const text = error.status?.message ?? "";
  if (DENIED.test(text)) return "Denied";
  switch (error.reason) {
    case "Unreachable":
    case "Timeout":
    case "Unavailable":
      return "Unreachable";
    case "Throttled":
      return "Throttled";
    case "KindMissing":
      return "KindMissing";
    case "NotFound":
      return error.status?.details?.kind === "namespaces" ? "NamespaceMissing" : "Transient";
    case "Forbidden":
      if (hasCause(error, "NamespaceTerminating") || /being terminated/.test(text)) return "NamespaceTerminating";
      if (NO_EXPANSION.test(text)) return "Immutable";
      return QUOTA.test(text) ? "Quota" : "Forbidden";
    case "Unauthorized":
      return "Forbidden";
    case "BadRequest":
    case "Invalid":
      if (UNKNOWN_FIELD.test(text)) return "FieldUnknown";
      return isAboutImmutable(error) ? "Immutable" : "Invalid";
    case "ServerError":
      return UNKNOWN_FIELD.test(text) ? "FieldUnknown" : "Transient";
    case "TooLarge":
      return "Invalid";
    default:
      return "Transient";
  }
}

function hasCause({ status }: KubeError, reason: string): boolean {
  return status?.details?.causes?.some((cause) => cause.reason === reason) ?? false;
}

/**
 * The server's words without what it quotes of the object: validation errors repeat the offending value, which may come from a
 * Secret. Causes name the field; the quoted value is cut.
 */
function safeMessage(error: KubeError): string {
  const causes = error.status?.details?.causes ?? [];
  if (error.reason !== "Invalid" || causes.length === 0) return withoutQuotes(error.message);
  // What an admission policy says comes as a cause without a field.
  const fields = causes.map(({ field, message, reason }) =>
    `${field === undefined ? "" : `${field}: `}${withoutQuotes(message ?? reason ?? "")}`
  );
  return `${error.status?.details?.kind ?? "object"} is invalid in DR: ${fields.join("; ")}`.slice(0, 1024);
}

/** Who denied it, without the text of its own making: that may quote what it denies. */
function withoutWordsOfPolicies(text: string): string {
  return text.replace(/(denied (?:the )?request).*/s, "$1 (its words are not shown: they may quote the Secret)");
}

/** A field error with the value it complains about: quoted, a plain word or number, or a dump of anything. */
const FIELD_VALUE =
  /((?:Invalid|Unsupported|Duplicate) value|Not found): (?:"(?:[^"\\]|\\.)*"|[\w.+-]+(?=[:,;]|$)|.*)/gs;
/** What decoders repeat of a body: `expected map, got &{…}`, `error found in #10 byte of …|…|`. */
const DECODER_DUMP = /(, got |error found in #).*/gs;

function withoutQuotes(text: string): string {
  return text.replace(FIELD_VALUE, "$1").replace(DECODER_DUMP, "$1(not shown)").slice(0, 1024);
}
