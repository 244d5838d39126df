/**
 * AdmissionReview v1 in, verdict out; pure. What a review contains never leaves this module but as a verdict or a key.
 *
 * Source: Kubernetes "Dynamic Admission Control", admission.k8s.io/v1.
 *
 * @module
 */

/** The operations an API server asks about. */
export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** The parts of `AdmissionReview.request` that we read; objects stay raw. */
export interface ReviewRequest {
  readonly uid: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly operation: Operation;
  readonly userName: string;
  readonly dryRun: boolean;
  readonly object: Record<string, unknown> | undefined;
  readonly oldObject: Record<string, unknown> | undefined;
}

/** "This key may have changed." The only thing that leaves the admission server. */
export interface Hint {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** `scale`, or empty. */
  readonly subresource: string;
  readonly namespace: string;
  /** Empty when the API server had no name to tell. */
  readonly name: string;
  readonly operation: Operation;
  /** Always false for reviews too large to be read whole: a superfluous hint costs one read, a lost one costs time. */
  readonly dryRun: boolean;
  readonly userName: string;
}

/** The answer, as it is sent. */
export interface AdmissionAnswer {
  readonly apiVersion: "admission.k8s.io/v1";
  readonly kind: "AdmissionReview";
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
    readonly warnings?: readonly string[];
  };
}

/** A review that could be read, or what is wrong with it. */
export type Parsed =
  | { readonly ok: true; readonly request: ReviewRequest }
  | { readonly ok: false; readonly uid: string; readonly problem: string };

/** Checks an AdmissionReview; never throws. */
export function parseReview(review: unknown): Parsed {
  const request = record(record(review)?.request);
  const uid = text(request?.uid);
  const broken = (problem: string): Parsed => ({ ok: false, uid, problem });
  if (!request) return broken("AdmissionReview has no request");
  if (uid === "") return broken("request.uid is missing");
  const resource = record(request.resource);
  if (!resource || text(resource.resource) === "") return broken("request.resource is missing");
  const operation = request.operation;
  if (!isOperation(operation)) return broken(`request.operation is unknown: ${JSON.stringify(operation)}`);
  return {
    ok: true,
    request: {
      uid,
      group: text(resource.group),
      version: text(resource.version),
      resource: text(resource.resource),
      subresource: text(request.subResource),
      namespace: text(request.namespace),
      name: text(request.name) || nameOf(request.object) || nameOf(request.oldObject),
      operation,
      userName: text(record(request.userInfo)?.username),
      dryRun: request.dryRun === true,
      object: record(request.object),
      oldObject: record(request.oldObject),
    },
  };
}

/** The key of a request; undefined when there is nothing to look at (no namespace, or a dry run). */
export function toHint(request: ReviewRequest): Hint | undefined {
  if (request.namespace === "" || request.dryRun) return undefined;
  const { group, version, resource, subresource, namespace, name, operation, dryRun, userName } = request;
  return { group, version, resource, subresource, namespace, name, operation, dryRun, userName };
}

/** The answer that lets a request pass. */
export function allow(uid: string, warnings: readonly string[] = []): AdmissionAnswer {
  const response = warnings.length === 0 ? { uid, allowed: true } : { uid, allowed: true, warnings: trim(warnings) };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}

/** The answer that denies a request, as an Invalid (422) with all reasons in the message. */
export function deny(
  uid: string,
  reasons: readonly string[],
  warnings: readonly string[] = [],
  code = 422,
): AdmissionAnswer {
  const status = { code, reason: REASONS[code] ?? "Invalid", message: reasons.join("; ") };
  const response = { uid, allowed: false, status, ...(warnings.length === 0 ? {} : { warnings: trim(warnings) }) };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  413: "RequestEntityTooLarge",
  422: "Invalid",
  503: "ServiceUnavailable",
};

const WARNING_CHARS = 256; // longer ones are cut by API servers
const WARNINGS_CHARS = 4096; // what is over this in sum is dropped by them

/** Cuts warnings to what an API server passes on. */
function trim(warnings: readonly string[]): string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const warning of warnings) {
    const short = warning.length > WARNING_CHARS ? `${warning.slice(0, WARNING_CHARS - 1)}…` : warning;
    chars += short.length;
    if (chars > WARNINGS_CHARS) break;
    kept.push(short);
  }
  return kept;
}

function isOperation(value: unknown): value is Operation {
  return value === "CREATE" || value === "UPDATE" || value === "DELETE" || value === "CONNECT";
}

function nameOf(object: unknown): string {
  return text(record(record(object)?.metadata)?.name);
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : undefined;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
