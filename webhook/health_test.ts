import assert from "node:assert/strict";
import { createHealthApp, serveHealth } from "./health.ts";

Deno.test("probes answer 200 or 503 with their checks, metrics their text, until the signal is aborted", async () => {
  const stop = new AbortController();
  const app = createHealthApp({
    live: () => ({ ok: true, checks: { loop: "ok" } }),
    ready: () => ({ ok: false, checks: { caches: "not synced" } }),
    metrics: () => Promise.resolve("a_metric 1\n"),
  });
  const server = serveHealth(app, { host: "127.0.0.1", port: 0, signal: stop.signal });
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/healthz"), [200, '{"ok":true,"checks":{"loop":"ok"}}']);
  assert.deepEqual(await get("/readyz"), [503, '{"ok":false,"checks":{"caches":"not synced"}}']);
  assert.deepEqual(await get("/metrics"), [200, "a_metric 1\n"]);
  stop.abort();
  await server.finished;
});
