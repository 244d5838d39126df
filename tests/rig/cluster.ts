/**
 * Real clusters on this machine, for tests, the demo and `deno task rig`: etcd, an API server, and the controllers and a
 * node if asked for. Nothing is left behind, also when the process that started them is killed.
 *
 * @module
 */
import { join } from "node:path";
import { pickPort } from "./api_server.ts";
import { type BinaryName, type BuildProgress, ensureBinaries } from "./binaries.ts";
import { type ControlPlane, startControlPlane } from "./control_plane.ts";
import type { Image } from "./images.ts";
import { writeKept } from "./kept.ts";
import { type KubectlOptions, type KubectlResult, runKubectl } from "./kubectl.ts";
import { inlineKubeconfig } from "./kubeconfig.ts";
import { type ClusterNode, joinCluster, prepareNode, startRuntime } from "./node.ts";
import { nodeApiPort } from "./node_config.ts";
import { ensureNodes, nodeBinaries } from "./nodes.ts";
import { findRigPaths } from "./paths.ts";
import { createClusterDirectory, reap, writeOwner } from "./remains.ts";
import { startSupervisor, type Supervisor } from "./supervisor.ts";
import { defaultModule, findModule } from "./versions.ts";

/** How often another port is tried when somebody took the one we had picked. */
const portAttempts = 5;

/** What `startCluster` may be told. */
export interface ClusterOptions {
  /** Name of the cluster in kubeconfigs; lower-case letters, digits and dashes. */
  readonly name: string;
  /** Kubernetes version or a prefix of it (`1.30`); the newest unless told otherwise. */
  readonly version?: string;
  /** Runs kube-controller-manager too: garbage collection, namespace deletion, service accounts, workloads, volumes. */
  readonly controllerManager?: boolean;
  /** Runs a node and all controllers too: Pods run, on Linux as root only. */
  readonly nodes?: boolean;
  /** The node has the image of the volumes' agents, too. */
  readonly agents?: boolean;
  /** Folder in which the cluster's own folder is made; the rig's run folder unless told otherwise. */
  readonly directory?: string;
  /** Appended to the API server's command line. */
  readonly extraApiServerArgs?: readonly string[];
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
}

/** Who a kubeconfig is for: the bearer of a token, or a service account that exists. */
export type Credential =
  | { readonly token: string }
  | { readonly namespace: string; readonly serviceAccount: string; readonly durationSeconds?: number };

/** A running cluster. `await using` ends it. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** Version of its API server, for example `1.36.3`. */
  readonly version: string;
  /** URL of its API server. */
  readonly server: string;
  /** Certificate of the authority behind the API server's own. */
  readonly caPem: string;
  /** Token of an administrator (group `system:masters`). */
  readonly adminToken: string;
  /** Inline kubeconfig of that administrator. */
  readonly kubeconfig: string;
  /** The same as a file, readable by this user only. */
  readonly kubeconfigPath: string;
  /** Folder of the cluster: data, logs, keys. Gone after `stop`. */
  readonly directory: string;
  /** Process id of the API server; another one after each start. */
  readonly apiServerPid: number;
  /** Its node, if it has one. */
  readonly node?: ClusterNode;
  /** Inline kubeconfig of somebody else; tokens of service accounts last an hour unless told otherwise. */
  kubeconfigFor(credential: Credential): Promise<string>;
  /** Runs kubectl as administrator. @throws {Error} when it fails, unless `allowFailure` */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** Ends the API server (SIGTERM unless told otherwise) and returns when it is gone. The data stays. */
  stopApiServer(signal?: Deno.Signal): Promise<void>;
  /** Starts the API server again, on the same port and data; returns when it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(signal?: Deno.Signal): Promise<void>;
  /** Freezes the API server: connections stay open, nothing answers (SIGSTOP). */
  pause(): Promise<void>;
  /** Lets it go on (SIGCONT). */
  resume(): Promise<void>;
  /** Keeps a copy of all that is stored; the API server is away for a moment. */
  backUp(): Promise<void>;
  /** Goes back to what was kept last: what was stored since is lost, resourceVersions included. */
  restore(): Promise<void>;
  /** Lets the cluster survive this process; from then on `deno task rig down` removes it. */
  keep(): Promise<void>;
  /** Ends the cluster and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts a cluster and returns when it is ready, after about three seconds. Programs that are missing are built first
 * (`ensureBinaries`); what runs that were killed have left is removed first.
 *
 * @throws {MissingRequirement} when something has to be installed first
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(options.name)) {
    throw new Error(`Cannot start a cluster named "${options.name}": use lower-case letters, digits and dashes`);
  }
  const binaries = await ensureBinaries(options.version, binariesOf(options), options);
  const images = options.nodes ? await ensureNodes(options) : [];
  const runDir = options.directory ?? findRigPaths().runDir;
  await reap(runDir);
  for (let attempt = 1;; attempt++) {
    try {
      return await tryStart(options, runDir, binaries, images);
    } catch (error) {
      const portTaken = error instanceof Error && error.message.includes("address already in use");
      if (!portTaken || attempt === portAttempts) throw error;
    }
  }
}

function binariesOf({ name, version, nodes, controllerManager }: ClusterOptions): BinaryName[] {
  if (nodes && findModule(version) !== defaultModule) {
    throw new Error(`Cannot start ${name} with a node: only ${defaultModule.version} has one, not ${version}`);
  }
  const controllers: BinaryName[] = controllerManager || nodes ? ["kube-controller-manager"] : [];
  return ["etcd", "kube-apiserver", "kubectl", ...controllers, ...(nodes ? nodeBinaries : [])];
}

async function tryStart(
  options: ClusterOptions,
  runDir: string,
  binaries: Record<BinaryName, string>,
  images: readonly Image[],
): Promise<Cluster> {
  const { name, signal } = options;
  const directory = await createClusterDirectory(runDir, name, Deno.pid);
  const supervisor = await startSupervisor(directory);
  try {
    const prepared = options.nodes ? await prepareNode(supervisor, name, directory) : undefined;
    const [plane] = await Promise.all([
      startControlPlane(supervisor, {
        name,
        directory,
        binary: binaries["kube-apiserver"],
        etcdBinary: binaries.etcd,
        controllerManagerBinary: binaries["kube-controller-manager"],
        schedulerBinary: binaries["kube-scheduler"],
        controllerManager: (options.controllerManager || options.nodes) ?? false,
        port: prepared ? nodeApiPort : pickPort(),
        node: prepared?.apiServer,
        extraArgs: options.extraApiServerArgs ?? [],
        signal,
      }),
      prepared && startRuntime(supervisor, prepared, images, signal),
    ]);
    const { gitVersion } = JSON.parse((await plane.request("GET", "/version")).text) as { gitVersion: string };
    const node = prepared && await joinCluster(supervisor, prepared, plane, binaries, signal);
    return describeCluster(name, gitVersion.slice(1), directory, plane, supervisor, binaries.kubectl, node);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

function describeCluster(
  name: string,
  version: string,
  directory: string,
  plane: ControlPlane,
  supervisor: Supervisor,
  kubectl: string,
  node: ClusterNode | undefined,
): Cluster {
  const { server, caPem, adminToken } = plane;
  const kubeconfigPath = join(directory, "kubeconfig.yaml");
  const kubeconfigOf = (token: string) => inlineKubeconfig(name, server, caPem, token);
  const stop = async () => {
    plane.close();
    await supervisor.stop();
  };
  return {
    name,
    version,
    server,
    caPem,
    adminToken,
    kubeconfig: kubeconfigOf(adminToken),
    kubeconfigPath,
    directory,
    node,
    get apiServerPid() {
      return plane.apiServer.pid;
    },
    kubeconfigFor: async (credential) => {
      return kubeconfigOf("token" in credential ? credential.token : await requestToken(plane, credential));
    },
    kubectl: (args, kubectlOptions) => runKubectl(kubectl, kubeconfigPath, args, kubectlOptions),
    stopApiServer: (signal = "SIGTERM") => plane.stopApiServer(signal),
    startApiServer: () => plane.startApiServer(),
    restartApiServer: async (signal = "SIGTERM") => {
      await plane.stopApiServer(signal);
      await plane.startApiServer();
    },
    pause: () => plane.signalApiServer("SIGSTOP"),
    resume: () => plane.signalApiServer("SIGCONT"),
    backUp: () => plane.withDataAtRest((data) => replaceFolder(data, join(directory, "backup"))),
    restore: () => plane.withDataAtRest((data) => replaceFolder(join(directory, "backup"), data)),
    keep: async () => {
      await writeKept(directory, { name, version, server, kubeconfigPath, kubectlPath: kubectl, node: node?.address });
      await writeOwner(directory, supervisor.ref);
      await supervisor.keep();
      plane.close();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function replaceFolder(from: string, to: string): Promise<void> {
  await Deno.remove(to, { recursive: true }).catch(() => {});
  const { success, stderr } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  if (!success) throw new Error(`Cannot copy ${from}: ${new TextDecoder().decode(stderr)}`);
}

/** A token of a service account (TokenRequest of authentication.k8s.io/v1). */
async function requestToken(plane: ControlPlane, account: Extract<Credential, { serviceAccount: string }>) {
  const { namespace, serviceAccount, durationSeconds = 3_600 } = account;
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  const { httpStatus, text } = await plane.request("POST", path, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: durationSeconds },
  });
  const answer = JSON.parse(text) as { message?: string; status?: { token?: string } };
  if (httpStatus === 201 && answer.status?.token) return answer.status.token;
  throw new Error(`Cannot get a token of ${namespace}/${serviceAccount}: ${httpStatus} ${answer.message}`);
}
