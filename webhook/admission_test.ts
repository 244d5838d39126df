import assert from "node:assert/strict";
import { type Admission, type AdmissionOptions, startAdmission } from "./admission.ts";
import type { Log } from "../kube/log.ts";
import type { Hint } from "./review.ts";
import { startThread } from "./thread.ts";
import { type CertificatePair, issueCa, issueLeaf } from "./x509.ts";

const VALIDITY = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const CA = issueCa("test CA", VALIDITY);
const newLeaf = (ca: CertificatePair = CA) => issueLeaf(ca, ["localhost", "127.0.0.1", "::1"], VALIDITY);

interface Running extends AsyncDisposable {
  readonly admission: Admission;
  readonly hints: Hint[];
  readonly lines: string[];
  /** Resolves at the next line that contains the text. */
  line(text: string): Promise<string>;
}

async function run(options: Partial<AdmissionOptions> = {}): Promise<Running> {
  const hints: Hint[] = [];
  const lines: string[] = [];
  const waiting: { text: string; resolve: (line: string) => void }[] = [];
  const add = (message: string, fields?: unknown) => {
    const line = `${message} ${JSON.stringify(fields ?? {})}`;
    lines.push(line);
    waiting.filter(({ text }) => line.includes(text)).forEach(({ resolve }) => resolve(line));
  };
  const log: Log = { debug: add, info: add, warn: add, error: add };
  const admission = await startAdmission({
    host: "127.0.0.1",
    port: 0,
    certificate: newLeaf(),
    onHints: (batch) => void hints.push(...batch),
    log,
    ...options,
  });
  const line = (text: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error(`no line with "${text}" in 15 s: ${lines.join("\n")}`)), 15_000);
    waiting.push({ text, resolve });
    return promise.finally(() => clearTimeout(timer));
  };
  return { admission, hints, lines, line, [Symbol.asyncDispose]: () => admission.stop(2_000) };
}

function review(name: string): string {
  const resource = { group: "", version: "v1", resource: "configmaps" };
  const request = { uid: `uid-${name}`, resource, name, namespace: "shop", operation: "CREATE" };
  return JSON.stringify({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request });
}

async function post(client: Deno.HttpClient, port: number, name: string, host = "127.0.0.1"): Promise<string> {
  const url = `https://${host}:${port}/observe`;
  const response = await fetch(url, {
    client,
    method: "POST",
    body: review(name),
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json() as { response: { uid: string } }).response.uid;
}

const clientOf = (caCerts: string[], options: Deno.CreateHttpClientOptions = {}) =>
  Deno.createHttpClient({ ...options, caCerts } as Deno.CreateHttpClientOptions);

Deno.test("hints come from the thread in order, and its counts with a ping", async () => {
  await using server = await run();
  using client = clientOf([CA.certPem]);
  for (const name of ["a", "b", "c"]) assert.equal(await post(client, server.admission.port, name), `uid-${name}`);
  assert.equal(await server.admission.ping(5_000), true);
  assert.deepEqual(server.hints.map(({ name }) => name), ["a", "b", "c"]);
  const { observed, pushed, restarts } = server.admission.stats();
  assert.deepEqual({ observed, pushed, restarts }, { observed: 3, pushed: 3, restarts: 0 });
});

Deno.test("2,000 connections while certificate and CA change: every request is answered", async () => {
  await using server = await run();
  const nextCa = issueCa("next CA", VALIDITY);
  const { port } = server.admission;
  const pairs = [newLeaf(), newLeaf(nextCa)];
  let count = 0;
  const caller = async () => {
    using client = clientOf([CA.certPem, nextCa.certPem], { poolMaxIdlePerHost: 0 });
    while (count < 2_000) {
      const index = count++;
      if (index % 20 === 0) server.admission.setCertificate(pairs[index / 20 % 2]!);
      assert.equal(await post(client, port, `n${index}`), `uid-n${index}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  assert.ok(await server.admission.ping(5_000));
  const { observed, handshakeFailures } = server.admission.stats();
  assert.deepEqual({ observed, handshakeFailures }, { observed: count, handshakeFailures: 0 });
});

Deno.test("the new certificate is the one that new connections get; a broken one changes nothing", async () => {
  await using server = await run();
  const nextCa = issueCa("next CA", VALIDITY);
  const { port } = server.admission;
  {
    using client = clientOf([nextCa.certPem]);
    await assert.rejects(post(client, port, "early"));
  }
  server.admission.setCertificate(newLeaf(nextCa));
  assert.ok(await server.admission.ping(5_000));
  const complaint = server.line("certificate:");
  server.admission.setCertificate({ certPem: "nonsense", keyPem: "nonsense" });
  await complaint;
  using client = clientOf([nextCa.certPem]);
  assert.equal(await post(client, port, "late"), "uid-late");
});

Deno.test("an address in use, or a broken certificate, fails the start with the reason", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(run({ port: (taken.addr as Deno.NetAddr).port }), /cannot start: .*(in use|EADDRINUSE)/i);
  await assert.rejects(run({ certificate: { certPem: "x", keyPem: "y" } }), /cannot start: start: /);
});

for (const [end, reason] of [["silently", "does not answer"], ["with an error", "died"]] as const) {
  Deno.test(`a thread that ends ${end} is started again on the same port, and counts go on`, async () => {
    let kill = () => {};
    await using server = await run({
      heartbeatMs: 500,
      startThread: (host, port, events) => {
        const thread = startThread(host, port, events);
        kill = () => {
          thread.terminate();
          if (end !== "silently") events.died("killed by the test");
        };
        return thread;
      },
    });
    const { port } = server.admission;
    using client = clientOf([CA.certPem]);
    await post(client, port, "before");
    assert.ok(await server.admission.ping(5_000));
    const again = server.line("Admission server listens");
    kill();
    await again;
    assert.equal(server.admission.port, port);
    using next = clientOf([CA.certPem]);
    assert.equal(await post(next, port, "after"), "uid-after");
    assert.ok(await server.admission.ping(5_000));
    const { observed, restarts } = server.admission.stats();
    assert.equal(observed, 2);
    assert.ok(restarts >= 1, "a machine that is slow to start it may see it start twice");
    assert.match(server.lines.join("\n"), new RegExp(`The admission thread ${reason}`));
  });
}

Deno.test("stop answers what is under way, and an aborted signal ends at once", async () => {
  const server = await run();
  using client = clientOf([CA.certPem]);
  await post(client, server.admission.port, "warm");
  const beganMs = performance.now();
  await server.admission.stop(5_000);
  assert.ok(performance.now() - beganMs < 4_000, "an idle connection must not hold it up");
  await assert.rejects(post(client, server.admission.port, "late"));
  assert.equal(await server.admission.ping(100), false);

  const stop = new AbortController();
  const aborted = await run({ signal: stop.signal });
  stop.abort();
  assert.equal(await aborted.admission.ping(100), false);
});
