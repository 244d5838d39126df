import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { type Clock, systemClock } from "../../kube/clock.ts";
import { type ClusterAddress, parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport, type Stream, type Transport } from "../../kube/transport.ts";
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
  await t.step("streams beyond 90 get a second connection", () => spreadsStreams(cluster));
  await t.step("a call that gets no answer ends with its deadline, its caller or close", () => endsCalls(cluster));
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

Deno.test("credentials against a real API server", async (t) => {
  await using cluster = await startCluster({ name: "credentials" });
  await t.step("a token file is read again each 60 s, and at once after a 401", () => rereadsTokens(cluster));
  await t.step("a 429 is tried again when the server says, for a POST too", () => retriesThrottled(cluster));
  await t.step("a 503 is tried again for GET only", () => retriesUnavailable(cluster));
});

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

async function boundsCalls(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { maxConcurrent: 4 });
  const { proxy, transport } = connection;
  proxy.delay(20);
  await Promise.all(Array.from({ length: 20 }, () => transport.request(version)));
  assert.equal(proxy.peak, 4);
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

async function rereadsTokens(cluster: Cluster): Promise<void> {
  let [reads, token, laterMs] = [0, cluster.adminToken, 0];
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + laterMs };
  const read = () => Promise.resolve(`${token}\n`).finally(() => reads++);
  const transport = createTransport({ ...addressOf(cluster), credential: { kind: "tokenFile", read } }, { clock });
  const list = () => transport.request({ method: "GET", path: configMaps });
  await list();
  await list();
  assert.equal(reads, 1);
  laterMs += 60_000;
  await list();
  assert.equal(reads, 2);
  token = "not-a-token";
  laterMs += 60_000;
  assert.match((await failureOf(list(), "Unauthorized")).message, /Unauthorized/);
  const readsBefore = reads;
  token = cluster.adminToken;
  // The wrong token is the one in use: only the 401 makes it look again.
  await list();
  assert.equal(reads, readsBefore + 1);
  token = "spoiled\ntoken";
  laterMs += 60_000;
  await list();
  transport.close();
}

async function retriesThrottled(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["create", "serviceaccount", "somebody"]);
  const binding = ["--clusterrole=cluster-admin", "--serviceaccount=default:somebody"];
  await cluster.kubectl(["create", "clusterrolebinding", "somebody", ...binding]);
  const kubeconfig = await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "somebody" });
  // Administrators are exempt from throttling.
  const { credential } = parseInlineKubeconfig(kubeconfig);
  const asSomebody = (address: ClusterAddress) => ({ ...address, credential });
  await using connection = await connectThroughProxy(cluster, {}, asSomebody);
  const { transport, events } = connection;
  await cluster.kubectl(["apply", "-f", "-"], { stdin: throttleServiceAccounts });
  const path = "/api/v1/namespaces/default/serviceaccounts";
  const create = { method: "POST", path, body: { metadata: { name: "throttled" } }, query: { dryRun: "All" } };
  const burst = (size: number, deadlineMs: number) =>
    Promise.allSettled(Array.from({ length: size }, () => transport.request({ ...create, deadlineMs })));
  const refused = async () => (await burst(20, 900)).find((one) => one.status === "rejected")?.reason;
  // The server asks for a second at least, which is beyond the deadline: the error comes at once.
  const error = await waitFor("the API server throttle", refused, { deadlineMs: 20_000 });
  assert.equal(error.reason, "Throttled", error.message);
  assert.ok(error.retryAfterMs >= 1_000, `${error.retryAfterMs}`);
  assert.equal(events.length, 0);
  // One seat lets at least one of four through each time, so the third retry is the last that may be needed.
  const served = async () => {
    assert.deepEqual((await burst(4, 30_000)).filter((one) => one.status === "rejected"), []);
    return events[0];
  };
  const event = await waitFor("a throttled create that succeeded", served, { deadlineMs: 30_000 });
  assert.ok(event.type === "throttled" && event.httpStatus === 429 && event.retryInMs >= 1_000);
}

/** A priority level with a single seat: beyond it the API server answers 429 with Retry-After. */
const throttleServiceAccounts = `
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: throttle}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: throttle}
spec:
  matchingPrecedence: 2
  priorityLevelConfiguration: {name: throttle}
  rules:
  - subjects: [{kind: Group, group: {name: "system:authenticated"}}]
    resourceRules: [{verbs: ["*"], apiGroups: [""], resources: [serviceaccounts], namespaces: ["*"]}]
`;

async function retriesUnavailable(cluster: Cluster): Promise<void> {
  await using connection = await connectThroughProxy(cluster, { random: () => 0 });
  const { transport, events } = connection;
  const path = "/api/v1/namespaces/default/services/https:kubernetes:nowhere/proxy/";
  await failureOf(transport.request({ method: "POST", path }), "Unavailable");
  assert.equal(events.length, 0);
  await failureOf(transport.request({ method: "GET", path, deadlineMs: 2_500 }), "Unavailable");
  assert.deepEqual(events, [{ type: "throttled", httpStatus: 503, retryInMs: 1_000, attempt: 1 }]);
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
