import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../kube/clock.ts";
import { type ClusterAddress, parseInlineKubeconfig } from "../../kube/config.ts";
import { type CallReport, createTransport } from "../../kube/transport.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { addressOf, connectThroughProxy, failureOf } from "./connections.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";

Deno.test("credentials and throttling against a real API server", async (t) => {
  await using cluster = await startCluster({ name: "credentials" });
  await t.step("a token file is read again each 60 s, and at once after a 401", () => rereadsTokens(cluster));
  await t.step("a 429 is tried again when the server says, for a POST too", () => retriesThrottled(cluster));
  await t.step("a 503 is tried again for GET only", () => retriesUnavailable(cluster));
});

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
  const reports: CallReport[] = [];
  const onCall = (report: CallReport) => void reports.push(report);
  await using connection = await connectThroughProxy(cluster, { onCall }, asSomebody);
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
  const told = reports.find(({ outcome }) => outcome === "throttled");
  assert.equal(told?.retryAfterMs, error.retryAfterMs);
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
