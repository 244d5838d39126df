import assert from "node:assert/strict";
import { type CallReport, createTransport, type Stream, type Transport } from "../../kube/transport.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { makeCa } from "./certificates.ts";
import { addressOf, connectThroughProxy, failureOf } from "./connections.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const version = { method: "GET", path: "/version" } as const;

Deno.test("transport against a real API server", async (t) => {
  const ca = await makeCa();
  const caFile = await Deno.makeTempFile();
  await Deno.writeTextFile(caFile, ca.caPem);
  await using cluster = await startCluster({ name: "transport", extraApiServerArgs: [`--client-ca-file=${caFile}`] });
  await t.step("calls at once are bounded, and each has its connection", () => boundsCalls(cluster));
  await t.step("calls in bulk leave places to others", () => boundsBulk(cluster));
  await t.step("how each attempt went is told, but for those that were given up", () => reportsCalls(cluster));
  await t.step("streams beyond 90 get a second connection", () => spreadsStreams(cluster));
  await t.step("a call that gets no answer ends with its deadline, its caller or close", () => endsCalls(cluster));
  await t.step("what was sent is waited for, what was not is not sent any more", () => sendsNoMore(cluster));
  await t.step("a refused, cut or untrusted connection is Unreachable", () => reportsUnreachable(cluster));
  await t.step("pooled connections found dead are replaced after two deadlines", () => replacesDeadCalls(cluster));
  await t.step("stream connections found dead are replaced after two reports", () => replacesDeadStreams(cluster));
  await t.step("a create survives a reset of the pooled connection", () => survivesReset(cluster));
  await t.step("an answer cut off in the middle is an error", () => noticesCutAnswer(cluster));
  await t.step("a slow network only slows", () => standsDelay(cluster));
  await t.step("an answer over its bound is given up", () => boundsAnswers(cluster));
  await t.step("a released stream ends and frees its place, close ends the rest", () => endsStreams(cluster));
  await t.step("a changed client certificate is used, streams under way go on", async () => {
    const [anna, berta] = [await ca.issueClient("anna"), await ca.issueClient("berta")];
    const address = { ...addressOf(cluster), credential: { kind: "certificate" as const, ...anna } };
    const transport = createTransport(address);
    const stream = await watchConfigMaps(transport);
    assert.equal(await whoAmI(transport), "anna");
    transport.updateAddress({ ...address, credential: { kind: "certificate", ...berta } });
    assert.equal(await whoAmI(transport), "berta");
    await createConfigMap(transport, "seen-by-the-old-stream");
    assert.match(await readUntil(stream, "seen-by-the-old-stream"), /ADDED/);
    const unusable = { ...address, credential: { kind: "certificate" as const, ...anna, keyPem: berta.keyPem } };
    assert.throws(() => transport.updateAddress(unusable), { name: "ConfigError" });
    assert.equal(await whoAmI(transport), "berta");
    stream.release();
    transport.close();
  });
  await Deno.remove(caFile);
});

async function boundsCalls(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { maxConcurrent: 4 });
  const { proxy, transport } = connection;
  proxy.delay(20);
  await Promise.all(Array.from({ length: 20 }, () => transport.request(version)));
  assert.equal(proxy.peak, 4);
}

async function boundsBulk(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { maxConcurrent: 8 });
  const { proxy, transport } = connection;
  proxy.delay(20);
  const bulk = Promise.all(Array.from({ length: 20 }, () => transport.request({ ...version, bulk: true })));
  await transport.request(version);
  await bulk;
  assert.equal(proxy.peak, 3);
}

async function reportsCalls(cluster: Cluster): Promise<void> {
  const reports: CallReport[] = [];
  await using connection = await connectThroughProxy(cluster, { onCall: (report) => reports.push(report) });
  const { proxy, transport } = connection;
  await transport.request(version);
  await failureOf(transport.request({ method: "POST", path: "/nowhere" }), "KindMissing");
  proxy.freeze({ newToo: true });
  await failureOf(transport.request({ ...version, deadlineMs: 150 }), "Timeout");
  const caller = new AbortController();
  const given = failureOf(transport.request({ ...version, signal: caller.signal }), "Aborted");
  caller.abort();
  await given;
  await proxy.refuse();
  await failureOf(transport.request(version), "Unreachable");
  assert.deepEqual(reports.map(({ method, outcome }) => `${method} ${outcome}`), [
    "GET answered",
    "POST answered",
    "GET timedOut",
    "GET unanswered",
  ]);
  assert.ok(reports.every(({ tookMs }) => tookMs > 0) && (reports[2]?.tookMs ?? 0) >= 100);
}

async function spreadsStreams(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport } = connection;
  const streams = await Promise.all(Array.from({ length: 200 }, () => watchConfigMaps(transport)));
  assert.equal(proxy.accepted, 3);
  for (const stream of streams) stream.release();
  await waitFor("the spare connections closed", () => proxy.open <= 1, { deadlineMs: 5_000 });
}

async function endsCalls(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { maxConcurrent: 1 });
  const { proxy, transport } = connection;
  proxy.freeze({ newToo: true });
  const startedAtMs = performance.now();
  const first = failureOf(transport.request({ ...version, deadlineMs: 300 }), "Timeout");
  const queued = failureOf(transport.request({ ...version, deadlineMs: 100 }), "Timeout");
  const caller = new AbortController();
  const aborted = failureOf(transport.request({ ...version, signal: caller.signal }), "Aborted");
  await queued;
  caller.abort();
  await Promise.all([first, aborted]);
  assert.ok(performance.now() - startedAtMs < 2_000);
  const closed = failureOf(transport.request(version), "Aborted");
  const stream = failureOf(watchConfigMaps(transport), "Aborted");
  transport.close();
  await Promise.all([closed, stream]);
  await failureOf(transport.request(version), "Aborted");
}

async function reportsUnreachable(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport } = connection;
  await proxy.refuse();
  const error = await failureOf(transport.request(version), "Unreachable");
  assert.match(error.message, /^Cannot GET \/version: .*refused/);
  await failureOf(watchConfigMaps(transport), "Unreachable");
  await proxy.accept();
  assert.ok(await transport.request(version));
  const { caPem: _, ...untrusting } = addressOf(cluster);
  const stranger = createTransport(untrusting);
  assert.match((await failureOf(stranger.request(version), "Unreachable")).message, /certificate/);
  stranger.close();
}

async function replacesDeadCalls(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport, events } = connection;
  proxy.delay(20);
  await Promise.all(Array.from({ length: 8 }, () => transport.request(version)));
  assert.equal(proxy.open, 8);
  proxy.delay(0);
  proxy.freeze();
  for (let i = 0; i < 2; i++) await failureOf(transport.request({ ...version, deadlineMs: 200 }), "Timeout");
  assert.ok(await transport.request({ ...version, deadlineMs: 5_000 }));
  assert.deepEqual(events, [{ type: "rebuilt", client: "calls", why: "dead" }]);
}

async function replacesDeadStreams(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport, events } = connection;
  const dead = await watchConfigMaps(transport);
  proxy.freeze();
  transport.reportDead(dead);
  dead.release();
  await failureOf(watchConfigMaps(transport, 200), "Timeout");
  assert.deepEqual(events, [{ type: "rebuilt", client: "streams", why: "dead" }]);
  const alive = await watchConfigMaps(transport, 5_000);
  // Once proven alive, one report more is not two in a row.
  transport.reportDead(alive);
  (await watchConfigMaps(transport)).release();
  transport.reportDead(alive);
  assert.equal(events.length, 1);
  alive.release();
}

async function survivesReset(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport } = connection;
  for (let i = 0; i < 10; i++) {
    await transport.request(version);
    proxy.reset();
    await createConfigMap(transport, `after-reset-${i}`);
  }
}

async function noticesCutAnswer(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport } = connection;
  await createConfigMap(transport, "big", "x".repeat(500_000));
  const path = `${configMaps}/big`;
  proxy.resetAfter(20_000);
  // Random bytes would not compress below the cut; ask for the plain ones.
  await failureOf(transport.request({ method: "GET", path: configMaps, query: { watch: "true" } }), "Unreachable");
  proxy.resetAfter(undefined);
  assert.ok((await transport.request({ method: "GET", path })).sizeBytes > 500_000);
}

async function standsDelay(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { proxy, transport } = connection;
  proxy.delay(100);
  const startedAtMs = performance.now();
  assert.ok(await transport.request(version));
  assert.ok(performance.now() - startedAtMs >= 200);
}

async function sendsNoMore(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { maxConcurrent: 1 });
  const { proxy, transport } = connection;
  proxy.delay(200);
  const stop = new AbortController();
  const create = (name: string) =>
    transport.request({ method: "POST", path: configMaps, body: { metadata: { name } }, sendUntil: stop.signal });
  const sent = create("was-sent");
  const waiting = failureOf(create("was-not-sent"), "Aborted");
  await waitFor("the first on its way", () => proxy.peak > 0, { deadlineMs: 20_000 });
  stop.abort();
  await waiting;
  assert.ok(await sent);
  await failureOf(create("too-late"), "Aborted");
  await failureOf(transport.request({ method: "GET", path: `${configMaps}/was-not-sent` }), "NotFound");
}

async function boundsAnswers(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { transport } = connection;
  const big = { method: "GET", path: `${configMaps}/big` };
  const error = await failureOf(transport.request({ ...big, maxBytes: 10_000 }), "TooLarge");
  assert.equal(error.httpStatus, 0);
  assert.ok(await transport.request({ ...big, maxBytes: 1_000_000 }));
}

async function endsStreams(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster);
  const { transport } = connection;
  const [released, other] = [await watchConfigMaps(transport), await watchConfigMaps(transport)];
  const endOfReleased = readToEnd(released);
  released.release();
  released.release();
  assert.notEqual(await endOfReleased, undefined);
  const endOfOther = readToEnd(other);
  transport.close();
  assert.notEqual(await endOfOther, undefined);
  other.release();
}

function watchConfigMaps(transport: Transport, headerDeadlineMs = 10_000): Promise<Stream> {
  const query = { watch: "true", resourceVersion: "0" };
  return transport.stream({ path: configMaps, query, signal: new AbortController().signal, headerDeadlineMs });
}

async function createConfigMap(transport: Transport, name: string, value = ""): Promise<void> {
  await transport.request({ method: "POST", path: configMaps, body: { metadata: { name }, data: { value } } });
}

async function whoAmI(transport: Transport): Promise<unknown> {
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { body } = await transport.request({ method: "POST", path, body: {} });
  return (body as { status: { userInfo: { username: string } } }).status.userInfo.username;
}

/** What a stream delivers until `text` is in it. */
async function readUntil(stream: Stream, text: string): Promise<string> {
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
  let all = "";
  while (!all.includes(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot find ${text}: the stream ended`);
    all += value;
  }
  reader.releaseLock();
  return all;
}

/** How a stream ends: its error, or undefined when it ended orderly. */
async function readToEnd(stream: Stream): Promise<unknown> {
  try {
    for await (const _ of stream.body);
  } catch (error) {
    return error;
  }
}
