import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import { makeCa } from "./certificates.ts";
import { failureOf } from "./connections.ts";

Deno.test("what stands before an API server cannot lead a call astray", async () => {
  const ca = await makeCa();
  const { certPem, keyPem } = await ca.issueServer();
  const answers: Record<string, () => Response> = {
    "/moved": () => new Response(null, { status: 307, headers: { location: "/elsewhere" } }),
    "/login": () => new Response("<html>please log in</html>", { headers: { "content-type": "text/html" } }),
    "/broken": () => new Response('{"hush', { headers: { "content-type": "application/json" } }),
    "/busy": () => new Response("<html>busy</html>", { status: 502 }),
  };
  const asked: string[] = [];
  const handler = (request: Request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    return answers[pathname]?.() ?? new Response();
  };
  const gateway = Deno.serve({ hostname: "127.0.0.1", port: 0, cert: certPem, key: keyPem, onListen() {} }, handler);
  const server = `https://127.0.0.1:${gateway.addr.port}`;
  const transport = createTransport({ server, caPem: ca.caPem, credential: { kind: "token", token: "t" } });
  const get = (path: string) => transport.request({ method: "GET", path });
  assert.equal((await failureOf(get("/moved"), "BadResponse")).httpStatus, 307);
  assert.match((await failureOf(get("/broken"), "BadResponse")).message, /the answer is not JSON \(6 bytes\)$/);
  await failureOf(get("/busy"), "Unavailable");
  await failureOf(createKubeClient(transport).json("GET", "/login"), "BadResponse");
  assert.deepEqual(asked, ["/moved", "/broken", "/busy", "/login"]);
  transport.close();
  await gateway.shutdown();
});
