/**
 * What the demo plays on: two clusters, dr-syncer installed in them, and its controller.
 *
 * @module
 */
import { join } from "node:path";
import { CONTROL_NAMESPACE } from "../../crds/keys.ts";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import { type ControllerProcess, startController } from "../e2e/controller_process.ts";
import { type BuildProgress, ensureBinaries } from "../rig/binaries.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { connectDr, installDr, installSource, keepPodsAway } from "../rig/install.ts";
import { ensureNodes } from "../rig/nodes.ts";
import { startWatchdog } from "./watchdog.ts";

/** A cluster with a client that is nobody of dr-syncer's. */
export interface Site {
  readonly cluster: Cluster;
  readonly client: KubeClient;
}

/** Everything that runs. `await using` ends it. */
export interface Stage extends AsyncDisposable {
  readonly source: Site;
  readonly dr: Site;
  readonly controller: ControllerProcess;
  /** Path of a kubectl for the user. */
  readonly kubectlPath: string;
}

/** What `startStage` is told. */
export interface StageOptions {
  /** Clusters have a node each, and the controller what copying volumes takes. */
  readonly volumes: boolean;
  readonly drVersion?: string;
  readonly signal: AbortSignal;
  /** Told what happens, one line each. */
  readonly tell: (line: string) => void;
  readonly onProgress: (progress: BuildProgress) => void;
}

/** The API server of a cluster with a node asks the webhook by the bridge's address. */
const nodeFlags = ["--host", "0.0.0.0", "--webhook-url", "https://198.18.0.254:0"];

/** Starts everything. What was started before a failure is ended. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const { signal, tell, volumes } = options;
  await using started = new AsyncDisposableStack();
  const { kubectl } = await buildBinaries(options);
  tell(volumes ? "Starting two clusters with a node each…" : "Starting two control planes…");
  const [source, dr] = await startSites(options, started);
  for (const { cluster } of [source, dr]) {
    const node = cluster.node === undefined ? "" : `, node ${cluster.node.address}`;
    tell(`  ${cluster.name.padEnd(6)}  Kubernetes ${cluster.version}, API server pid ${cluster.apiServerPid}${node}`);
  }
  const overlay = volumes ? "overlays/volumes" : "";
  tell(`Installing: kubectl apply -k deploy${overlay && `/${overlay}`}, kubectl apply -k deploy/dr-cluster…`);
  if (volumes) await keepPodsAway(source.cluster);
  const [installed, drInstalled] = await Promise.all([installSource(source.cluster, overlay), installDr(dr.cluster)]);
  signal.throwIfAborted();
  tell("Starting the controller, as its own ServiceAccount…");
  const kubeconfigPath = join(source.cluster.directory, "controller.kubeconfig");
  await Deno.writeTextFile(kubeconfigPath, installed.kubeconfig, { mode: 0o600 });
  const flags = ["--log-level", "info", ...(volumes ? nodeFlags : [])];
  const controller = await startController({ kubeconfigPath, flags });
  started.defer(async () => void await controller.stop());
  started.use(startWatchdog(controller.pid));
  signal.throwIfAborted();
  tell("Connecting the DR cluster: a RemoteCluster and the Secret with its kubeconfig…");
  await connectDr(source.cluster, "dr", drInstalled.kubeconfig);
  await waitUntilHealthy(source.cluster, signal);
  const kept = started.move();
  return { source, dr, controller, kubectlPath: kubectl, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function waitUntilHealthy(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const condition = "--for=jsonpath={.status.health}=Healthy";
  await cluster.kubectl(["wait", "-n", CONTROL_NAMESPACE, condition, "--timeout=45s", "remotecluster/dr"], { signal });
}

async function buildBinaries(options: StageOptions) {
  let told = false;
  const onProgress = (progress: BuildProgress) => {
    if (!told) options.tell("Building what is missing: Kubernetes takes about ten minutes, once.");
    told = true;
    options.onProgress(progress);
  };
  // First, so that nobody waits for programs that are of no use here.
  if (options.volumes) await ensureNodes({ agents: true, onProgress, signal: options.signal });
  const names = ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"] as const;
  const binaries = await ensureBinaries(undefined, names, { onProgress, signal: options.signal });
  if (options.drVersion !== undefined) {
    await ensureBinaries(options.drVersion, names, { onProgress, signal: options.signal });
  }
  return binaries;
}

async function startSites(options: StageOptions, started: AsyncDisposableStack): Promise<[Site, Site]> {
  const { drVersion, volumes, signal } = options;
  const parts = { controllerManager: true, nodes: volumes, agents: volumes };
  const start = async (name: string, version?: string): Promise<Site> => {
    const cluster = started.use(await startCluster({ name, version, ...parts, signal }));
    const client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
    started.defer(() => client.close());
    return { cluster, client };
  };
  // All settle before a failure is thrown, so that none is started after the rest has been ended.
  const results = await Promise.allSettled([start("source"), start("dr", drVersion)]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<Site>).value) as [Site, Site];
}
