/**
 * WebSockets to an API server, over a TLS connection of their own.
 *
 * Deno's WebSocket takes a CA or a client certificate only by an HTTP client, and then speaks HTTP/2, which API servers
 * do not for WebSockets; it tells no HTTP status, and sends no pings, without which a half-open connection is silent for ever.
 *
 * @module
 */
import type { ClusterAddress } from "./address.ts";
import type { Clock } from "./clock.ts";
import { KubeError } from "./errors.ts";
import { kubeErrorOf } from "./status.ts";
import { encodeFrame, FrameReader, OPCODES } from "./web_socket_frames.ts";

/** Bytes of a handshake's answer, at most. */
const HEAD_BYTES = 65_536;
/** Pings are sent this often; a connection without a byte for three of these, or that takes none, is dead. */
const PING_MS = 10_000;
const SILENT_MS = 30_000;
/** No message of the server is longer. */
const MESSAGE_BYTES = 4 * 1_048_576;
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Status of a close without anything wrong. */
const NORMAL_CLOSE = new Uint8Array([0x03, 0xe8]);

/** What to open. */
export interface SocketRequest {
  readonly address: ClusterAddress;
  /** Encoded path and query below the server's base URL. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** Subprotocols, the best first. */
  readonly protocols: readonly string[];
  /** For messages: "Cannot <action>: …". */
  readonly action: string;
  readonly clock: Clock;
  /** Bounds the handshake. */
  readonly signal: AbortSignal;
  /** Closes the socket whenever it is aborted. */
  readonly until: AbortSignal;
}

/** An open WebSocket. */
export interface Socket {
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /** Messages as they come; ends when the server closes, throws KubeError Unreachable when the connection breaks. */
  messages(): AsyncIterable<Uint8Array>;
  /** Sends a binary message, which may come in parts; resolves once all of it is on its way. Throws KubeError Unreachable. */
  send(...message: readonly Uint8Array[]): Promise<void>;
  /** Closes it, at once; never throws. */
  close(): void;
}

/** Opens a WebSocket. Throws KubeError, and ConfigError for unusable certificates. */
export async function openWebSocket(request: SocketRequest): Promise<Socket> {
  const connection = await connect(request);
  const abort = () => connection.close();
  request.signal.addEventListener("abort", abort, { once: true });
  try {
    const { protocol, rest } = await shakeHands(connection, request);
    request.signal.throwIfAborted();
    return new OpenSocket(connection, protocol, rest, request);
  } catch (error) {
    if (!request.signal.aborted) connection.close();
    if (error instanceof KubeError) throw error;
    throw broken(request.action, error);
  } finally {
    request.signal.removeEventListener("abort", abort);
  }
}

async function connect({ address, action, signal }: SocketRequest): Promise<Deno.TlsConn> {
  const { hostname, port } = new URL(address.server);
  const { credential } = address;
  const pair = credential.kind === "certificate" ? { cert: credential.certPem, key: credential.keyPem } : {};
  const connecting = Deno.connectTls({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 443 : Number(port),
    caCerts: address.caPem === undefined ? [] : [address.caPem],
    alpnProtocols: ["http/1.1"],
    ...pair,
  }).then(async (connection) => {
    await connection.handshake();
    return connection;
  });
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(new DOMException("ended", "AbortError"));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([connecting, aborted.promise]);
  } catch (error) {
    // A connection that comes too late is nobody's.
    connecting.then((connection) => connection.close(), () => undefined);
    throw broken(action, error);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks for the upgrade; answers with the protocol and what came after the answer's head. */
async function shakeHands(connection: Deno.TlsConn, request: SocketRequest) {
  const { address, path, authorization, protocols, action } = request;
  const { host, pathname } = new URL(address.server);
  const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const lines = [
    `GET ${pathname === "/" ? "" : pathname}${path} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: dr-syncer",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Protocol: ${protocols.join(", ")}`,
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
  ];
  await writeAll(connection, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const { head, rest } = await readHead(connection);
  const [statusLine = "", ...fields] = head.split("\r\n");
  const httpStatus = Number(statusLine.split(" ")[1]);
  const headers = new Headers(fields.map((field) => [field.slice(0, field.indexOf(":")), afterColon(field)]));
  if (httpStatus !== 101) {
    const bodyText = await readBody(connection, headers, rest);
    const retryAfter = headers.get("retry-after");
    throw kubeErrorOf({ action, httpStatus, bodyText, retryAfter, nowEpochMs: Date.now() });
  }
  const protocol = headers.get("sec-websocket-protocol") ?? "";
  if (headers.get("sec-websocket-accept") !== await acceptOf(key) || !protocols.includes(protocol)) {
    throw new KubeError("BadResponse", `Cannot ${action}: the server's answer is no WebSocket of ours`);
  }
  return { protocol, rest };
}

function afterColon(field: string): string {
  return field.slice(field.indexOf(":") + 1).trim();
}

async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + ACCEPT_GUID));
  return new Uint8Array(digest).toBase64();
}

async function readHead(connection: Deno.TlsConn): Promise<{ head: string; rest: Uint8Array }> {
  let bytes = new Uint8Array();
  for (;;) {
    const text = new TextDecoder("latin1").decode(bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end !== -1) return { head: text.slice(0, end), rest: bytes.slice(end + 4) };
    if (bytes.length > HEAD_BYTES) throw new Error("the answer's head is too long");
    bytes = await readMore(connection, bytes);
  }
}

/** The Status that explains a refusal; what is not whole is as good as none. */
async function readBody(connection: Deno.TlsConn, headers: Headers, rest: Uint8Array): Promise<string> {
  const length = Math.min(Number(headers.get("content-length") ?? 0), HEAD_BYTES);
  let bytes = rest;
  try {
    while (bytes.length < length) bytes = await readMore(connection, bytes);
  } catch {
    // The HTTP status alone says enough.
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

async function readMore(connection: Deno.TlsConn, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(16_384);
  const count = await connection.read(chunk);
  if (count === null) throw new Error("the server ended the connection");
  const longer = new Uint8Array(bytes.length + count);
  longer.set(bytes);
  longer.set(chunk.subarray(0, count), bytes.length);
  return longer;
}

async function writeAll(connection: Deno.TlsConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function broken(action: string, error: unknown): KubeError {
  const words = error instanceof Error ? error.message : String(error);
  return new KubeError("Unreachable", `Cannot ${action}: ${words}`, { cause: error });
}

class OpenSocket implements Socket {
  readonly protocol: string;
  readonly #connection: Deno.TlsConn;
  readonly #clock: Clock;
  readonly #action: string;
  readonly #until: AbortSignal;
  readonly #onUntil = () => this.close();
  readonly #frames = new FrameReader(MESSAGE_BYTES);
  #first: Uint8Array;
  /** When the read began that is under way, undefined while nobody reads: what is not asked for is not missed. */
  #readingSinceMs: number | undefined;
  /** The same of writes. */
  #writingSinceMs: number | undefined;
  #cancelPing: () => void = () => {};
  #sent: Promise<void> = Promise.resolve();
  #isClosed = false;
  #isSilent = false;

  constructor(connection: Deno.TlsConn, protocol: string, rest: Uint8Array, { clock, action, until }: SocketRequest) {
    this.protocol = protocol;
    this.#connection = connection;
    this.#clock = clock;
    this.#action = action;
    this.#first = rest;
    this.#until = until;
    until.addEventListener("abort", this.#onUntil, { once: true });
    this.#schedulePing();
    if (until.aborted) this.close();
  }

  async *messages(): AsyncGenerator<Uint8Array> {
    const chunk = new Uint8Array(65_536);
    try {
      for (let bytes: Uint8Array | undefined = this.#first; bytes !== undefined; bytes = await this.#read(chunk)) {
        for (const { opcode, payload } of this.#frames.push(bytes)) {
          if (opcode === OPCODES.close) return;
          if (opcode === OPCODES.ping) await this.#send(OPCODES.pong, payload);
          if (opcode === OPCODES.binary || opcode === OPCODES.text) yield payload;
        }
      }
      if (!this.#isClosed) throw new Error("the server ended the connection");
    } catch (error) {
      if (this.#isSilent) throw broken(this.#action, new Error("the server is silent"));
      if (!this.#isClosed) throw error instanceof KubeError ? error : broken(this.#action, error);
    } finally {
      this.close();
    }
  }

  async send(...message: readonly Uint8Array[]): Promise<void> {
    await this.#send(OPCODES.binary, message);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPing();
    this.#until.removeEventListener("abort", this.#onUntil);
    const end = () => this.#connection.close();
    // What was sent last goes out first, unless nobody takes it.
    const cancel = this.#clock.setTimer(end, 1_000);
    void this.#sent.then(() => writeAll(this.#connection, this.#frame(OPCODES.close, NORMAL_CLOSE)))
      .catch(() => undefined).finally(() => {
        cancel();
        try {
          end();
        } catch {
          // The timer was faster.
        }
      });
  }

  async #read(chunk: Uint8Array): Promise<Uint8Array | undefined> {
    this.#readingSinceMs = this.#clock.nowMs();
    const count = await this.#connection.read(chunk);
    this.#readingSinceMs = undefined;
    return count === null ? undefined : chunk.subarray(0, count);
  }

  async #write(frame: Uint8Array): Promise<void> {
    this.#writingSinceMs = this.#clock.nowMs();
    await writeAll(this.#connection, frame);
    this.#writingSinceMs = undefined;
  }

  #send(opcode: number, payload: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(broken(this.#action, new Error("it is closed")));
    const sending = this.#sent.then(() => this.#write(this.#frame(opcode, payload)));
    this.#sent = sending.catch(() => undefined);
    return sending.catch((error: unknown) => {
      throw broken(this.#action, error);
    });
  }

  #frame(opcode: number, payload: Uint8Array | readonly Uint8Array[]): Uint8Array {
    return encodeFrame(opcode, payload, crypto.getRandomValues(new Uint8Array(4)));
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.setTimer(() => {
      const nowMs = this.#clock.nowMs();
      if ([this.#readingSinceMs, this.#writingSinceMs].some((sinceMs = nowMs) => nowMs - sinceMs > SILENT_MS)) {
        this.#isSilent = true;
        return this.close();
      }
      void this.#send(OPCODES.ping, new Uint8Array()).catch(() => undefined);
      this.#schedulePing();
    }, PING_MS);
  }
}
