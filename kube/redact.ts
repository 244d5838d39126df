/**
 * What a server says about a refused object may quote the object. Messages must not.
 *
 * @module
 */
import type { KubeStatus } from "./errors.ts";

/** Quoted values longer than this, or made of several fields, are left out. */
const MAX_VALUE_CHARS = 80;
/** Longest message that is kept. */
const MAX_MESSAGE_CHARS = 1_000;
const MAX_CAUSES = 5;

/** One line of the server's own words. A 422 is put together from its causes, whose values are known to be values. */
export function serverMessage(status: KubeStatus): string {
  const causes = status.details?.causes ?? [];
  const invalid = status.code === 422 && causes.length > 0;
  if (!invalid) return status.message ?? "";
  const named = causes.slice(0, MAX_CAUSES).map((cause) => `${cause.field ?? "?"}: ${cause.message ?? cause.reason}`);
  const more = causes.length > MAX_CAUSES ? `, and ${causes.length - MAX_CAUSES} more` : "";
  return cut(`${nameOf(status)} is invalid: ${named.join(", ")}${more}`);
}

/**
 * A Status that quotes no request body. Sensitive: nothing that may be a value is kept. Otherwise short values stay, as
 * `Invalid value: -1`, and long ones and structures (a whole pod template) go.
 */
export function redactStatus(status: KubeStatus, sensitive: boolean): KubeStatus {
  const redact = sensitive ? redactEverything : redactLong;
  const causes = status.details?.causes?.map((cause) => ({
    ...cause,
    ...(cause.message === undefined ? {} : { message: cut(redact(cause.message)) }),
  }));
  const details = status.details === undefined
    ? undefined
    : { ...status.details, ...(causes === undefined ? {} : { causes }) };
  // The message of a 422 repeats its causes with nothing to tell values from words.
  const message = status.code === 422 && causes !== undefined && causes.length > 0
    ? serverMessage({ ...status, details })
    : status.message === undefined
    ? undefined
    : cut(redact(status.message));
  return { ...status, ...(message === undefined ? {} : { message }), ...(details === undefined ? {} : { details }) };
}

/** Keeps short values, drops structures: `Invalid value: {"a":…}: field is immutable`. */
function redactLong(text: string): string {
  return withoutDumps(text).replace(
    /((?:Invalid|Unsupported|Duplicate) value: )(.*)(: [^:"{}]*)$/s,
    (whole, head, value, tail) =>
      value.length > MAX_VALUE_CHARS || /[{[]/.test(value) ? `${head}(not shown)${tail}` : whole,
  );
}

/** Keeps the words around values: what follows `value:`, what is in braces and what is quoted at length goes. */
function redactEverything(text: string): string {
  return withoutDumps(text)
    .replace(/(value: )(.*?)(: [^:"{}]*)?$/s, "$1(not shown)$3")
    // The words of an admission webhook or policy are of its own making: they may quote what it denies.
    .replace(/(denied (?:the )?request).*/s, "$1 (its words are not shown: they may quote what is secret)")
    .replace(/[\w.&]*\{.*\}/gs, "(not shown)")
    .replace(/"(?:[^"\\]|\\.){64,}"/g, '"(not shown)"');
}

/** Go's way to print a value it did not expect, as server-side apply does: `expected string, got &{secret}`. */
function withoutDumps(text: string): string {
  return text.replace(/(expected [^,]*, got )(.*)$/gs, "$1(not shown)").replace(/&[\w.]*\{.*\}/gs, "(not shown)");
}

function nameOf(status: KubeStatus): string {
  const { kind, name } = status.details ?? {};
  return `${kind ?? "object"}${name === undefined ? "" : ` "${name}"`}`;
}

function cut(text: string): string {
  return text.length <= MAX_MESSAGE_CHARS ? text : `${text.slice(0, MAX_MESSAGE_CHARS)}…`;
}
