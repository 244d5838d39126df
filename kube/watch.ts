/**
 * Watches: performs what `watch_state.ts` decides.
 *
 * @module
 */
import { release } from "./bytes.ts";
import { type Clock, systemClock, waitFor } from "./clock.ts";
import { isKubeError, KubeError } from "./errors.ts";
import { LineSplitter } from "./lines.ts";
import type { Stream, Transport } from "./transport_types.ts";
import { actionOf, collectionPath } from "./paths.ts";
import { readPage } from "./read_object.ts";
import { listenForSilence, type Silence } from "./watch_silence.ts";
import type { ResourceType, WatchHandle, WatchQuery, WatchSink } from "./types.ts";
import {
  eventsOf,
  listVersion,
  METADATA_LIST,
  METADATA_WATCH,
  pageQuery,
  readLine,
  streamQuery,
} from "./watch_query.ts";
import { IDLE, type WatchEffect, type WatchInput, type WatchState } from "./watch_state.ts";
import { stepWatch } from "./watch_step.ts";

/** Options of a watch; what is left out has the value named here. */
export interface WatchOptions {
  readonly clock?: Clock;
  /** In [0, 1); `Math.random`. */
  readonly random?: () => number;
  /** Silence after which a connection counts as dead: 100,000 (bookmarks come every 60 s). */
  readonly deadSilenceMs?: number;
  /** Silence within a WatchList after which paged lists take over: 10,000. */
  readonly listSilenceMs?: number;
  /** How long the headers of a stream may take: 15,000. */
  readonly headerDeadlineMs?: number;
  /**
   * Streams end by themselves after this long and up to twice as long, each at its own time, so that load spreads over
   * API servers: 300.
   */
  readonly leastStreamSeconds?: number;
  /** How long a page or a probe may take: 15,000. */
  readonly callDeadlineMs?: number;
}

/**
 * Follows a kind until the signal is aborted. The sink is called synchronously and in order; `done` rejects only with
 * what the sink threw. A closed transport ends the watch, too.
 *
 * Within a `list`, a deleted object that was an item already comes as an `event` before `live`, a changed one as an item
 * again.
 */
export function startWatch(
  transport: Transport,
  type: ResourceType,
  query: WatchQuery,
  sink: WatchSink,
  signal: AbortSignal,
  options: WatchOptions = {},
): WatchHandle {
  const run = new WatchRun(transport, type, query, sink, signal, options);
  return { reconnect: (why) => run.feed({ kind: "Reconnect", why }), done: run.run() };
}

/** Notices that the transport has another address than a stream was opened with, until `end`. */
interface AddressWatch {
  /** Something came: the stream may be past its list. */
  heard(): void;
  end(): void;
}

class WatchRun {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #action: string;
  readonly #path: string;
  readonly #finished = Promise.withResolvers<void>();
  readonly #running = new Set<Promise<void>>();
  readonly #inputs: WatchInput[] = [];
  #state: WatchState = IDLE;
  #feeding = false;
  #operation: AbortController | undefined;
  #stream: Stream | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(
    readonly transport: Transport,
    readonly type: ResourceType,
    readonly query: WatchQuery,
    readonly sink: WatchSink,
    readonly signal: AbortSignal,
    readonly options: WatchOptions,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#path = collectionPath(type, query.namespace);
    this.#action = actionOf("watch", type, { namespace: query.namespace });
  }

  async run(): Promise<void> {
    const stop = (): void => this.feed({ kind: "Stop" });
    this.signal.addEventListener("abort", stop, { once: true });
    this.feed(this.signal.aborted ? { kind: "Stop" } : { kind: "Start" });
    await this.#finished.promise;
    this.signal.removeEventListener("abort", stop);
    await Promise.all(this.#running);
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** Steps; an input that comes while the sink is being called waits its turn. */
  feed(input: WatchInput): void {
    this.#inputs.push(input);
    if (this.#feeding) return;
    this.#feeding = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } catch (error) {
      this.#fault ??= { error };
      this.#inputs.length = 0;
      this.#step({ kind: "Stop" });
    } finally {
      this.#feeding = false;
    }
  }

  #step(input: WatchInput): void {
    const context = { start: this.query.start, nowMs: this.#clock.nowMs(), random: this.#random() };
    const { state, effects } = stepWatch(this.#state, input, context);
    this.#state = state;
    for (const effect of effects) {
      // Aborted in the middle of a page: the sink hears no more.
      if (this.signal.aborted && effect.do !== "end") return;
      this.#perform(effect);
    }
  }

  #perform(effect: WatchEffect): void {
    const { sink } = this;
    switch (effect.do) {
      case "event":
        return sink.event(effect.event);
      case "item":
        return sink.item?.(effect.event);
      case "bookmark":
        return sink.bookmark?.(effect.version);
      case "begin":
        return sink.begin?.();
      case "live":
        return sink.live(effect.version);
      case "connected":
        return sink.connected?.();
      case "disconnected":
        return sink.disconnected?.(effect.error, effect.retryInMs);
      case "openStream":
        return this.#replace((signal) => this.#follow(effect, signal));
      case "listPage":
        return this.#replace((signal) => this.#list(effect, signal));
      case "probe":
        return this.#replace((signal) => this.#probe(signal));
      case "wait":
        return this.#replace((signal) => this.#wait(effect.delayMs, signal));
      case "reportDead":
        if (this.#stream !== undefined) this.transport.reportDead(this.#stream);
        return;
      case "end":
        this.#operation?.abort();
        return this.#finished.resolve();
    }
  }

  /** Ends what is under way and does this instead; what the old one still has to say is dropped. */
  #replace(operate: (signal: AbortSignal) => Promise<void>): void {
    this.#operation?.abort();
    const { signal } = this.#operation = new AbortController();
    const running = operate(signal).catch((error: unknown) => {
      if (signal.aborted) return;
      const failure = this.#failureOf(error);
      // Not by us: the transport was closed.
      this.feed(isKubeError(failure, "Aborted") ? { kind: "Stop" } : { kind: "Failed", error: failure });
    });
    this.#running.add(running);
    running.then(() => this.#running.delete(running));
  }

  #failureOf(error: unknown): KubeError {
    if (error instanceof KubeError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new KubeError("Unreachable", `Cannot ${this.#action}: the stream broke: ${text}`, { cause: error });
  }

  async #follow(effect: Extract<WatchEffect, { do: "openStream" }>, signal: AbortSignal): Promise<void> {
    const { leastStreamSeconds = 300 } = this.options;
    const timeoutSeconds = Math.round(leastStreamSeconds * (1 + this.#random()));
    const address = this.#followAddress();
    try {
      const stream = await this.transport.stream({
        path: this.#path,
        query: streamQuery(this.query, effect.version, timeoutSeconds),
        accept: this.query.metadataOnly ? METADATA_WATCH : undefined,
        signal,
        headerDeadlineMs: this.options.headerDeadlineMs ?? 15_000,
        action: this.#action,
      });
      await this.#readOut(stream, address, signal);
    } finally {
      address.end();
    }
  }

  async #readOut(stream: Stream, address: AddressWatch, signal: AbortSignal): Promise<void> {
    this.#stream = stream;
    const silence = this.#listen(signal);
    const heard = () => {
      silence.heard();
      address.heard();
    };
    try {
      if (signal.aborted) return;
      this.feed({ kind: "Opened" });
      address.heard();
      await this.#read(stream, heard, signal);
      if (!signal.aborted) this.feed({ kind: "StreamEnd" });
    } finally {
      silence.end();
      stream.release();
      if (this.#stream === stream) this.#stream = undefined;
    }
  }

  /** A stream of a former address goes as soon as nothing is lost by it: not in the middle of a list. */
  #followAddress(): AddressWatch {
    let changed = false;
    const tell = (): void => {
      if (changed) this.feed({ kind: "AddressChanged" });
    };
    const end = this.transport.onAddress(() => {
      changed = true;
      tell();
    });
    return { heard: tell, end };
  }

  async #read(stream: Stream, heard: () => void, signal: AbortSignal): Promise<void> {
    const splitter = new LineSplitter();
    const reader = stream.body.getReader();
    // The signal given to `fetch` reaches the body through a weak reference: once that is collected, only this ends it.
    const cancel = (): void => void reader.cancel().catch(() => {});
    signal.addEventListener("abort", cancel, { once: true });
    try {
      while (!signal.aborted) {
        const { done, value } = await reader.read();
        if (done) return;
        splitter.push(value, (line) => {
          this.feed(readLine(this.type, this.query, line, this.#clock.nowMs()));
          return !signal.aborted;
        });
        release(value);
        heard();
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      cancel();
    }
  }

  #listen(signal: AbortSignal): Silence {
    const { deadSilenceMs = 100_000, listSilenceMs = 10_000 } = this.options;
    return listenForSilence(
      this.#clock,
      () => this.#state.kind === "Listing" ? listSilenceMs : deadSilenceMs,
      (silenceMs) => signal.aborted || this.feed({ kind: "Silent", silenceMs }),
      Math.min(deadSilenceMs, listSilenceMs),
    );
  }

  async #list(effect: Extract<WatchEffect, { do: "listPage" }>, signal: AbortSignal): Promise<void> {
    const accept = this.query.metadataOnly ? METADATA_LIST : undefined;
    const page = await this.#page(pageQuery(this.query, effect.limit, effect.continue), accept, signal);
    if (signal.aborted) return;
    this.feed({ kind: "Page", page: eventsOf(this.type, this.query, page, this.#clock.nowMs()) });
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const version = listVersion(await this.#page({ limit: "1" }, METADATA_LIST, signal));
    if (!signal.aborted) this.feed({ kind: "Probed", version });
  }

  async #page(query: Record<string, string | undefined>, accept: string | undefined, signal: AbortSignal) {
    const answer = await this.transport.request({
      method: "GET",
      path: this.#path,
      query,
      accept,
      signal,
      deadlineMs: this.options.callDeadlineMs ?? 15_000,
      bulk: true,
      action: this.#action,
    });
    return readPage(this.type, answer.body, answer.sizeBytes, this.#action);
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    // What failed may have failed for the credential's sake.
    const end = this.transport.onAddress(() => this.feed({ kind: "AddressChanged" }));
    try {
      await waitFor(this.#clock, delayMs, signal);
    } finally {
      end();
    }
    if (!signal.aborted) this.feed({ kind: "WaitOver" });
  }
}
