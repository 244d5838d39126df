/**
 * Reads what stands before the objects in an AdmissionReview, so that a hint for a 1 MiB object costs no 1 MiB parse.
 *
 * API servers write `request` in the order of the Go struct: uid, kind, resource, …, name, namespace, operation,
 * userInfo, and only then object, oldObject, dryRun, options (k8s.io/api/admission/v1). Whatever does not look like that
 * is parsed as a whole.
 *
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
const MARK = new TextEncoder().encode('"object":');

/** Below this a full parse is as fast, and knows `dryRun` too. */
export const WHOLE_PARSE_BYTES = 16_384;
/** A head longer than this (hundreds of groups in userInfo) is left to a full parse. */
const HEAD_LIMIT_BYTES = 65_536;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses the review without its objects when it is large and they can be left out, else as a whole.
 * Throws `SyntaxError` or `TypeError` when the body is not JSON in UTF-8.
 */
export function parseForHint(body: Uint8Array): unknown {
  if (body.length > WHOLE_PARSE_BYTES) {
    const head = parseHead(body);
    if (head !== undefined) return head;
  }
  return JSON.parse(decoder.decode(body));
}

/** The review up to `request.object`; undefined when the head cannot stand alone. */
export function parseHead(body: Uint8Array): unknown {
  const end = findObject(body);
  if (end === -1) return undefined;
  try {
    const review = JSON.parse(decoder.decode(body.subarray(0, end)) + "}}");
    return isEnough(review) ? review : undefined;
  } catch {
    return undefined;
  }
}

/** Offset of the comma before the key `object` of the second-level object; -1 when it is not in reach. */
function findObject(body: Uint8Array): number {
  const limit = Math.min(body.length - MARK.length, HEAD_LIMIT_BYTES);
  let depth = 0;
  for (let at = 0; at < limit; at++) {
    switch (body[at]) {
      case QUOTE:
        at = endOfString(body, at, limit);
        break;
      case OPEN:
      case OPEN_LIST:
        depth++;
        break;
      case CLOSE:
      case CLOSE_LIST:
        depth--;
        break;
      case COMMA:
        if (depth === 2 && startsWithMark(body, at + 1)) return at;
    }
  }
  return -1;
}

function endOfString(body: Uint8Array, start: number, limit: number): number {
  for (let at = start + 1; at < limit; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return limit;
}

function startsWithMark(body: Uint8Array, at: number): boolean {
  return MARK.every((byte, index) => body[at + index] === byte);
}

/** Without a name (collections, generateName) the object has to tell it. */
function isEnough(review: unknown): boolean {
  const request = (review as { request?: { uid?: unknown; operation?: unknown; name?: unknown } }).request;
  return typeof request?.uid === "string" && typeof request.operation === "string" &&
    typeof request.name === "string" && request.name !== "";
}
