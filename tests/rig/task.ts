/**
 * `deno task rig up|down|status`: clusters to look around in.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ensureBinaries } from "./binaries.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { findKept, type KeptCluster, removeKept } from "./kept.ts";
import { ensureNodes } from "./nodes.ts";
import { findRigPaths } from "./paths.ts";
import { showProgress } from "./progress.ts";
import { reap } from "./remains.ts";
import { findModule } from "./versions.ts";

const help = `Runs real Kubernetes control planes on this machine.

Usage: deno task rig <command> [options]

Commands:
  up      starts the clusters source, dr, dr2, … that are not up yet; they stay until \`down\`
  status  shows them
  down    ends them, and removes what killed runs have left

Options:
  --clusters N     how many clusters \`up\` starts in all, 2 unless told otherwise
  --dr-version V   Kubernetes version of all but the first, for example 1.30
  --nodes          gives each cluster a node, so that Pods run: containerd, kubelet, kube-proxy; on Debian 12, as root
  --json           writes JSON instead of a table
  --help           shows this text

The programs come from KUBEBUILDER_ASSETS when that is set (kube-apiserver, etcd and kubectl of the newest version),
else from the cache, else they are built with Go; the first build takes about ten minutes on two cores. For nodes, Debian
packages are installed and images built, too.
`;

/** What the command line asks for. */
interface Request {
  readonly command: "up" | "down" | "status";
  readonly clusters: number;
  readonly drVersion?: string;
  readonly nodes: boolean;
  readonly json: boolean;
}

/** A command line that cannot be carried out. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line; undefined when it asks for the help text. @throws {UsageError} */
export function parseRequest(args: string[]): Request | undefined {
  const options = {
    clusters: { type: "string", default: "2" },
    "dr-version": { type: "string" },
    nodes: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  const { values, positionals } = parseStrictly(() => parseArgs({ args, options, allowPositionals: true }));
  const [command, ...rest] = positionals;
  if (values.help) return undefined;
  if (command !== "up" && command !== "down" && command !== "status") {
    throw new UsageError(`Cannot run the command "${command ?? ""}": use up, down or status`);
  }
  if (rest.length > 0) throw new UsageError(`Cannot use the argument "${rest[0]}": ${command} takes options only`);
  if (!/^[1-9]$/.test(values.clusters)) {
    throw new UsageError(`Cannot start ${values.clusters} clusters: --clusters is a number from 1 to 9`);
  }
  const { nodes, json } = values;
  if (nodes && values["dr-version"] !== undefined) {
    throw new UsageError("Cannot use --nodes with --dr-version: only the newest version has nodes");
  }
  return { command, clusters: Number(values.clusters), drVersion: values["dr-version"], nodes, json };
}

/** Names of the clusters: source, dr, dr2, dr3, … */
export function clusterNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => index === 0 ? "source" : index === 1 ? "dr" : `dr${index}`);
}

/** A table of clusters, and how to look into one. */
export function formatClusters(clusters: readonly KeptCluster[]): string {
  if (clusters.length === 0) return "No cluster is up; start some with: deno task rig up\n";
  const rows = clusters.map((it) => [it.name, it.version, it.server, it.node ?? "-", it.state, it.kubeconfigPath]);
  const table = [["NAME", "VERSION", "SERVER", "NODE", "STATE", "KUBECONFIG"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  const [first] = clusters;
  return `${lines.join("\n")}\n\nTry: ${first!.kubectlPath} --kubeconfig ${first!.kubeconfigPath} get namespaces\n`;
}

async function up(request: Request, runDir: string): Promise<void> {
  await using started = new AsyncDisposableStack();
  const running = await findKept(runDir);
  const missing = clusterNames(request.clusters).filter((name) => !hasRunning(running, name, request));
  const onProgress = showProgress(Deno.stderr);
  for (const version of new Set([undefined, request.drVersion])) {
    await ensureBinaries(version, ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"], { onProgress });
  }
  if (request.nodes) await ensureNodes({ onProgress });
  const clusters = await Promise.allSettled(missing.map(async (name): Promise<Cluster> => {
    const version = name === "source" ? undefined : request.drVersion;
    return started.use(await startCluster({ name, version, controllerManager: true, nodes: request.nodes }));
  }));
  for (const result of clusters) if (result.status === "rejected") throw result.reason;
  for (const result of clusters) if (result.status === "fulfilled") await result.value.keep();
  started.move();
}

/** Whether a cluster is up as asked for. @throws {UsageError} when it is up otherwise, or no longer works */
function hasRunning(running: readonly KeptCluster[], name: string, { drVersion, nodes }: Request): boolean {
  const found = running.find((cluster) => cluster.name === name);
  if (found === undefined) return false;
  const remedy = "run `deno task rig down` first";
  if (found.state === "stopped") throw new UsageError(`Cannot use the cluster ${name} as it has stopped: ${remedy}`);
  if (nodes && found.node === undefined) throw new UsageError(`Cannot give ${name} a node as it is up: ${remedy}`);
  const wanted = findModule(name === "source" ? undefined : drVersion).version;
  if (name === "source" || drVersion === undefined || found.version === wanted) return true;
  throw new UsageError(`Cannot start ${name} with ${wanted} as it runs ${found.version}: ${remedy}`);
}

async function carryOut(request: Request): Promise<void> {
  const { runDir } = findRigPaths();
  if (request.command === "up") await up(request, runDir);
  if (request.command === "down") return await down(request, runDir);
  const clusters = await findKept(runDir);
  write(Deno.stdout, request.json ? JSON.stringify(clusters, undefined, 2) + "\n" : formatClusters(clusters));
}

async function down({ json }: Request, runDir: string): Promise<void> {
  const [names, remains] = [await removeKept(runDir), await reap(runDir)];
  if (json) return write(Deno.stdout, JSON.stringify({ removed: names, remains }, undefined, 2) + "\n");
  write(Deno.stdout, names.length === 0 ? "No cluster was up.\n" : `Removed ${names.join(", ")}.\n`);
  if (remains.length > 0) write(Deno.stdout, `Also removed what killed runs had left: ${remains.join(", ")}\n`);
}

function parseStrictly<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function write(sink: { writeSync(bytes: Uint8Array): number }, text: string): void {
  sink.writeSync(new TextEncoder().encode(text));
}

async function main(): Promise<number> {
  try {
    const request = parseRequest(Deno.args);
    if (request === undefined) write(Deno.stdout, help);
    else await carryOut(request);
    return 0;
  } catch (error) {
    write(Deno.stderr, `error: ${error instanceof Error ? error.message : error}\n`);
    if (error instanceof UsageError) write(Deno.stderr, "See: deno task rig --help\n");
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main());
