/**
 * What a person is told: columns, counts, failures with a remedy, Events, metrics, audit lines; and that no Secret is told.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createMetrics } from "../../reconciler/metrics.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { REPLICATION_COLUMNS } from "./printer_columns.ts";
import {
  allow,
  CANARY,
  conflict,
  CONTROL,
  deployment,
  failure,
  forbid,
  invalid,
  map,
  policy,
  quota,
  status,
  unknownField,
} from "./refusals.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

/** Deletes are carried out at once, however many. */
const DELETE_FREELY = { grace: "0s", budget: { count: 1000, percent: 100, window: "1m" } };

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

async function counts(scene: Scene): Promise<void> {
  const isHealthy = ({ status }: Printed) => status?.health === "Healthy";
  await scene.until(scene.source, "remoteclusters.dr-syncer.io", "dr", CONTROL, isHealthy);
  await scene.replicate("counts", { deletion: DELETE_FREELY });
  await scene.apply([
    ...["one", "two", "three"].map((name) => map("counts", name)),
    map("counts", "ignored", { labels: { "dr-syncer.io/ignore": "true" } }),
    deployment("counts", "web"),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: "counts" } },
  ]);
  const first = await status(scene, "counts", ({ syncStats }) => syncStats.successfulSyncs === 5);
  const none = { pending: 0, failedSyncs: 0, conflicts: 0, drifted: 0 };
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
  for (const args of [["replications"], ["repl"], ["replications", "-o", "wide"]]) {
    const [names, row] = await rows(...args);
    const wide = ["VOLUMES", "VOLUMES SYNCED", "VOLUMES STATE"];
    assert.deepEqual(names, [...REPLICATION_COLUMNS, ...(args.includes("wide") ? wide : [])]);
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
  const isOwn = ({ name }: Printed) => name === "dr-syncer-standby";
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
      properties.replication === `${CONTROL}/${name}` && properties.kind !== "namespaces" && !isOwn(properties)
    );
    const [quota, ...more] = lines().filter(({ properties }) => properties.namespace === name && isOwn(properties));
    assert.deepEqual([quota?.properties.operation, more], ["create", []], `${name}: our own quota`);
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
    // A connection that was never lost is counted nowhere, nor is a volume where none is copied.
    const isNowhere = name === "dr_syncer_watch_reconnects_total" || name.startsWith("dr_syncer_pvc_sync_");
    if (!isNowhere) assert.ok(samples.length > 0, `${name} has no value`);
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
