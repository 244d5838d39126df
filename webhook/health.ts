/**
 * Probes and metrics, over plain HTTP, on the main thread: what they tell is about the main thread.
 *
 * @module
 */
import { type Context, Hono } from "hono";

/** The outcome of a probe, check by check. */
export interface Health {
  readonly ok: boolean;
  /** Check → what it found, `ok` or a reason. */
  readonly checks: Readonly<Record<string, string>>;
}

/** What is asked. */
export interface HealthOptions {
  /** Whether the event loop and the queues move. */
  readonly live: () => Health | Promise<Health>;
  /** Whether caches are synced and the admission server listens. */
  readonly ready: () => Health | Promise<Health>;
  /** Metrics in the Prometheus text format. */
  readonly metrics: () => Promise<string>;
}

/** A running server. */
export interface HealthServer {
  readonly port: number;
  /** Resolves when it has ended, after the signal was aborted. */
  readonly finished: Promise<void>;
}

/** `GET /healthz`, `/readyz` (200 or 503, with the checks as JSON) and `/metrics`. */
export function createHealthApp(options: HealthOptions): Hono {
  const app = new Hono();
  app.get("/healthz", async (c) => probe(c, await options.live()));
  app.get("/readyz", async (c) => probe(c, await options.ready()));
  app.get("/metrics", async (c) => c.body(await options.metrics(), 200, { "content-type": METRICS_TYPE }));
  return app;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Serves the app until the signal is aborted. Port 0: any free one. Throws when the address is in use. */
export function serveHealth(app: Hono, options: { host: string; port: number; signal: AbortSignal }): HealthServer {
  const { host: hostname, port, signal } = options;
  const server = Deno.serve({ hostname, port, signal, onListen: () => {} }, app.fetch);
  return { port: server.addr.port, finished: server.finished };
}

function probe(c: Context, health: Health): Response {
  return c.json(health, health.ok ? 200 : 503);
}
