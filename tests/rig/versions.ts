/**
 * Which versions the rig can run, and which Go module builds what.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program of the rig. */
export type BinaryName =
  | "etcd"
  | "kube-apiserver"
  | "kube-controller-manager"
  | "kubectl"
  | "kube-scheduler"
  | "kubelet"
  | "kube-proxy"
  | "pause";

/** A Go module of `tests/rig/modules`: its go.mod and go.sum pin what is built. */
export interface RigModule {
  /** Folder below `modules`. */
  readonly folder: string;
  /** Version of the programs, as in their tags but without the `v`. */
  readonly version: string;
  /** Go package of each program. */
  readonly packages: Readonly<Partial<Record<BinaryName, string>>>;
  /** Whether the programs are told their version at link time (Kubernetes), or know it. */
  readonly stamped: boolean;
  /** Files of the folder that say what is built; `go.mod` and `go.sum` unless told otherwise. */
  readonly files?: readonly string[];
}

const commands = "k8s.io/kubernetes/cmd";

/** The version that everything runs on unless told otherwise. */
export const defaultModule: RigModule = {
  folder: "v1.36",
  version: "1.36.3",
  packages: {
    "kube-apiserver": `${commands}/kube-apiserver`,
    "kubectl": `${commands}/kubectl`,
    "kube-controller-manager": `${commands}/kube-controller-manager`,
  },
  stamped: true,
};

/** The oldest version we support: only its API server, everything around it is of the default version. */
const oldestModule: RigModule = {
  folder: "v1.30",
  version: "1.30.14",
  packages: { "kube-apiserver": `${commands}/kube-apiserver` },
  stamped: true,
};

const etcdModule: RigModule = {
  folder: "etcd",
  version: "3.6.16",
  packages: { "etcd": "go.etcd.io/etcd/server/v3" },
  stamped: false,
};

/** What only nodes need: a module of its own, so that clusters without nodes build none of it. */
const nodeModule: RigModule = {
  folder: "v1.36-node",
  version: "1.36.3",
  packages: {
    "kube-scheduler": `${commands}/kube-scheduler`,
    "kubelet": `${commands}/kubelet`,
    "kube-proxy": `${commands}/kube-proxy`,
  },
  stamped: true,
};

/** The program that holds the namespaces of a Pod. */
const pauseModule: RigModule = {
  folder: "pause",
  version: "1.0.0",
  packages: { "pause": "." },
  stamped: false,
  files: ["go.mod", "main.go"],
};

/** Every Kubernetes version the rig has, newest first. */
export const kubernetesModules: readonly RigModule[] = [defaultModule, oldestModule];

/**
 * Finds a Kubernetes version by a prefix of whole parts (`1.30`, `v1.30`, `1.30.14`); without one, the default.
 *
 * @throws {Error} when the rig has none that matches
 */
export function findModule(version?: string): RigModule {
  const wanted = (version ?? defaultModule.version).replace(/^v/, "");
  const found = kubernetesModules.find((module) => `${module.version}.`.startsWith(`${wanted}.`));
  if (found !== undefined) return found;
  const known = kubernetesModules.map((module) => module.version).join(", ");
  throw new Error(`Cannot run Kubernetes ${wanted} as the rig has only ${known}`);
}

/** The module that builds a program for clusters of a version. */
export function moduleOf(name: BinaryName, kubernetes: RigModule): RigModule {
  const others = [nodeModule, etcdModule, pauseModule];
  return [kubernetes, ...others].find((module) => module.packages[name] !== undefined) ?? defaultModule;
}

/** Where a module's go.mod lies. */
export function folderOf(module: RigModule): string {
  return join(fileURLToPath(new URL("modules", import.meta.url)), module.folder);
}

/** What the linker is told. */
export function linkerFlagsOf(module: RigModule): string {
  if (!module.stamped) return "-s -w";
  const [major, minor] = module.version.split(".");
  const set = (name: string, value?: string) => `-X k8s.io/component-base/version.${name}=${value}`;
  return ["-s -w", set("gitVersion", `v${module.version}`), set("gitMajor", major), set("gitMinor", minor)].join(" ");
}

/** Name of a module's folder in the cache: another one as soon as its files or the linker flags change. */
export async function cacheKeyOf(module: RigModule): Promise<string> {
  const folder = folderOf(module);
  const files = module.files ?? ["go.mod", "go.sum"];
  const parts = await Promise.all(files.map((file) => Deno.readTextFile(join(folder, file))));
  const bytes = new TextEncoder().encode([...parts, linkerFlagsOf(module)].join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const name = module.stamped ? "kubernetes" : module.folder;
  return `${name}-${module.version}-${digest.toHex().slice(0, 12)}`;
}
