import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { crdManifests } from "../../crds/manifests.ts";
import type { RemoteCluster, Replication, ReplicationStatus } from "../../crds/types.ts";
import { REPLICATION_COLUMNS } from "./printer_columns.ts";

const NAMESPACE = "dr-syncer-system";
const CRDS = fileURLToPath(new URL("../../deploy/crds", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../deploy/examples", import.meta.url));

type Spec = Record<string, unknown>;

function replication(name: string, spec: Spec): string {
  return JSON.stringify({
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name, namespace: NAMESPACE },
    spec,
  });
}

function withStatus(name: string, status: ReplicationStatus): string {
  return JSON.stringify({
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name, namespace: NAMESPACE },
    status,
  });
}

async function read<T>(cluster: Cluster, resource: string, name: string): Promise<T> {
  const { stdout } = await cluster.kubectl(["get", resource, name, "-n", NAMESPACE, "-o", "json"]);
  return JSON.parse(stdout);
}

/** What the server says to a manifest; empty when it takes it. */
async function refusal(cluster: Cluster, manifest: string, ...args: string[]): Promise<string> {
  const result = await cluster.kubectl(["apply", "-f", "-", ...args], { stdin: manifest, allowFailure: true });
  return result.code === 0 ? "" : result.stderr;
}

async function apply(cluster: Cluster, manifest: string, ...args: string[]): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-", ...args], { stdin: manifest });
}

async function install(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["apply", "-k", CRDS]);
  const names = crdManifests().map(({ metadata }) => `crd/${metadata.name}`);
  await cluster.kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
  for (const namespace of [NAMESPACE, "team-a"]) await cluster.kubectl(["create", "namespace", namespace]);
}

async function checkSchemas(cluster: Cluster): Promise<void> {
  const { stdout } = await cluster.kubectl(["get", "crd", "-o", "json"]);
  for (const { status } of JSON.parse(stdout).items) {
    const bad = status.conditions.filter(({ type, status }: { type: string; status: string }) => {
      return type === "NonStructuralSchema" || status !== "True";
    });
    assert.deepEqual(bad, []);
  }
  const again = await cluster.kubectl(["apply", "-k", CRDS]);
  assert.doesNotMatch(again.stdout, /configured|created/, "the server stores the YAML as it is");
}

async function checkDefaults(cluster: Cluster): Promise<void> {
  await apply(cluster, replication("defaults", { destinationCluster: "dr", sourceNamespace: "shop" }));
  const { spec } = await read<Replication>(cluster, "replications", "defaults");
  assert.deepEqual(spec, {
    conflictPolicy: "Abort",
    crds: "IfMissing",
    deletion: { budget: { count: 3, percent: 10, window: "10m" }, grace: "30s", policy: "Mirror" },
    destinationCluster: "dr",
    driftPolicy: "Correct",
    helmReleases: "Skip",
    immutableFieldPolicy: "Report",
    onDelete: "Orphan",
    paused: false,
    rbacObjects: "Mirror",
    replicationMode: "Continuous",
    scaleToZero: true,
    sourceNamespace: "shop",
  });
}

async function checkExamples(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["apply", "--validate=strict", "-f", EXAMPLES]);
  const remoteCluster = await read<RemoteCluster>(cluster, "remoteclusters", "dr");
  assert.equal(remoteCluster.spec.kubeconfigSecretRef.key, "kubeconfig");
}

async function checkImmutable(cluster: Cluster): Promise<void> {
  const required = { destinationCluster: "dr", sourceNamespace: "shop" };
  const full: Spec = { ...required, sourceCluster: "prod", destinationNamespace: "shop-dr" };
  await apply(cluster, replication("full", full));
  await apply(cluster, replication("bare", required));
  const many: Spec = { destinationCluster: "dr", sourceNamespaceSelector: { matchLabels: { a: "b" } } };
  const family: Spec = { ...many, destinationNamespace: "dr-{namespace}" };
  await apply(cluster, replication("family", family));
  await apply(cluster, replication("many", many));
  const changes: [string, Spec, string][] = [
    ["full", { ...full, sourceCluster: "other" }, "sourceCluster"],
    ["full", { ...full, destinationCluster: "other" }, "destinationCluster"],
    ["full", { ...full, sourceNamespace: "other" }, "sourceNamespace"],
    ["full", { ...full, destinationNamespace: "other" }, "destinationNamespace"],
    ["full", { ...required, destinationNamespace: "shop-dr" }, "sourceCluster"],
    ["full", { ...required, sourceCluster: "prod" }, "destinationNamespace"],
    ["bare", { ...required, sourceCluster: "prod" }, "sourceCluster"],
    ["bare", { ...required, destinationNamespace: "shop" }, "destinationNamespace"],
    ["bare", many, "sourceNamespace"],
    ["many", required, "sourceNamespace"],
    ["family", many, "destinationNamespace"],
    ["family", { ...family, destinationNamespace: "x-{namespace}" }, "destinationNamespace"],
  ];
  for (const [name, spec, field] of changes) {
    const said = await refusal(cluster, replication(name, spec));
    assert.match(said, new RegExp(`spec\\.${field}: Invalid value.*${field} is immutable`), JSON.stringify(spec));
    assert.equal(said.split(" is immutable").length, 2, `only ${field} is named: ${said}`);
  }
  await apply(cluster, replication("full", { ...full, paused: true, scaleToZero: false }));
  await apply(cluster, replication("family", { ...family, sourceNamespaceSelector: { matchLabels: { a: "c" } } }));
}

async function checkValues(cluster: Cluster): Promise<void> {
  const good: Spec = { destinationCluster: "dr", sourceNamespace: "shop" };
  const selector = { sourceNamespaceSelector: { matchLabels: { a: "b" } } };
  const many: Spec = { destinationCluster: "dr", ...selector };
  const cases: [Spec, RegExp][] = [
    [{ ...good, sorceCluster: "x" }, /unknown field "spec\.sorceCluster"/],
    [{ ...good, deletion: { budget: { cuont: 1 } } }, /unknown field "spec\.deletion\.budget\.cuont"/],
    [{ sourceNamespace: "shop" }, /spec\.destinationCluster: Required value/],
    [{ ...good, sourceNamespace: "Shop" }, /spec\.sourceNamespace: Invalid value/],
    [{ ...good, destinationNamespace: "" }, /spec\.destinationNamespace: Invalid value/],
    [{ ...good, replicationMode: "Sometimes" }, /supported values: "Continuous", "Scheduled", "Manual"/],
    [{ ...good, deletion: { grace: "1d" } }, /spec\.deletion\.grace: Invalid value/],
    [{ ...good, deletion: { budget: { count: -1 } } }, /spec\.deletion\.budget\.count: Invalid value/],
    [{ ...good, deletion: { budget: { percent: 101 } } }, /spec\.deletion\.budget\.percent: Invalid value/],
    [{ ...good, resourceTypes: ["pods", "pods"] }, /spec\.resourceTypes\[1\]: Duplicate value/],
    [{ ...good, schedule: "0 2 * * *" }, /spec\.schedule: .*for replicationMode Scheduled only/],
    [
      { ...good, excludeObjects: [{ kind: "cm", name: "a" }, { kind: "cm", name: "a" }] },
      /excludeObjects\[1\]: Duplicate/,
    ],
    [{ ...good, labelSelector: { matchExpressions: [{ key: "a", operator: "Is" }] } }, /operator: Unsupported value/],
    [{ ...good, imageRewrites: [{ from: "a.io/b:1.0", to: "b.io" }] }, /spec\.imageRewrites\[0\]\.from: Invalid value/],
    [{ ...good, imageRewrites: [{ from: "a.io/", to: "b.io" }] }, /spec\.imageRewrites\[0\]\.from: Invalid value/],
    [{ ...good, storageClassMappings: [{ from: "fast", to: "*" }] }, /storageClassMappings\[0\]\.to: Invalid value/],
    [{ ...good, accessModeMappings: [{ from: "RWX", to: "RWO" }] }, /accessModeMappings\[0\]\.from: Unsupported value/],
    [
      { ...good, ingressHostMappings: [{ from: "*.example.com", to: "dr.example.com" }] },
      /spec\.ingressHostMappings\[0\]\.to: .*a suffix maps to a suffix/,
    ],
    [
      { ...good, overrides: [{ name: "a", match: {}, jsonPatch: [{ op: "remove", path: "/x" }] }] },
      /match\.kind: Required/,
    ],
    [{ ...good, overrides: [{ name: "a", match: { kind: "cm" }, jsonPatch: [] }] }, /jsonPatch: Invalid value/],
    [
      { ...good, overrides: [{ name: "a", match: { kind: "cm" }, jsonPatch: [{ op: "merge", path: "/x" }] }] },
      /jsonPatch\[0\]\.op: Unsupported value/,
    ],
    [{ destinationCluster: "dr" }, /exactly one of sourceNamespace and sourceNamespaceSelector/],
    [{ ...good, ...selector }, /exactly one of sourceNamespace and sourceNamespaceSelector/],
    [{ ...many, sourceNamespaceSelector: { matchLabels: {} } }, /sourceNamespaceSelector: .*an empty selector/],
    [{ ...many, destinationNamespace: "dr" }, /spec\.destinationNamespace: .*such as dr-\{namespace\}/],
    [{ ...good, destinationNamespace: "dr-{namespace}" }, /spec\.destinationNamespace: .*sourceNamespaceSelector only/],
    [{ ...many, destinationNamespace: "-{namespace}" }, /spec\.destinationNamespace: Invalid value/],
    [{ ...good, timeZone: "UTC", replicationMode: "Manual" }, /spec\.timeZone: .*for a schedule only/],
  ];
  for (const [spec, expected] of cases) {
    assert.match(await refusal(cluster, replication("values", spec), "--validate=strict"), expected);
  }
  const scheduled = { ...good, replicationMode: "Scheduled", schedule: "0 2 * * *", timeZone: "UTC" };
  const volumes = { ...good, pvc: { trigger: { schedule: "0 2 * * *" } }, timeZone: "UTC" };
  for (const spec of [scheduled, volumes]) {
    assert.equal(await refusal(cluster, replication("values", spec), "--validate=strict"), "");
  }
}

/** A patch may set anything; a null by itself the server drops: admission misses the value then. */
async function checkPatchValues(cluster: Cluster): Promise<void> {
  const jsonPatch = [1, "a", true, [null], { a: { b: null } }].map((value) => ({ op: "add", path: "/spec/x", value }));
  const overrides = [{ name: "any", match: { kind: "*" }, jsonPatch }];
  const manifest = replication("patches", { destinationCluster: "dr", sourceNamespace: "shop", overrides });
  assert.equal(await refusal(cluster, manifest, "--server-side", "--validate=strict"), "");
  const { spec } = await read<Replication>(cluster, "replications", "patches");
  assert.deepEqual(spec.overrides?.[0]?.jsonPatch, jsonPatch);
}

async function checkSets(cluster: Cluster): Promise<void> {
  const by = (manager: string, resourceTypes: string[]) => {
    const manifest = replication("sets", { destinationCluster: "dr", sourceNamespace: "shop", resourceTypes });
    return apply(cluster, manifest, "--server-side", `--field-manager=${manager}`);
  };
  const types = async () => (await read<Replication>(cluster, "replications", "sets")).spec.resourceTypes;
  await by("alice", ["configmaps", "secrets"]);
  await by("bob", ["secrets", "services"]);
  assert.deepEqual((await types())?.toSorted(), ["configmaps", "secrets", "services"]);
  await by("alice", ["configmaps"]);
  assert.deepEqual((await types())?.toSorted(), ["configmaps", "secrets", "services"], "bob still wants secrets");
  await by("bob", ["services"]);
  assert.deepEqual((await types())?.toSorted(), ["configmaps", "services"]);
}

async function checkStatusLists(cluster: Cluster): Promise<void> {
  await apply(cluster, replication("lists", { destinationCluster: "dr", sourceNamespace: "shop" }));
  const by = (manager: string, status: ReplicationStatus) => {
    const options = ["--server-side", "--subresource=status", `--field-manager=${manager}`];
    return refusal(cluster, withStatus("lists", status), ...options);
  };
  const condition = (type: string) => ({
    type,
    status: "True" as const,
    reason: "Test",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  });
  const counts = { total: 1, synced: 1, failed: 0 };
  const failures = [{ kind: "Secret", name: "a", class: "Quota", message: "no", attempts: 1 }];
  const first = { group: "", kind: "Secret", ...counts };
  const second = { group: "apps", kind: "Deployment", ...counts };
  assert.equal(await by("alice", { conditions: [condition("Ready")], resourceStatus: [first], failures }), "");
  assert.equal(await by("bob", { conditions: [condition("Synced")], resourceStatus: [second] }), "");
  const { status } = await read<Replication>(cluster, "replications", "lists");
  assert.deepEqual(status?.conditions?.map(({ type }) => type).toSorted(), ["Ready", "Synced"]);
  assert.deepEqual(status?.resourceStatus, [first, second]);
  const other = [{ ...failures[0]!, name: "b" }];
  assert.match(
    await by("bob", { failures: other }),
    /conflict with "alice".*\.status\.failures/s,
    "an atomic list has one owner",
  );
  const twice = await by("carol", { conditions: [condition("Valid"), condition("Valid")] });
  assert.match(twice, /duplicate entries for key \[type="Valid"\]/);
}

async function checkColumns(cluster: Cluster): Promise<void> {
  const spec = { destinationCluster: "dr", sourceNamespace: "shop", destinationNamespace: "shop-dr" };
  await apply(cluster, replication("columns", spec));
  const { metadata } = await read<Replication>(cluster, "replications", "columns");
  const status: ReplicationStatus = {
    destinationNamespace: "shop-dr",
    phase: "Running",
    role: "Standby",
    syncedUpTo: new Date(Date.parse(metadata.creationTimestamp!) - 90 * 60_000).toISOString(),
    syncStats: { successfulSyncs: 41, failedSyncs: 1 },
  };
  const patch = JSON.stringify({ status });
  await cluster.kubectl([
    "patch",
    "repl",
    "columns",
    "-n",
    NAMESPACE,
    "--subresource=status",
    "--type=merge",
    "-p",
    patch,
  ]);
  const { stdout } = await cluster.kubectl(["get", "repl", "columns", "-n", NAMESPACE]);
  const [head, row] = stdout.trim().split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(head, REPLICATION_COLUMNS);
  assert.deepEqual(row?.slice(0, 9), [
    "columns",
    "shop",
    "shop-dr",
    "dr",
    "Continuous",
    "Running",
    "Standby",
    "41",
    "1",
  ]);
  assert.match(row?.[9] ?? "", /^90m/);
  const after = await read<Replication>(cluster, "replications", "columns");
  assert.equal(after.metadata.generation, metadata.generation, "a status is no change of the spec");
}

async function checkRemoteClusterColumns(cluster: Cluster): Promise<void> {
  const condition = {
    type: "Reachable",
    status: "False",
    reason: "IdentityChanged",
    message: "",
    observedGeneration: 1,
  };
  const conditions = [{ ...condition, lastTransitionTime: "2026-01-01T00:00:00Z" }];
  const patch = JSON.stringify({ status: { health: "Unhealthy", kubernetesVersion: "v1.36.3", conditions } });
  const target = ["rcl", "dr", "-n", NAMESPACE];
  await cluster.kubectl(["patch", ...target, "--subresource=status", "--type=merge", "-p", patch]);
  const { stdout } = await cluster.kubectl(["get", ...target]);
  const [head, row] = stdout.trim().split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(head, ["NAME", "HEALTH", "VERSION", "REACHABLE", "AGE"]);
  assert.deepEqual(row?.slice(0, 4), ["dr", "Unhealthy", "v1.36.3", "IdentityChanged"]);
}

for (const version of ["1.36", "1.30"]) {
  Deno.test(`the CRDs on Kubernetes ${version}`, async (t) => {
    await using cluster = await startCluster({ name: "crds", version });
    await install(cluster);
    await t.step("schemas are structural and stored as they are", () => checkSchemas(cluster));
    await t.step("defaults are set", () => checkDefaults(cluster));
    await t.step("every example is taken, strictly", () => checkExamples(cluster));
    await t.step("both ends are immutable, set or unset", () => checkImmutable(cluster));
    await t.step("wrong and unknown values are refused", () => checkValues(cluster));
    await t.step("a patch may set any value", () => checkPatchValues(cluster));
    await t.step("two managers own parts of a set", () => checkSets(cluster));
    await t.step("lists of the status merge by their keys, or not at all", () => checkStatusLists(cluster));
    await t.step("kubectl get repl tells the state at a glance", () => checkColumns(cluster));
    await t.step("kubectl get remoteclusters too", () => checkRemoteClusterColumns(cluster));
  });
}
