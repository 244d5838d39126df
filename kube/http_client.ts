/**
 * HTTP clients that may be replaced while calls are under way.
 *
 * @module
 */
import { type ClusterAddress, ConfigError } from "./address.ts";

/** Idle connections are closed after this long; load balancers forget them sooner or later, without a word. */
const POOL_IDLE_MS = 60_000;

/** An HTTP client with its users counted: retired, it closes after the last of them. */
export class CountedClient {
  readonly client: Deno.HttpClient;
  /** Failures in a row that look like a dead connection. */
  failures = 0;
  #users = 0;
  #retired = false;

  constructor(client: Deno.HttpClient) {
    this.client = client;
  }

  get users(): number {
    return this.#users;
  }

  get retired(): boolean {
    return this.#retired;
  }

  enter(): void {
    this.#users++;
  }

  leave(): void {
    this.#users--;
    if (this.#retired && this.#users === 0) this.client.close();
  }

  /** No further users; closes now or after the last one. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#users === 0) this.client.close();
  }
}

/**
 * Opens a client of one protocol: requests with a body are 20 times slower over HTTP/2 here (no TCP_NODELAY), and many
 * streams need HTTP/2. Throws ConfigError when the certificates cannot be used.
 */
export function openClient(address: ClusterAddress, protocol: "http1" | "http2", maxIdle: number): CountedClient {
  const { credential } = address;
  const options: Deno.CreateHttpClientOptions = {
    http1: protocol === "http1",
    http2: protocol === "http2",
    poolIdleTimeout: POOL_IDLE_MS,
    poolMaxIdlePerHost: maxIdle,
    ...(address.caPem === undefined ? {} : { caCerts: [address.caPem] }),
  };
  const pair = credential.kind === "certificate" ? { cert: credential.certPem, key: credential.keyPem } : {};
  try {
    return new CountedClient(Deno.createHttpClient({ ...options, ...pair }));
  } catch (error) {
    // The TLS library's words name the fault, never the bytes.
    const why = error instanceof Error ? error.message : "unusable";
    throw new ConfigError("BadValue", "certificates", `Cannot use the CA, certificate or key: ${why}`, {
      cause: error,
    });
  }
}

/** Whether two addresses may share their connections: same server, CA and certificate. */
export function sameConnection(a: ClusterAddress, b: ClusterAddress): boolean {
  if (a.server !== b.server || a.caPem !== b.caPem) return false;
  if (a.credential.kind !== "certificate" || b.credential.kind !== "certificate") {
    return a.credential.kind !== "certificate" && b.credential.kind !== "certificate";
  }
  return a.credential.certPem === b.credential.certPem && a.credential.keyPem === b.credential.keyPem;
}
