/**
 * A TCP proxy on loopback that does to connections what networks do: delay, freeze, reset, cut, refuse.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** A running proxy. `await using` ends it and every connection through it. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections open now. */
  readonly open: number;
  /** Most connections that were open at once. */
  readonly peak: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Every chunk arrives this much later, each way; order is kept. */
  delay(delayMs: number): void;
  /**
   * Connections stay open and nothing passes any more, as when a machine on the way vanished: those of now, and with
   * `newToo` also those to come; with `above` only those of now over which more bytes came from the server since the last
   * `resetAfter`.
   */
  freeze(options?: { newToo?: boolean; above?: number }): void;
  /** What was held back passes, and everything after it. */
  thaw(): void;
  /** Connections of now end with RST. */
  reset(): void;
  /** Connections of now end orderly, with FIN. */
  cut(): void;
  /** Every connection ends with RST once this many bytes came from the server since now; undefined: no longer. */
  resetAfter(serverBytes: number | undefined): void;
  /** Connections of now are reset and new ones refused. */
  refuse(): Promise<void>;
  /** New connections are accepted again, on the same port. */
  accept(): Promise<void>;
}

/** Where the proxy forwards to. */
export interface ProxyTarget {
  readonly hostname: string;
  readonly port: number;
}

/** Starts a proxy on a port of the system's choice. `hostname` is one of this machine's own. */
export async function startProxy(target: ProxyTarget, hostname = "127.0.0.1"): Promise<FaultProxy> {
  const proxy = new TcpProxy(target, hostname);
  await proxy.accept();
  return proxy;
}

/** One connection through the proxy: two sockets, forwarded chunk by chunk. */
interface Link {
  readonly sockets: readonly [Socket, Socket];
  frozen: boolean;
  /** What came while frozen, in order. */
  readonly held: (() => void)[];
  serverBytes: number;
}

class TcpProxy implements FaultProxy {
  port = 0;
  peak = 0;
  accepted = 0;
  #server: Server | undefined;
  #delayMs = 0;
  #freezeNew = false;
  #resetAfter: number | undefined;
  readonly #target: ProxyTarget;
  readonly #hostname: string;
  readonly #links = new Set<Link>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(target: ProxyTarget, hostname: string) {
    this.#target = target;
    this.#hostname = hostname;
  }

  get open(): number {
    return this.#links.size;
  }

  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  freeze({ newToo = false, above = -1 }: { newToo?: boolean; above?: number } = {}): void {
    this.#freezeNew = newToo;
    for (const link of this.#links) if (link.serverBytes > above) link.frozen = true;
  }

  thaw(): void {
    this.#freezeNew = false;
    for (const link of this.#links) {
      link.frozen = false;
      for (const pass of link.held.splice(0)) pass();
    }
  }

  reset(): void {
    for (const link of this.#links) this.#reset(link);
  }

  cut(): void {
    for (const link of this.#links) for (const socket of link.sockets) socket.end();
  }

  resetAfter(serverBytes: number | undefined): void {
    this.#resetAfter = serverBytes;
    for (const link of this.#links) link.serverBytes = 0;
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.reset();
    await closed;
  }

  accept(): Promise<void> {
    const server = createServer((client) => this.#link(client));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, this.#hostname, () => {
        const address = server.address();
        if (address !== null && typeof address === "object") this.port = address.port;
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.refuse();
  }

  #link(client: Socket): void {
    const upstream = connect(this.#target.port, this.#target.hostname);
    const link: Link = { sockets: [client, upstream], frozen: this.#freezeNew, held: [], serverBytes: 0 };
    this.#links.add(link);
    this.accepted++;
    this.peak = Math.max(this.peak, this.#links.size);
    this.#forward(link, client, upstream, () => {});
    this.#forward(link, upstream, client, (bytes) => {
      link.serverBytes += bytes;
      if (this.#resetAfter !== undefined && link.serverBytes >= this.#resetAfter) this.#reset(link);
    });
  }

  #forward(link: Link, from: Socket, to: Socket, count: (bytes: number) => void): void {
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      this.#pass(link, () => to.write(chunk));
      count(chunk.length);
    });
    from.on("end", () => this.#pass(link, () => to.end()));
    from.on("error", () => this.#reset(link));
    from.on("close", () => {
      // Frozen, nobody learns that the other side is gone.
      if (!link.frozen) this.#pass(link, () => to.end());
      if (link.sockets.every((socket) => socket.destroyed)) this.#links.delete(link);
    });
  }

  #pass(link: Link, act: () => void): void {
    if (link.frozen) {
      link.held.push(act);
      return;
    }
    if (this.#delayMs === 0) return act();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#passNow(link, act);
    }, this.#delayMs);
    this.#timers.add(timer);
  }

  #passNow(link: Link, act: () => void): void {
    if (link.frozen) link.held.push(act);
    else act();
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    for (const socket of link.sockets) socket.resetAndDestroy();
  }
}
