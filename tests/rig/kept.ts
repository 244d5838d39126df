/**
 * Clusters that outlive the command that started them (`deno task rig up`).
 *
 * @module
 */
import { join } from "node:path";
import { runKubectl } from "./kubectl.ts";
import { isReadyNode } from "./node_config.ts";
import { findRunning, type ProcessRef } from "./process.ts";
import { listClusterDirectories, readIfThere, readOwner, readPidFile, removeRemains } from "./remains.ts";

/** What is written down about a kept cluster, in `cluster.json` of its folder. */
export interface KeptRecord {
  readonly name: string;
  readonly version: string;
  readonly server: string;
  readonly kubeconfigPath: string;
  /** A kubectl that fits. */
  readonly kubectlPath: string;
  /** Address of its node, if it has one. */
  readonly node?: string;
}

/** `ready`: answers, and its node is ready. `silent`: runs but does not say that. `stopped`: a part does not run. */
export type KeptState = "ready" | "silent" | "stopped";

/** A kept cluster as it is now. */
export interface KeptCluster extends KeptRecord {
  readonly directory: string;
  readonly state: KeptState;
}

/** Writes down a cluster that is to be kept. */
export async function writeKept(directory: string, record: KeptRecord): Promise<void> {
  await Deno.writeTextFile(join(directory, "cluster.json"), JSON.stringify(record), { mode: 0o600 });
}

/** Finds the kept clusters of a run folder: `source` first, then by name. */
export async function findKept(runDir: string): Promise<KeptCluster[]> {
  const found: KeptCluster[] = [];
  for (const directory of listClusterDirectories(runDir)) {
    const text = readIfThere(join(directory, "cluster.json"));
    if (text === undefined) continue;
    const record = JSON.parse(text) as KeptRecord;
    found.push({ ...record, directory, state: await readState(directory, record) });
  }
  const rank = ({ name }: KeptCluster) => name === "source" ? "" : name;
  return found.sort((a, b) => rank(a).localeCompare(rank(b), "en", { numeric: true }));
}

/** Ends every kept cluster and removes its folder; answers with the names. */
export async function removeKept(runDir: string): Promise<string[]> {
  const kept = await findKept(runDir);
  await Promise.all(kept.map((cluster) => removeRemains(cluster.directory)));
  return kept.map((cluster) => cluster.name);
}

async function readState(directory: string, record: KeptRecord): Promise<KeptState> {
  const names = ["etcd", "kube-apiserver", ...(record.node ? ["node", "containerd", "kubelet", "kube-proxy"] : [])];
  const parts = [readOwner(directory)?.process, ...names.map((name) => readPidFile(directory, name))];
  const running = await findRunning(parts.filter((part): part is ProcessRef => part !== undefined));
  if (running.length < parts.length) return "stopped";
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(join(directory, "ca.crt"))] });
  try {
    const response = await fetch(`${record.server}/readyz`, { client, signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok && (record.node === undefined || await hasReadyNode(record)) ? "ready" : "silent";
  } catch {
    return "silent";
  }
}

async function hasReadyNode({ name, kubectlPath, kubeconfigPath }: KeptRecord): Promise<boolean> {
  const args = ["get", "node", name, "-o", "json", "--request-timeout=2s"];
  return isReadyNode(JSON.parse((await runKubectl(kubectlPath, kubeconfigPath, args)).stdout));
}
