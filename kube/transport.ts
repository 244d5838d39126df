/**
 * Connections to one API server: calls over HTTP/1.1, streams over HTTP/2.
 *
 * `fetch` may send a request a second time when a pooled connection was reset before the answer, a POST or PATCH
 * included. A create that answers AlreadyExists may therefore be our own first attempt: look whose the object is.
 *
 * @module
 */
import { type Clock, systemClock } from "./clock.ts";
import type { ClusterAddress } from "./address.ts";
import { createHeaderSource, type HeaderSource } from "./credentials.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { isKubeError, KubeError } from "./errors.ts";
import { type Exchange, exchange, failureOf, readAnswer } from "./exchange.ts";
import { type CountedClient, openClient, sameConnection } from "./http_client.ts";
import { retryThrottled } from "./retry.ts";
import { Semaphore } from "./semaphore.ts";
import { DEAD_AFTER, StreamPool } from "./stream_pool.ts";
import type {
  CallReport,
  SocketCall,
  Stream,
  StreamCall,
  Transport,
  TransportAnswer,
  TransportCall,
  TransportEvent,
} from "./transport_types.ts";
import { openWebSocket, type Socket } from "./web_socket.ts";

export type {
  CallReport,
  SocketCall,
  Stream,
  StreamCall,
  Transport,
  TransportAnswer,
  TransportCall,
  TransportEvent,
} from "./transport_types.ts";
export type { Clock } from "./clock.ts";

/** Bound of a call that names none. */
export const DEFAULT_DEADLINE_MS = 30_000;
/** Calls at once over HTTP/1.1; the client's own pool has no bound. */
const DEFAULT_CONCURRENT = 64;
/** One in so many places is for calls in bulk. */
const BULK_PART = 4;

/** Options of a transport. */
export interface TransportOptions {
  /** Calls at once over HTTP/1.1, 64 unless told otherwise. */
  readonly maxConcurrent?: number;
  readonly clock?: Clock;
  /** Spreads retries, 0 to 1. */
  readonly random?: () => number;
  /** Told about retries and replaced connections; must not throw. */
  readonly onEvent?: (event: TransportEvent) => void;
  /** Told how each attempt of a call went; must not throw. */
  readonly onCall?: (report: CallReport) => void;
}

/** Makes a transport; no connection is opened before the first call. Throws ConfigError for unusable certificates. */
export function createTransport(address: ClusterAddress, options: TransportOptions = {}): Transport {
  return new ApiTransport(address, options);
}

class ApiTransport implements Transport {
  #address: ClusterAddress;
  #headers: HeaderSource;
  #calls: CountedClient;
  readonly #maxConcurrent: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onEvent: (event: TransportEvent) => void;
  readonly #onCall: (report: CallReport) => void;
  readonly #closed = new AbortController();
  readonly #slots: Semaphore;
  readonly #bulkSlots: Semaphore;
  readonly #pool: StreamPool;
  readonly #clientOf = new WeakMap<Stream, CountedClient>();
  readonly #addressListeners = new Set<() => void>();

  constructor(address: ClusterAddress, options: TransportOptions) {
    this.#maxConcurrent = options.maxConcurrent ?? DEFAULT_CONCURRENT;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#onCall = options.onCall ?? (() => {});
    this.#slots = new Semaphore(this.#maxConcurrent);
    this.#bulkSlots = new Semaphore(Math.max(1, Math.floor(this.#maxConcurrent / BULK_PART)));
    this.#address = address;
    this.#headers = this.#headerSource(address);
    this.#calls = openClient(address, "http1", this.#maxConcurrent);
    this.#pool = new StreamPool(
      () => openClient(this.#address, "http2", 1),
      () => this.#onEvent({ type: "rebuilt", client: "streams", why: "dead" }),
    );
  }

  get server(): string {
    return this.#address.server;
  }

  async request(call: TransportCall): Promise<TransportAnswer> {
    const deadline = startDeadline(this.#clock, call.deadlineMs ?? DEFAULT_DEADLINE_MS, {
      caller: call.signal,
      sendUntil: call.sendUntil,
      closed: this.#closed.signal,
    });
    const action = call.action ?? `${call.method} ${call.path}`;
    try {
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      const placed = () => this.#requestOnce({ ...call, action, body, deadline });
      const once = call.bulk === true ? () => inPlaceOf(this.#bulkSlots, deadline, placed) : placed;
      return await retryThrottled(once, {
        method: call.method,
        deadline,
        clock: this.#clock,
        random: this.#random,
        onRetry: (retry) => this.#onEvent({ type: "throttled", ...retry }),
      });
    } catch (error) {
      throw failureOf(error, action, deadline);
    } finally {
      deadline.clear();
    }
  }

  async stream(call: StreamCall): Promise<Stream> {
    const deadline = startDeadline(this.#clock, call.headerDeadlineMs ?? DEFAULT_DEADLINE_MS, {
      caller: call.signal,
      closed: this.#closed.signal,
    });
    const action = call.action ?? `watch ${call.path}`;
    const client = this.#pool.enter();
    try {
      const response = await this.#authorized(client, { ...call, method: "GET", action, deadline });
      deadline.lift();
      this.#pool.worked(client);
      const stream = { body: response.body ?? emptyBody(), release: this.#releaseOf(client, deadline) };
      this.#clientOf.set(stream, client);
      return stream;
    } catch (error) {
      deadline.abort();
      deadline.clear();
      if (deadline.endedBy() === "deadline") this.#pool.failed(client);
      else if (error instanceof KubeError) this.#pool.worked(client);
      this.#pool.leave(client);
      throw failureOf(error, action, deadline);
    }
  }

  async socket(call: SocketCall): Promise<Socket> {
    const { path, protocols, action } = call;
    const deadline = startDeadline(this.#clock, call.deadlineMs ?? DEFAULT_DEADLINE_MS, {
      caller: call.signal,
      closed: this.#closed.signal,
    });
    const [address, headers, clock] = [this.#address, this.#headers, this.#clock];
    const [signal, until] = [deadline.signal, this.#closed.signal];
    const open = async (authorization: string | undefined) =>
      await openWebSocket({ address, path, authorization, protocols, action, clock, signal, until });
    try {
      const used = await headers.header();
      return await open(used).catch(async (error: unknown) => {
        if (!isKubeError(error, "Unauthorized") || !await headers.renew(used)) throw error;
        return await open(await headers.header());
      });
    } catch (error) {
      throw failureOf(error, action, deadline);
    } finally {
      deadline.clear();
    }
  }

  reportDead(stream: Stream): void {
    const client = this.#clientOf.get(stream);
    if (client !== undefined) this.#pool.failed(client);
  }

  updateAddress(address: ClusterAddress): void {
    if (this.#closed.signal.aborted) return;
    const before = this.#address;
    // Opened first: when the new certificates are unusable, the old address stays.
    const calls = sameConnection(before, address) ? undefined : openClient(address, "http1", this.#maxConcurrent);
    this.#address = address;
    this.#headers = this.#headerSource(address);
    if (calls !== undefined) {
      this.#calls.retire();
      this.#calls = calls;
      this.#pool.retireAll();
      this.#onEvent({ type: "rebuilt", client: "calls", why: "address" });
      this.#onEvent({ type: "rebuilt", client: "streams", why: "address" });
    }
    for (const listener of [...this.#addressListeners]) listener();
  }

  onAddress(listener: () => void): () => void {
    this.#addressListeners.add(listener);
    return () => this.#addressListeners.delete(listener);
  }

  close(): void {
    this.#closed.abort();
    this.#calls.retire();
    this.#pool.retireAll();
  }

  #headerSource(address: ClusterAddress): HeaderSource {
    return createHeaderSource(address.credential, this.#clock, () => this.#onEvent({ type: "tokenChanged" }));
  }

  #requestOnce(call: Exchange): Promise<TransportAnswer> {
    return inPlaceOf(this.#slots, call.deadline, async () => {
      const client = this.#calls;
      client.enter();
      const release = call.deadline.hold();
      const startedMs = this.#clock.nowMs();
      try {
        const response = await this.#authorized(client, call);
        const answer = await readAnswer(response, call);
        client.failures = 0;
        this.#report(call, startedMs);
        return answer;
      } catch (error) {
        this.#noteFailure(client, call, error);
        this.#report(call, startedMs, { error });
        throw error;
      } finally {
        client.leave();
        release();
      }
    });
  }

  #report({ method, deadline }: Exchange, startedMs: number, failed?: { readonly error: unknown }): void {
    const endedBy = deadline.endedBy();
    // Who gave it up himself learns nothing about the server.
    if (failed !== undefined && (endedBy === "caller" || endedBy === "closed")) return;
    const tookMs = this.#clock.nowMs() - startedMs;
    const outcome = failed === undefined ? "answered" : outcomeOf(failed.error, endedBy === "deadline");
    const retryAfterMs = failed?.error instanceof KubeError ? failed.error.retryAfterMs : undefined;
    this.#onCall({ method, tookMs, outcome, retryAfterMs });
  }

  /** Sends with our credential; after a 401 once more when the token changed meanwhile (the server did nothing yet). */
  async #authorized(client: CountedClient, call: Exchange): Promise<Response> {
    // Both of the moment the client is: an address that changes meanwhile is for the next call.
    const headers = this.#headers;
    const server = this.#address.server;
    const used = await headers.header();
    try {
      return await exchange(server, client.client, used, call);
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== "Unauthorized" || !await headers.renew(used)) throw error;
      return await exchange(server, client.client, await headers.header(), call);
    }
  }

  /** Calls that never got an answer, twice in a row: the pooled connections are dead (half-open), so take new ones. */
  #noteFailure(client: CountedClient, call: Exchange, error: unknown): void {
    if (error instanceof KubeError) client.failures = 0;
    else if (call.deadline.endedBy() === "deadline") client.failures++;
    if (client.failures < DEAD_AFTER || client !== this.#calls) return;
    this.#calls = openClient(this.#address, "http1", this.#maxConcurrent);
    client.retire();
    this.#onEvent({ type: "rebuilt", client: "calls", why: "dead" });
  }

  #releaseOf(client: CountedClient, deadline: { abort(): void; clear(): void }): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      deadline.abort();
      deadline.clear();
      this.#pool.leave(client);
    };
  }
}

/** Runs `call` once it has a place, within the deadline. */
async function inPlaceOf<T>(places: Semaphore, { signal }: Deadline, call: () => Promise<T>): Promise<T> {
  if (!await places.acquire(signal)) throw new DOMException("no place in time", "AbortError");
  try {
    return await call();
  } finally {
    places.release();
  }
}

function outcomeOf(error: unknown, tooLate: boolean): CallReport["outcome"] {
  if (!(error instanceof KubeError)) return tooLate ? "timedOut" : "unanswered";
  if (error.httpStatus === 429) return "throttled";
  if (error.httpStatus === 401) return "unauthorized";
  // A page that is given up for its size is an answer.
  if (error.httpStatus === 0) return error.reason === "TooLarge" ? "answered" : "unanswered";
  return error.httpStatus >= 500 ? "failed" : "answered";
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
