/**
 * Watches of one cluster, shared: one for each kind and namespace while namespaces are few, one for the whole cluster beyond.
 *
 * @module
 */
import {
  apiVersionOf,
  groupResource,
  type ResourceType,
  type Watcher,
  type WatchEvent,
  type WatchHandle,
} from "../kube/types.ts";
import type { Clock } from "./clock.ts";

/** Above this many namespaces a kind is watched cluster-wide. */
export const NAMESPACED_WATCHES = 8;

/**
 * How long after a change of a kind's definition the end of a stream is taken for its consequence: longer than any stream lasts.
 */
const DOUBTED_MS = 12 * 60_000;
/** An API server ends its streams of a former schema a second after it has heard of the new one; what is left then we end. */
const END_AFTER_MS = 15_000;

/** What a subscriber is told. Calls are synchronous and must not throw. */
export interface WatchListener {
  /** The watch runs from now on; what changed before was not delivered. Called again after each gap. */
  live(): void;
  event(event: WatchEvent): void;
  /** The connection was lost; it comes back by itself. */
  disconnected(error: Error): void;
}

/** A subscription. */
export interface Subscription {
  /** Wall time up to which every change is known to have been delivered; undefined before the first proof. */
  provenWallMs(): number | undefined;
  readonly connected: boolean;
  /** Drops a connection that is suspected to be stalled. */
  reconnect(why: string): void;
  close(): void;
}

/** What every watch of a hub asks for. */
export interface HubQuery {
  readonly metadataOnly?: boolean;
  readonly labelSelector?: string;
}

interface Stream {
  readonly handle: WatchHandle;
  readonly abort: AbortController;
  connected: boolean;
  /** On the monotonic clock. */
  openedMs: number;
  provenWallMs?: number;
}

interface KindWatches {
  readonly type: ResourceType;
  /** When its definition last changed, on the monotonic clock. */
  redefinedMs?: number;
  readonly listeners: Map<string, Set<WatchListener>>;
  /** By namespace, "" for the whole cluster. */
  readonly streams: Map<string, Stream>;
}

/** Shares watches between subscribers. */
export class WatchHub {
  readonly #watcher: Watcher;
  readonly #query: HubQuery;
  readonly #clock: Clock;
  readonly #onReconnect: (kind: string) => void;
  readonly #kinds = new Map<string, KindWatches>();

  constructor(watcher: Watcher, query: HubQuery, clock: Clock, onReconnect: (kind: string) => void = () => {}) {
    this.#watcher = watcher;
    this.#query = query;
    this.#clock = clock;
    this.#onReconnect = onReconnect;
  }

  /** Follows a kind in a namespace. */
  subscribe(type: ResourceType, namespace: string, listener: WatchListener): Subscription {
    const id = `${apiVersionOf(type)}/${type.resource}`;
    let watches = this.#kinds.get(id);
    if (watches === undefined) {
      watches = { type, listeners: new Map(), streams: new Map() };
      this.#kinds.set(id, watches);
    }
    const known = watches.listeners.get(namespace);
    if (known === undefined) watches.listeners.set(namespace, new Set([listener]));
    else known.add(listener);
    this.#arrange(watches);
    const stream = this.#streamOf(watches, namespace);
    // A late subscriber of a stream that is live already (its namespace may be new to it) gets its own starting point.
    if (stream?.provenWallMs !== undefined) {
      queueMicrotask(() => watches.listeners.get(namespace)?.has(listener) && listener.live());
    }
    return this.#subscription(id, watches, namespace, listener);
  }

  /**
   * The definition of a kind (`widgets.example.com`) has changed. For a second or more its open streams still deliver objects as the
   * former schema shows them, without its new fields; then the API server ends them, and what follows goes on behind those objects
   * (docs/adr/0018). Listeners are told of a gap when their stream is open again, so that they list.
   */
  redefined(kind: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const watches of this.#kinds.values()) {
      if (groupResource(watches.type) !== kind) continue;
      watches.redefinedMs = nowMs;
      for (const stream of watches.streams.values()) this.#endLater(stream, nowMs);
    }
  }

  #endLater(stream: Stream, redefinedMs: number): void {
    const { signal } = stream.abort;
    const giveUp = () => clearTimeout(timer);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", giveUp);
      if (stream.openedMs <= redefinedMs) stream.handle.reconnect("the definition of its kind has changed");
    }, END_AFTER_MS);
    signal.addEventListener("abort", giveUp, { once: true });
  }

  #subscription(id: string, watches: KindWatches, namespace: string, listener: WatchListener): Subscription {
    const stream = () => this.#streamOf(watches, namespace);
    return {
      provenWallMs: () => stream()?.provenWallMs,
      get connected() {
        return stream()?.connected ?? false;
      },
      reconnect: (why) => stream()?.handle.reconnect(why),
      close: () => {
        const set = watches.listeners.get(namespace);
        set?.delete(listener);
        if (set?.size === 0) watches.listeners.delete(namespace);
        this.#arrange(watches);
        if (watches.listeners.size === 0 && this.#kinds.get(id) === watches) this.#kinds.delete(id);
      },
    };
  }

  #streamOf(watches: KindWatches, namespace: string): Stream | undefined {
    return watches.streams.get(namespace) ?? watches.streams.get("");
  }

  /** Opens and closes streams so that every subscribed namespace has one. */
  #arrange(watches: KindWatches): void {
    const wide = watches.listeners.size > NAMESPACED_WATCHES;
    const wanted = wide ? [""] : [...watches.listeners.keys()];
    for (const namespace of wanted) {
      if (!watches.streams.has(namespace)) watches.streams.set(namespace, this.#open(watches, namespace));
    }
    for (const [namespace, stream] of watches.streams) {
      if (wanted.includes(namespace)) continue;
      watches.streams.delete(namespace);
      stream.abort.abort();
    }
  }

  #open(watches: KindWatches, namespace: string): Stream {
    const abort = new AbortController();
    const stream: { -readonly [K in keyof Stream]: Stream[K] } = {
      handle: undefined as unknown as WatchHandle,
      abort,
      connected: false,
      openedMs: this.#clock.monotonicMs(),
    };
    const proven = () => {
      stream.connected = true;
      stream.provenWallMs = this.#clock.wallMs();
    };
    const kind = groupResource(watches.type);
    stream.handle = this.#watcher.watch(
      watches.type,
      { namespace: namespace === "" ? undefined : namespace, start: "now", ...this.#query },
      {
        live: () => {
          proven();
          this.#each(watches, namespace, undefined, (listener) => listener.live());
        },
        event: (event) => {
          proven();
          this.#each(watches, namespace, event.object.metadata.namespace, (listener) => listener.event(event));
        },
        bookmark: proven,
        connected: () => {
          stream.connected = true;
          stream.openedMs = this.#clock.monotonicMs();
          const sinceMs = stream.openedMs - (watches.redefinedMs ?? -Infinity);
          // One that was never live has its list before it anyway.
          if (stream.provenWallMs === undefined || sinceMs > DOUBTED_MS) return;
          this.#each(watches, namespace, undefined, (listener) => listener.live());
        },
        disconnected: (error) => {
          stream.connected = false;
          this.#onReconnect(kind);
          this.#each(watches, namespace, undefined, (listener) => listener.disconnected(error));
        },
      },
      abort.signal,
    );
    return stream;
  }

  /** Listeners of a stream: those of one namespace when the stream or the event names it. */
  #each(
    watches: KindWatches,
    streamNamespace: string,
    eventNamespace: string | undefined,
    tell: (l: WatchListener) => void,
  ) {
    const namespace = streamNamespace === "" ? eventNamespace : streamNamespace;
    if (namespace !== undefined) {
      for (const listener of watches.listeners.get(namespace) ?? []) tell(listener);
      return;
    }
    for (const set of watches.listeners.values()) for (const listener of set) tell(listener);
  }
}
