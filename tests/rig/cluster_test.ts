import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { isRunning, readProcesses, refOf } from "./process.ts";

const configMap = (name: string) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { a: "b" } });

async function stateOfApiServer(cluster: Cluster): Promise<string | undefined> {
  return (await readProcesses([cluster.apiServerPid])).processes[0]?.state;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** A call with strict verification of the certificate. */
async function readVersion(cluster: Cluster, deadlineMs: number): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [cluster.caPem] });
  const headers = { authorization: `Bearer ${cluster.adminToken}` };
  const response = await fetch(`${cluster.server}/version`, {
    client,
    headers,
    signal: AbortSignal.timeout(deadlineMs),
  });
  return (await response.json() as { gitVersion: string }).gitVersion;
}

Deno.test("two clusters of different versions start at once in under 15 s, and leave nothing", async () => {
  const startedMs = performance.now();
  const clusters = await Promise.all([
    startCluster({ name: "source" }),
    startCluster({ name: "dr", version: "1.30" }),
  ]);
  const elapsedMs = performance.now() - startedMs;
  const processes = await Promise.all(clusters.map((cluster) => refOf(cluster.apiServerPid)));
  try {
    assert.ok(elapsedMs < 15_000, `it took ${Math.round(elapsedMs)} ms`);
    assert.deepEqual(clusters.map((cluster) => cluster.version), ["1.36.3", "1.30.14"]);
    for (const cluster of clusters) assert.equal(await readVersion(cluster, 5_000), `v${cluster.version}`);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
  for (const cluster of clusters) assert.equal(await isThere(cluster.directory), false);
  for (const process of processes) assert.equal(await isRunning(process), false);
});

Deno.test("a restart of the API server, graceful or not, keeps data, address, certificate and tokens", async () => {
  await using cluster = await startCluster({ name: "restarted" });
  await cluster.kubectl(["apply", "-f", "-"], { stdin: configMap("kept") });
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const before = { pid: cluster.apiServerPid, server: cluster.server };
    await cluster.stopApiServer(signal);
    const refused = await cluster.kubectl(["get", "configmap", "kept"], { allowFailure: true });
    assert.notEqual(refused.code, 0);
    await cluster.startApiServer();
    assert.notEqual(cluster.apiServerPid, before.pid);
    assert.equal(cluster.server, before.server);
    assert.match((await cluster.kubectl(["get", "configmap", "kept", "-ojson"])).stdout, /"a": "b"/);
  }
});

Deno.test("a paused API server answers nothing, and goes on when resumed", async () => {
  await using cluster = await startCluster({ name: "paused" });
  await cluster.pause();
  assert.equal(await stateOfApiServer(cluster), "T");
  await assert.rejects(readVersion(cluster, 300), { name: "TimeoutError" });
  await cluster.resume();
  assert.equal(await readVersion(cluster, 5_000), `v${cluster.version}`);
});

Deno.test("a paused cluster is ended all the same", async () => {
  const cluster = await startCluster({ name: "frozen" });
  const process = await refOf(cluster.apiServerPid);
  await cluster.pause();
  await cluster.stop();
  assert.equal(await isRunning(process), false);
  assert.equal(await isThere(cluster.directory), false);
});

Deno.test("a service account's kubeconfig may what its roles say, and no more", async () => {
  await using cluster = await startCluster({ name: "accounts" });
  await cluster.kubectl(["create", "serviceaccount", "reader"]);
  await cluster.kubectl(["create", "clusterrole", "read", "--verb=get,list", "--resource=configmaps"]);
  await cluster.kubectl([
    "create",
    "clusterrolebinding",
    "read",
    "--clusterrole=read",
    "--serviceaccount=default:reader",
  ]);
  const kubeconfig = await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "reader" });
  const path = `${cluster.directory}/reader.yaml`;
  await Deno.writeTextFile(path, kubeconfig);
  const mayI = async (verb: string) => {
    const args = [`--kubeconfig=${path}`, "auth", "can-i", verb, "configmaps"];
    return (await cluster.kubectl(args, { allowFailure: true })).stdout.trim();
  };
  assert.equal(await mayI("list"), "yes");
  assert.equal(await mayI("delete"), "no");
  const missing = cluster.kubeconfigFor({ namespace: "default", serviceAccount: "nobody" });
  await assert.rejects(missing, /Cannot get a token of default\/nobody: 404/);
});

const workload = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: web }] }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: standard }
provisioner: kubernetes.io/host-path
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: shop }
spec:
  storageClassName: standard
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
`;

for (const version of ["1.36", "1.30"]) {
  Deno.test(`with a controller manager, ${version} makes pods, binds volumes and collects garbage`, async () => {
    await using cluster = await startCluster({ name: "controllers", version, controllerManager: true });
    const get = async (...args: string[]) => (await cluster.kubectl(["get", "-n", "shop", ...args])).stdout.trim();
    await cluster.kubectl(["apply", "-f", "-"], { stdin: workload });
    const deadline = { deadlineMs: 60_000, pollMs: 200 };
    await waitFor("two pods", async () => (await get("pods", "-oname")).split("\n").length === 2, deadline);
    const phase = () => get("pvc", "data", "-o", "jsonpath={.status.phase}");
    await waitFor("a bound claim", async () => await phase() === "Bound", { ...deadline, describe: phase });
    const volume = await get("pv", "-o", "jsonpath={.items[0].spec.hostPath.path}");
    assert.ok(await isThere(volume));
    await cluster.kubectl(["delete", "deployment", "web", "-n", "shop"]);
    await waitFor("no pods", async () => await get("pods", "-oname") === "", deadline);
    await cluster.stop();
    assert.equal(await isThere(volume), false, "the volume's folder is left");
  });
}

Deno.test("an API server that does not start tells the end of its log, and leaves nothing", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const start = startCluster({ name: "broken", directory, extraApiServerArgs: ["--no-such-flag"] });
    await assert.rejects(start, /Cannot start kube-apiserver as it ended by itself;.*unknown flag: --no-such-flag/s);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a failing kubectl throws its own words unless failures are allowed", async () => {
  await using cluster = await startCluster({ name: "words" });
  await assert.rejects(cluster.kubectl(["get", "pod", "nobody"]), /Cannot run kubectl get pod nobody: .*not found/);
  const result = await cluster.kubectl(["get", "pod", "nobody"], { allowFailure: true });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /not found/);
});
