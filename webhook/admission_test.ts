import assert from "node:assert/strict";
import { type Admission, type AdmissionOptions, startAdmission } from "./admission.ts";
import type { Log } from "./log.ts";
import type { Hint } from "./review.ts";
import { type CertificatePair, issueCa, issueLeaf } from "./x509.ts";

const VALIDITY = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const CA = issueCa("test CA", VALIDITY);
const newLeaf = (ca: CertificatePair = CA) => issueLeaf(ca, ["localhost", "127.0.0.1", "::1"], VALIDITY);

interface Running extends AsyncDisposable {
  readonly admission: Admission;
  readonly hints: Hint[];
  readonly lines: string[];
  /** Resolves at the next line that contains the text, or the one that did. */
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
    const { promise, resolve } = Promise.withResolvers<string>();
    waiting.push({ text, resolve });
    return promise;
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

Deno.test("a busy main thread delays no answer, and its hints melt together by key", async () => {
  await using server = await run();
  using client = clientOf([CA.certPem]);
  await post(client, server.admission.port, "warm");
  const names = Array.from({ length: 60 }, (_, index) => `key-${index % 3}`);
  const answers = Promise.all(names.map((name) => post(client, server.admission.port, name)));
  assert.equal((await answers).length, 60);
  assert.ok(await server.admission.ping(5_000));
  const { pushed, coalesced } = server.admission.stats();
  assert.equal(pushed, 61);
  assert.equal(server.hints.length, 61 - coalesced);
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
  assert.ok(server.admission.stats().handshakeFailures >= 0);
});

Deno.test("an address in use, or a broken certificate, fails the start with the reason", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(run({ port: (taken.addr as Deno.NetAddr).port }), /cannot start: .*(in use|EADDRINUSE)/i);
  await assert.rejects(run({ certificate: { certPem: "x", keyPem: "y" } }), /cannot start: start: /);
});

Deno.test("a thread that dies is started again on the same port, and counts go on", async () => {
  await using server = await run({ heartbeatMs: 200 });
  const { port } = server.admission;
  using client = clientOf([CA.certPem]);
  await post(client, port, "before");
  assert.ok(await server.admission.ping(5_000));
  const again = server.line("Admission server listens");
  killThread(server.admission);
  await again;
  assert.equal(server.admission.port, port);
  using next = clientOf([CA.certPem]);
  assert.equal(await post(next, port, "after"), "uid-after");
  assert.ok(await server.admission.ping(5_000));
  const { observed, restarts } = server.admission.stats();
  assert.deepEqual({ observed, restarts }, { observed: 2, restarts: 1 });
  assert.match(server.lines.join("\n"), /The admission thread died/);
});

/** A message of no known shape ends the thread, as a bug in it would. */
function killThread(admission: Admission): void {
  (admission.setWorld as (world: unknown) => void)(undefined);
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
