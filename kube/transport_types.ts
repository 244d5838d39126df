/**
 * The shape of a transport: calls with one answer, and streams. Paths are already encoded; errors are `KubeError`.
 *
 * @module
 */
import type { ClusterAddress } from "./address.ts";
import type { Socket } from "./web_socket.ts";

/** One call with one JSON answer. */
export interface TransportCall {
  readonly method: string;
  /** Encoded path below the server's base URL, with a leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON when not undefined. */
  readonly body?: unknown;
  /** Media type of the body, `application/json` unless told otherwise. */
  readonly contentType?: string;
  /** `application/json` unless told otherwise. */
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** Once aborted nothing is sent any more; what was sent is waited for. */
  readonly sendUntil?: AbortSignal;
  /** Bound of the whole call, waiting for a slot and retries included; 30,000 unless told otherwise. */
  readonly deadlineMs?: number;
  /** What the call does, for messages: "Cannot <action>: …"; the method and path unless told otherwise. */
  readonly action?: string;
  /** The body holds secret values: errors then quote nothing of the server's words that may repeat them. */
  readonly sensitive?: boolean;
  /** One of many that nobody waits for at once (lists): they take a quarter of the places, so that others find one. */
  readonly bulk?: boolean;
  /** An answer longer than this is given up half-way with KubeError TooLarge; no bound unless told otherwise. */
  readonly maxBytes?: number;
}

/** The answer of a call. */
export interface TransportAnswer {
  /** Parsed JSON, undefined when the body was empty, and the text itself when it is not declared as JSON. */
  readonly body: unknown;
  /** Length of the body as it came, in bytes (after decompression). */
  readonly sizeBytes: number;
  readonly headers: Headers;
}

/** A stream to open (a watch). */
export interface StreamCall {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  /** Ends the stream at any time, also after its headers. */
  readonly signal: AbortSignal;
  /** How long the headers may take; 30,000 unless told otherwise. */
  readonly headerDeadlineMs?: number;
  /** What the stream is for, for messages: "Cannot <action>: …". */
  readonly action?: string;
}

/** A WebSocket to open. */
export interface SocketCall {
  /** Encoded path and query below the server's base URL, with a leading slash. */
  readonly path: string;
  /** Subprotocols, the best first. */
  readonly protocols: readonly string[];
  readonly signal?: AbortSignal;
  /** How long the opening may take; 30,000 unless told otherwise. */
  readonly deadlineMs?: number;
  /** For messages: "Cannot <action>: …". */
  readonly action: string;
}

/** How one attempt of a call went, for whoever adapts to the server. */
export interface CallReport {
  readonly method: string;
  /** From the moment it had its place; waiting for one is not the server's time. */
  readonly tookMs: number;
  /** `unauthorized`: a 401; `answered`: anything else but 429 and 5xx; `failed`: a 5xx; `unanswered`: no connection. */
  readonly outcome: "answered" | "throttled" | "timedOut" | "unanswered" | "unauthorized" | "failed";
  /** What a 429 asked for. */
  readonly retryAfterMs?: number;
}

/** An open stream. */
export interface Stream {
  readonly body: ReadableStream<Uint8Array>;
  /** Ends the stream and frees its place. Must be called once done, also after the body ended or failed; never throws. */
  release(): void;
}

/** What a transport tells about itself, for logs and metrics. */
export type TransportEvent =
  /** The server said 429 or 503 and the call is tried again. */
  | { readonly type: "throttled"; readonly httpStatus: number; readonly retryInMs: number; readonly attempt: number }
  /** A client was replaced: it was found dead, or certificate, CA or server changed. */
  | { readonly type: "rebuilt"; readonly client: "calls" | "streams"; readonly why: "dead" | "address" }
  /** The token file has a new token. */
  | { readonly type: "tokenChanged" };

/** Connections to one API server. All methods that return a promise throw `KubeError`. */
export interface Transport {
  /** Base URL of the API server. */
  readonly server: string;
  /** One call over HTTP/1.1, at most `maxConcurrent` at once, first come, first served. */
  request(call: TransportCall): Promise<TransportAnswer>;
  /** Opens a stream over HTTP/2; resolves once the server answered 200. */
  stream(call: StreamCall): Promise<Stream>;
  /** Opens a WebSocket over a connection of its own, which ends with it, or with the transport. */
  socket(call: SocketCall): Promise<Socket>;
  /**
   * A stream whose connection its reader found dead (no bytes for too long). After two such failures in a row, headers
   * that never came included, further streams use a new client. Does not release the stream.
   */
  reportDead(stream: Stream): void;
  /**
   * Another address or credential for the same cluster: calls from now on use it, calls under way end as they began, and whoever
   * reads a stream is told by `onAddress`. Throws ConfigError for unusable certificates: then nothing has changed.
   */
  updateAddress(address: ClusterAddress): void;
  /** Tells when address or credential have changed; the result ends that. */
  onAddress(listener: () => void): () => void;
  /** Ends every call, stream and connection; calls fail with Aborted from then on. */
  close(): void;
}
