/**
 * The node of a cluster: a network, mount and process namespace with containerd, kubelet and kube-proxy.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCa } from "../kube/certificates.ts";
import { type ApiServerNode, randomToken } from "./api_server.ts";
import type { BinaryName } from "./binaries.ts";
import { type ControlPlane, waitWhileRunning } from "./control_plane.ts";
import type { Image } from "./images.ts";
import { inlineKubeconfig } from "./kubeconfig.ts";
import {
  addressesOf,
  defaultStorageClass,
  isReadyNode,
  kubeletArguments,
  nodeFiles,
  type NodeSettings,
} from "./node_config.ts";
import type { ProcessRef } from "./process.ts";
import type { Supervisor } from "./supervisor.ts";

const script = fileURLToPath(new URL("node.sh", import.meta.url));

/** What a program of the node has answered. */
export interface NodeOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The node of a running cluster. */
export interface ClusterNode {
  /** The cluster's name, too. */
  readonly name: string;
  /** What other clusters, their Pods, and this machine reach it by. */
  readonly address: string;
  /** Runs a program in the node's namespaces, as root. Mounts made there end with the node. */
  run(argv: readonly string[]): Promise<NodeOutput>;
}

/** A node whose network is there, and nothing else yet. */
export interface PreparedNode {
  readonly settings: NodeSettings;
  /** What the API server has to know of it. */
  readonly apiServer: ApiServerNode;
  /** PID 1 of the node, as this machine sees it. */
  readonly process: ProcessRef;
}

/** Makes the node's namespaces, its link and its configuration files. */
export async function prepareNode(supervisor: Supervisor, name: string, directory: string): Promise<PreparedNode> {
  const own = ["--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const process = await supervisor.start("node", ["unshare", ...own, "sh", script, "init", directory]);
  await waitWhileRunning("node", directory, process, undefined, () => isThere(join(directory, "ready")));
  await supervisor.run("link", ["sh", script, "up", directory, String(process.pid)]);
  const number = Number(await Deno.readTextFile(join(directory, "number")));
  const addresses = addressesOf(number);
  const settings = { ...addresses, name, number, directory };
  await writeFiles(directory, nodeFiles(settings));
  await writeFiles(directory, await makeCertificates());
  const users = [
    { name: `system:node:${name}`, groups: ["system:nodes"], token: randomToken() },
    { name: "system:kube-proxy", groups: [], token: randomToken() },
  ];
  const enter = ["nsenter", `--target=${process.pid}`, "--net", "--"];
  return { settings, process, apiServer: { addresses, enter, users } };
}

/** Starts containerd and loads images into it; needs no API server. */
export async function startRuntime(
  supervisor: Supervisor,
  node: PreparedNode,
  images: readonly Image[],
  signal?: AbortSignal,
): Promise<void> {
  const { directory } = node.settings;
  const config = join(directory, "containerd.toml");
  const containerd = await startInside(supervisor, node, "containerd", ["containerd", `--config=${config}`]);
  await waitWhileRunning("containerd", directory, containerd, signal, async () => {
    return (await runInside(node, ["ctr", "version"])).code === 0;
  });
  for (const { tag, path } of images) {
    signal?.throwIfAborted();
    const { code, stderr } = await runInside(node, ["ctr", "--namespace=k8s.io", "images", "import", path]);
    if (code !== 0) throw new Error(`Cannot load the image ${tag} from ${path}: ${stderr.trim()}`);
  }
}

/** Starts kubelet and kube-proxy; returns once the node is ready and Services work. */
export async function joinCluster(
  supervisor: Supervisor,
  node: PreparedNode,
  plane: ControlPlane,
  binaries: Record<Extract<BinaryName, "kubelet" | "kube-proxy">, string>,
  signal?: AbortSignal,
): Promise<ClusterNode> {
  const { name, directory, address } = node.settings;
  const [kubeletUser, proxyUser] = node.apiServer.users;
  await writeFiles(directory, {
    "kubelet.kubeconfig": inlineKubeconfig(name, plane.server, plane.caPem, kubeletUser?.token ?? ""),
    "kube-proxy.kubeconfig": inlineKubeconfig(name, plane.server, plane.caPem, proxyUser?.token ?? ""),
  });
  const kubelet = await startInside(supervisor, node, "kubelet", kubeletArguments(binaries.kubelet, node.settings));
  const proxyConfig = `--config=${join(directory, "kube-proxy.yaml")}`;
  const proxy = await startInside(supervisor, node, "kube-proxy", [binaries["kube-proxy"], proxyConfig]);
  const { httpStatus, text } = await plane.request(
    "POST",
    "/apis/storage.k8s.io/v1/storageclasses",
    defaultStorageClass,
  );
  if (httpStatus !== 201) throw new Error(`Cannot make the default StorageClass: ${httpStatus} ${text.slice(0, 500)}`);
  await waitWhileRunning("kubelet", directory, kubelet, signal, () => isReady(plane, name));
  await waitWhileRunning("kube-proxy", directory, proxy, signal, async () => {
    const response = await fetch(`http://${address}:10256/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  });
  return { name, address, run: (argv) => runInside(node, argv) };
}

async function isReady(plane: ControlPlane, name: string): Promise<boolean> {
  const { httpStatus, text } = await plane.request("GET", `/api/v1/nodes/${name}`);
  return httpStatus === 200 && isReadyNode(JSON.parse(text));
}

/** Starts a program in the node's namespaces and cgroups. */
function startInside(supervisor: Supervisor, node: PreparedNode, name: string, argv: readonly string[]) {
  const { process, settings } = node;
  return supervisor.start(name, ["sh", script, "enter", settings.directory, String(process.pid), ...argv]);
}

async function runInside({ process }: PreparedNode, argv: readonly string[]): Promise<NodeOutput> {
  const [program, ...enter] = insideArguments(process);
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...enter, ...argv],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** `nsenter` into the network, mounts and processes of a node. */
function insideArguments({ pid }: ProcessRef): [string, ...string[]] {
  return ["nsenter", `--target=${pid}`, "--mount", "--net", `--pid=/proc/${pid}/ns/pid_for_children`, "--"];
}

/** The certificate by which a kubelet knows its API server, and with whose authority. */
async function makeCertificates(): Promise<Record<string, string>> {
  const ca = await makeCa();
  const { certPem, keyPem } = await ca.issueClient("kube-apiserver");
  return { "kubelet-clients.crt": ca.caPem, "kubelet-client.crt": certPem, "kubelet-client.key": keyPem };
}

async function writeFiles(directory: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(directory, name)), { recursive: true });
    await Deno.writeTextFile(join(directory, name), text, { mode: 0o600 });
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
