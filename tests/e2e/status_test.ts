/**
 * What a person is told: columns, counts, failures with a remedy, Events, metrics, audit lines; and that no Secret is told.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createMetrics } from "../../reconciler/metrics.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const CONTROL = "dr-syncer-system";
/** Deletes are carried out at once, however many. */
const DELETE_FREELY = { grace: "0s", budget: { count: 1000, percent: 100, window: "1m" } };
/** An object that was refused is tried again by then, without anybody's help. */
const HEALED_DEADLINE_MS = 60_000;
const CANARY = "canary-5f0e1d7c9b";

Deno.test("what a person is told", async (t) => {
  // An older DR cluster refuses what the source accepts.
  await using scene = await startScene({ dr: { version: "1.30" } });
  using dr = new ClusterView(scene.dr);
  await t.step("counts of every kind", () => counts(scene));
  await t.step("kubectl get shows the state at a glance", () => columns(scene));
  await t.step("an object in the way", () => conflict(scene));
  await t.step("a quota in DR", () => quota(scene));
  await t.step("an admission policy in DR", () => policy(scene));
  await t.step("an object that the older DR cluster takes for invalid", () => invalid(scene));
  await t.step("a field that the older DR cluster does not know", () => unknownField(scene));
  await t.step("Events for changes of phase and conditions", () => events(scene));
  await t.step("an audit line for each write in DR", () => audit(scene, dr));
  await t.step("every metric", () => metrics(scene));
  await t.step("no value of a Secret anywhere", () => secrets(scene));
});

function map(namespace: string, name: string, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...metadata }, data: { a: "1" } };
}

function deployment(namespace: string, name: string, podSpec: object = {}, container: object = {}): object {
  const labels = { app: name };
  const spec = { containers: [{ name: "main", image: "main", ...container }], ...podSpec };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

/** Waits until the status of a Replication is as wanted. */
async function status(scene: Scene, name: string, condition: (status: Printed) => unknown): Promise<Printed> {
  const object = await scene.until(
    scene.source,
    "replication",
    name,
    CONTROL,
    (replication) => replication.status?.syncStats !== undefined && condition(replication.status),
    HEALED_DEADLINE_MS,
  );
  return object.status;
}

async function counts(scene: Scene): Promise<void> {
  await scene.replicate("counts", { deletion: DELETE_FREELY });
  await scene.apply([
    ...["one", "two", "three"].map((name) => map("counts", name)),
    map("counts", "ignored", { labels: { "dr-syncer.io/ignore": "true" } }),
    deployment("counts", "web"),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: "counts" } },
  ]);
  const first = await status(scene, "counts", ({ syncStats }) => syncStats.successfulSyncs === 5);
  const none = { pending: 0, failedSyncs: 0, conflicts: 0 };
  assert.deepEqual(first.syncStats, { totalResources: 5, successfulSyncs: 5, deleted: 0, ...none });
  assert.deepEqual(first.resourceStatus, [
    { group: "", kind: "ConfigMap", total: 3, synced: 3, failed: 0 },
    { group: "apps", kind: "Deployment", total: 1, synced: 1, failed: 0 },
    { group: "", kind: "ServiceAccount", total: 1, synced: 1, failed: 0 },
  ]);
  await scene.source.kubectl(["delete", "configmap", "two", "three", "-n", "counts"]);
  const second = await status(scene, "counts", ({ syncStats }) => syncStats.deleted === 2);
  assert.deepEqual(second.syncStats, { totalResources: 3, successfulSyncs: 3, deleted: 2, ...none });
  assert.ok(second.deletions.count >= 2, "no delete is left out of the budget");
  assert.equal(second.failures.length, 0);
  assert.equal(second.observedGeneration, 1);
}

async function columns(scene: Scene): Promise<void> {
  const rows = async (...args: string[]) => {
    const { stdout } = await scene.source.kubectl(["get", ...args, "-n", CONTROL]);
    return stdout.trim().split("\n").map((line) => line.split(/\s{2,}/));
  };
  const header = [
    "NAME",
    "SOURCE",
    "DESTINATION",
    "CLUSTER",
    "MODE",
    "PHASE",
    "ROLE",
    "SYNCED",
    "FAILED",
    "SYNCED TO",
    "AGE",
  ];
  for (const args of [["replications"], ["repl"], ["replications", "-o", "wide"]]) {
    const [names, row] = await rows(...args);
    assert.deepEqual(names, header);
    assert.deepEqual(row?.slice(0, 9), [
      "counts",
      "counts",
      "counts",
      "dr",
      "Continuous",
      "Running",
      "Standby",
      "3",
      "0",
    ]);
    assert.match(row?.[9] ?? "", /^\d+[sm]/);
  }
  const [names, row] = await rows("remoteclusters.dr-syncer.io");
  assert.deepEqual(names, ["NAME", "HEALTH", "VERSION", "REACHABLE", "AGE"]);
  assert.deepEqual(row?.slice(0, 4), ["dr", "Healthy", "v1.30.14", "Reachable"]);
}

/** The failure of one object, once it is told. */
async function failure(scene: Scene, replication: string, kind: string, name: string): Promise<Printed> {
  const find = ({ failures }: Printed) => failures?.find((one: Printed) => one.kind === kind && one.name === name);
  const found = find(await status(scene, replication, find));
  assert.ok(found.attempts >= 1);
  assert.ok(Date.parse(found.nextRetryTime) > 0);
  return found;
}

async function healed(scene: Scene, replication: string, objects: number): Promise<void> {
  const done = await status(scene, replication, ({ syncStats }) => syncStats.successfulSyncs === objects);
  assert.deepEqual([done.syncStats.failedSyncs, done.syncStats.conflicts, done.failures], [0, 0, []]);
  await scene.condition(replication, "Synced", "True");
}

async function conflict(scene: Scene): Promise<void> {
  await scene.apply(
    [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "conflict" } }, map("conflict", "taken")],
    scene.dr,
  );
  const before = await scene.get(scene.dr, "configmap", "taken", "conflict");
  await scene.replicate("conflict");
  await scene.apply([map("conflict", "taken"), map("conflict", "free")]);
  const found = await failure(scene, "conflict", "ConfigMap", "taken");
  assert.equal(found.class, "Conflict");
  assert.match(found.message, /not ours.*delete or rename/);
  const { syncStats, conditions } = await status(scene, "conflict", ({ syncStats }) => syncStats.successfulSyncs === 1);
  assert.deepEqual([syncStats.totalResources, syncStats.conflicts, syncStats.failedSyncs], [2, 1, 0]);
  const { message } = conditions.find(({ type }: Printed) => type === "Conflict");
  assert.match(message, /configmaps\/taken/);
  await scene.condition("conflict", "Synced", "False", "Failures");
  assert.deepEqual(await scene.get(scene.dr, "configmap", "taken", "conflict"), before, "it is as it was");
  await scene.dr.kubectl(["delete", "configmap", "taken", "-n", "conflict"]);
  await healed(scene, "conflict", 2);
  await scene.condition("conflict", "Conflict", "False");
}

async function quota(scene: Scene): Promise<void> {
  await scene.replicate("quota");
  await scene.condition("quota", "Synced", "True");
  const metadata = { name: "none", namespace: "quota" };
  const hard = { "count/configmaps": "0" };
  await scene.apply([{ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard } }], scene.dr);
  // As the quota controller notes it, which does not run here: first what is allowed, then what is there.
  const note = async (status: object) => {
    const args = ["patch", "resourcequota", "none", "-n", "quota", "--subresource=status", "--type=merge", "-p"];
    await scene.dr.kubectl([...args, JSON.stringify({ status })]);
  };
  const refuses = (words: RegExp) =>
    waitFor(`the quota to say ${words}`, async () => {
      const args = ["create", "configmap", "probe", "-n", "quota", "--dry-run=server"];
      return words.test((await scene.dr.kubectl(args, { allowFailure: true })).stderr);
    }, { deadlineMs: 30_000 });
  await note({ hard });
  await refuses(/status unknown for quota/);
  await scene.apply([map("quota", "first")]);
  assert.equal((await failure(scene, "quota", "ConfigMap", "first")).class, "Quota");
  await note({ hard, used: { "count/configmaps": "0" } });
  await refuses(/exceeded quota/);
  await scene.apply([map("quota", "second")]);
  const found = await failure(scene, "quota", "ConfigMap", "second");
  assert.equal(found.class, "Quota");
  assert.match(found.message, /exceeded quota: none.*raise the quota/);
  assert.equal((await status(scene, "quota", () => true)).syncStats.failedSyncs, 2);
  await scene.dr.kubectl(["delete", "resourcequota", "none", "-n", "quota"]);
  await healed(scene, "quota", 2);
}

/** A policy of the DR cluster that denies what has label `denied`. */
function denial(messageExpression: string): object[] {
  const group = "admissionregistration.k8s.io/v1";
  const rule = {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["configmaps", "secrets"],
  };
  const expression = "!has(object.metadata.labels) || !('denied' in object.metadata.labels)";
  return [
    {
      apiVersion: group,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "strict" },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression, messageExpression }],
      },
    },
    {
      apiVersion: group,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "strict" },
      spec: { policyName: "strict", validationActions: ["Deny"] },
    },
  ];
}

/** Applies a policy and waits until the API server honours it. */
async function forbid(scene: Scene, messageExpression: string): Promise<void> {
  await scene.apply(denial(messageExpression), scene.dr);
  const probe = JSON.stringify(map("default", "probe", { labels: { denied: "yes" } }));
  await waitFor("the policy", async () => {
    const args = ["create", "--dry-run=server", "-f", "-"];
    return (await scene.dr.kubectl(args, { stdin: probe, allowFailure: true })).code !== 0;
  }, { deadlineMs: 30_000 });
}

async function allow(scene: Scene): Promise<void> {
  await scene.dr.kubectl(["delete", "validatingadmissionpolicybinding/strict", "validatingadmissionpolicy/strict"]);
}

async function policy(scene: Scene): Promise<void> {
  await forbid(scene, "'this label is not welcome'");
  await scene.replicate("denied");
  await scene.apply([map("denied", "one", { labels: { denied: "yes" } }), map("denied", "two")]);
  await scene.until(scene.dr, "configmap", "two", "denied");
  const found = await failure(scene, "denied", "ConfigMap", "one");
  assert.equal(found.class, "Denied");
  assert.match(found.message, /'strict'.*this label is not welcome.*change the policy/);
  await scene.condition("denied", "Synced", "False", "Failures");
  await allow(scene);
  await healed(scene, "denied", 2);
}

async function invalid(scene: Scene): Promise<void> {
  await scene.replicate("invalid");
  // Such names are allowed since 1.32.
  await scene.apply([
    deployment("invalid", "web", {}, { env: [{ name: "1 NAME", value: CANARY }] }),
    map("invalid", "one"),
  ]);
  const found = await failure(scene, "invalid", "Deployment", "web");
  assert.equal(found.class, "Invalid");
  assert.match(found.message, /env\[0\]\.name.*compare the versions/);
  await scene.until(scene.dr, "configmap", "one", "invalid");
  await scene.apply([deployment("invalid", "web", {}, { env: [{ name: "NAME", value: "1" }] })]);
  await healed(scene, "invalid", 2);
}

async function unknownField(scene: Scene): Promise<void> {
  await scene.replicate("unknown");
  await scene.apply([deployment("unknown", "web", { resources: { requests: { cpu: "1" } } }), map("unknown", "one")]);
  const found = await failure(scene, "unknown", "Deployment", "web");
  assert.equal(found.class, "FieldUnknown");
  assert.match(found.message, /spec\.template\.spec\.resources.*upgrade it/);
  await scene.apply([deployment("unknown", "web")]);
  await healed(scene, "unknown", 2);
}

async function events(scene: Scene): Promise<void> {
  const about = async (name: string) => {
    const args = ["get", "events", "-n", CONTROL, "-o", "json", `--field-selector=involvedObject.name=${name}`];
    const items: Printed[] = JSON.parse((await scene.source.kubectl(args)).stdout).items;
    return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  };
  const expect = async (name: string, wanted: RegExp[]) => {
    let told: string[] = [];
    await waitFor(`Events about ${name}`, async () => {
      told = await about(name);
      return wanted.every((pattern) => told.some((text) => pattern.test(text)));
    }, { deadlineMs: 20_000, describe: () => told.join("\n") });
  };
  await expect("counts", [/^Normal PhaseRunning /, /^Normal RoleStandby /, /^Normal AllSynced Synced is True/]);
  const warnings = (await about("counts")).filter((text) => text.startsWith("Warning"));
  assert.deepEqual(warnings, [], "nothing was wrong");
  await expect("conflict", [/^Warning NotOurs Conflict is True/, /^Normal None Conflict is False/]);
  await expect("quota", [/^Warning Failures Synced is False/, /^Normal AllSynced Synced is True/]);
  await expect("dr", [/^Normal Healthy health is Healthy/]);
}

async function audit(scene: Scene, dr: ClusterView): Promise<void> {
  const names = ["counts", "conflict", "denied", "invalid", "unknown", "quota"];
  const lines = () =>
    scene.controller.lines.filter(({ logger }) => logger === "dr-syncer.audit" || logger === "dr-syncer·audit");
  for (const name of names) {
    for (const [object, { metadata }] of await dr.copies(name)) {
      const line = lines().find(({ properties }) => properties.namespace === name && properties.name === metadata.name);
      assert.ok(line, `${name} ${object} has an audit line`);
      assert.deepEqual([line.properties.cluster, line.properties.operation], ["dr", "create"]);
      assert.equal(line.properties.replication, `${CONTROL}/${name}`);
    }
    let written = 0;
    for (const operation of ["create", "update", "delete"]) {
      const labels = { replication: `${CONTROL}/${name}`, class: operation };
      written += await scene.controller.metric("dr_syncer_writes_total", labels);
    }
    const told = lines().filter(({ properties }) =>
      properties.replication === `${CONTROL}/${name}` && properties.kind !== "namespaces"
    );
    assert.equal(told.length, written, `${name}: a line for each write`);
  }
  const deleted = lines().filter(({ properties }) => properties.operation === "delete").map(({ properties }) =>
    properties.name
  );
  assert.deepEqual(deleted.sort(), ["three", "two"]);
  const created = lines().filter(({ properties }) => properties.kind === "namespaces").map(({ properties }) =>
    properties.name
  );
  assert.ok(created.includes("counts"), "a DR namespace that we made");
  assert.ok(!created.includes("conflict"), "one that was there");
}

async function metrics(scene: Scene): Promise<void> {
  await scene.source.kubectl(["annotate", "replication", "counts", "-n", CONTROL, "dr-syncer.io/sync-now=metrics"]);
  await status(scene, "counts", ({ lastManualSync }) => lastManualSync === "metrics");
  const labels = { replication: `${CONTROL}/counts` };
  const value = (name: string, more: Record<string, string> = {}) => scene.controller.metric(name, more);
  const text = await (await fetch(`${scene.controller.healthUrl}/metrics`)).text();
  for (const { name } of await createMetrics().registry.getMetricsAsJSON()) {
    assert.match(text, new RegExp(`^# TYPE ${name} `, "m"));
    const samples = text.split("\n").filter((line) =>
      line.startsWith(`${name}{`) || line.startsWith(`${name}_`) || line.startsWith(`${name} `)
    );
    // A connection that was never lost is counted nowhere.
    if (name !== "dr_syncer_watch_reconnects_total") assert.ok(samples.length > 0, `${name} has no value`);
  }
  assert.equal(await value("dr_syncer_lag_seconds_count", labels), 5);
  assert.ok(await value("dr_syncer_lag_seconds_sum", labels) < 60);
  assert.ok(Math.abs(await value("dr_syncer_synced_up_to_seconds", labels) - Date.now() / 1_000) < 180);
  assert.equal(await value("dr_syncer_writes_total", { ...labels, class: "create" }), 5);
  assert.equal(await value("dr_syncer_writes_total", { ...labels, class: "delete" }), 2);
  assert.ok(await value("dr_syncer_writes_total", { class: "Denied" }) >= 1);
  assert.equal(await value("dr_syncer_queue_depth", labels), 0);
  assert.equal(await value("dr_syncer_objects", { ...labels, state: "Synced" }), 3);
  assert.equal(await value("dr_syncer_target_up", { cluster: "dr" }), 1);
  assert.ok(await value("dr_syncer_target_latency_seconds_count", { cluster: "dr" }) >= 1);
  assert.ok(await value("dr_syncer_cert_days_left") > 1);
  assert.equal(await value("dr_syncer_leader"), 1);
  assert.ok(await value("dr_syncer_hints_total", { outcome: "confirmed" }) > 0);
  await scene.source.kubectl(["delete", "replication", "unknown", "-n", CONTROL]);
  const gauges = /^dr_syncer_(synced_up_to_seconds|queue_depth|objects)\{.*dr-syncer-system\/unknown"/m;
  assert.match(text, gauges);
  await waitFor("the gauges of a deleted Replication to go", async () => {
    return !gauges.test(await (await fetch(`${scene.controller.healthUrl}/metrics`)).text());
  }, { deadlineMs: 20_000 });
}

/** A value that passes every way there is: written, refused with a message that quotes it, changed in place. */
async function secrets(scene: Scene): Promise<void> {
  await forbid(scene, "'the value is ' + (has(object.data) ? object.data.map(k, object.data[k]).join(', ') : '')");
  await scene.replicate("secrets", { deletion: DELETE_FREELY });
  const secret = (name: string, more: object = {}) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "secrets" },
    stringData: { value: `${CANARY}-${name}` },
    ...more,
  });
  const labels = { denied: "yes" };
  await scene.apply([
    secret("plain"),
    secret("fixed", { immutable: true }),
    secret("refused", { metadata: { name: "refused", namespace: "secrets", labels } }),
  ]);
  await scene.until(scene.dr, "secret", "plain", "secrets");
  await scene.until(scene.dr, "secret", "fixed", "secrets");
  assert.equal((await failure(scene, "secrets", "Secret", "refused")).class, "Denied");
  await scene.source.kubectl(["delete", "secret", "fixed", "-n", "secrets"]);
  await scene.apply([secret("fixed", { immutable: true, stringData: { value: `${CANARY}-again` } })]);
  await scene.source.kubectl([
    "patch",
    "secret",
    "plain",
    "-n",
    "secrets",
    "--type=merge",
    "-p",
    `{"stringData":{"value":"${CANARY}-next"}}`,
  ]);
  const isNext = ({ data }: Printed) => atob(data.value) === `${CANARY}-next`;
  await scene.until(scene.dr, "secret", "plain", "secrets", isNext);
  await scene.condition("secrets", "Synced", "False", "Failures");
  const told = await everythingTold(scene);
  // As it is, and as a Secret holds it.
  for (const value of [CANARY, btoa(CANARY).slice(0, -3)]) {
    for (const [where, text] of told) assert.ok(!text.includes(value), `${where}: ${around(text, value)}`);
  }
  await allow(scene);
}

function around(text: string, value: string): string {
  const at = text.indexOf(value);
  return text.slice(Math.max(0, at - 300), at + 100);
}

async function everythingTold(scene: Scene): Promise<[string, string][]> {
  const own = "replications,remoteclusters.dr-syncer.io,configmaps,leases";
  const yaml = async (cluster: Scene["source"], ...args: string[]) =>
    (await cluster.kubectl(["get", ...args, "-o", "yaml"])).stdout;
  return [
    ["log", scene.controller.rawLines.join("\n")],
    ["metrics", await (await fetch(`${scene.controller.healthUrl}/metrics`)).text()],
    ["our objects", await yaml(scene.source, own, "-n", CONTROL)],
    ["Events of the source", await yaml(scene.source, "events", "-A")],
    ["Events of DR", await yaml(scene.dr, "events", "-A")],
    ["fences", await yaml(scene.dr, "leases", "-A")],
  ];
}
