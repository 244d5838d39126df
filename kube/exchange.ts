/**
 * One HTTP exchange: a request out, a successful response in, or an error that says why.
 *
 * @module
 */
import type { Deadline } from "./deadline.ts";
import { release } from "./bytes.ts";
import { KubeError } from "./errors.ts";
import { kubeErrorOf } from "./status.ts";
import type { TransportAnswer } from "./transport_types.ts";

/** Room for an answer of unknown length, to begin with. */
const FIRST_BYTES = 128 * 1024;

/** What is sent. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Already serialized. */
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly action: string;
  readonly sensitive?: boolean;
  readonly maxBytes?: number;
  readonly deadline: Deadline;
}

/**
 * Sends and answers with a 2xx response whose body is not read yet.
 * Throws KubeError for any other response, and what `fetch` threw when there was none.
 */
export async function exchange(
  server: string,
  client: Deno.HttpClient,
  authorization: string | undefined,
  call: Exchange,
): Promise<Response> {
  const headers = new Headers({ accept: call.accept ?? "application/json", "user-agent": "dr-syncer" });
  if (authorization !== undefined) headers.set("authorization", authorization);
  if (call.body !== undefined) headers.set("content-type", call.contentType ?? "application/json");
  const response = await fetch(urlOf(server, call), {
    client,
    method: call.method,
    headers,
    // A redirect would carry the call to a server whose identity nobody vouched for.
    redirect: "manual",
    signal: call.deadline.signal,
    ...(call.body === undefined ? {} : { body: call.body }),
  });
  if (response.ok) return response;
  throw kubeErrorOf({
    action: call.action,
    httpStatus: response.status,
    bodyText: await response.text(),
    retryAfter: response.headers.get("retry-after"),
    sensitive: call.sensitive,
    nowEpochMs: Date.now(),
  });
}

/**
 * Reads a whole answer. Throws KubeError BadResponse when what claims to be JSON is not, and TooLarge (with HTTP status
 * 0: the server did its part) when it is longer than the call's `maxBytes`.
 */
export async function readAnswer(
  response: Response,
  call: Pick<Exchange, "action" | "maxBytes">,
): Promise<TransportAnswer> {
  const { headers } = response;
  const bytes = call.maxBytes === undefined
    ? new Uint8Array(await response.arrayBuffer())
    : await readBounded(response, call.maxBytes, call.action);
  const sizeBytes = bytes.byteLength;
  if (sizeBytes === 0) return { body: undefined, sizeBytes, headers };
  const text = new TextDecoder().decode(bytes);
  release(bytes);
  if (!/\bjson\b/.test(headers.get("content-type") ?? "")) return { body: text, sizeBytes, headers };
  try {
    return { body: JSON.parse(text), sizeBytes, headers };
  } catch {
    // The parser's own words quote the body.
    throw new KubeError("BadResponse", `Cannot ${call.action}: the answer is not JSON (${sizeBytes} bytes)`, {
      httpStatus: response.status,
    });
  }
}

async function readBounded(response: Response, maxBytes: number, action: string): Promise<Uint8Array> {
  let all = new Uint8Array(Math.min(maxBytes, FIRST_BYTES));
  let sizeBytes = 0;
  // Leaving the loop cancels the body, and with it the connection.
  for await (const chunk of response.body ?? []) {
    const from = sizeBytes;
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new KubeError("TooLarge", `Cannot ${action}: the answer is over ${maxBytes} bytes`);
    if (sizeBytes > all.byteLength) all = grown(all, Math.min(maxBytes, Math.max(sizeBytes, 2 * all.byteLength)));
    all.set(chunk, from);
    // A chunk of a few KiB comes in a buffer of 64: kept until the end, a page would take ten times its length.
    release(chunk);
  }
  return all.subarray(0, sizeBytes);
}

function grown(bytes: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(sizeBytes);
  larger.set(bytes);
  release(bytes);
  return larger;
}

/** The error a caller gets for whatever went wrong during a call. */
export function failureOf(error: unknown, action: string, deadline: Deadline): KubeError {
  switch (deadline.endedBy()) {
    case "caller":
      return new KubeError("Aborted", `Cannot ${action}: ended by the caller`, { cause: error });
    case "closed":
      return new KubeError("Aborted", `Cannot ${action}: the connection to the cluster is closed`, { cause: error });
    case "deadline":
      return new KubeError("Timeout", `Cannot ${action}: no answer in time`, { cause: error });
  }
  if (error instanceof KubeError) return error;
  return new KubeError("Unreachable", `Cannot ${action}: ${connectionWords(error)}`, { cause: error });
}

/** What `fetch` says about a failed connection, at the bottom of its causes and without the URL it repeats. */
function connectionWords(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  const text = deepest instanceof Error ? deepest.message : String(deepest);
  return text.replace(/^error sending request.*? for url \(\S*\)(?:: )?/, "") || "no connection";
}

function urlOf(server: string, call: Exchange): string {
  const query = Object.entries(call.query ?? {})
    .flatMap(([name, value]) =>
      value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`]
    );
  return `${server}${call.path}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}
