/**
 * Command lines of a control plane's programs, and the files they need.
 *
 * @module
 */
import { join } from "node:path";
import type { NodeAddresses } from "./node_config.ts";

/** Folder-relative name of the socket etcd listens on: etcd wants `host:port`, and makes that a file's name. */
export const etcdSocket = "localhost:1";

/** Longest path of a unix socket on Linux, unix(7). */
const longestSocketPath = 107;

/** Lowest and highest port of API servers: below the range of outgoing connections, which could take it in a restart. */
const portRange = [20_000, 32_000] as const;

/** etcd, reachable only through a socket in its folder. */
export function etcdArguments(binary: string): string[] {
  const [client, peer] = [`unix://${etcdSocket}`, "unix://localhost:2"];
  return [
    binary,
    "--name=rig",
    "--data-dir=etcd",
    "--unsafe-no-fsync",
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=rig=${peer}`,
    // A bound, not a reservation: its usual 2 GiB are too little for a few thousand objects of 1 MiB.
    `--quota-backend-bytes=${16 * 2 ** 30}`,
    "--log-level=warn",
  ];
}

/** What an API server is told. */
export interface ApiServerOptions {
  readonly binary: string;
  readonly directory: string;
  readonly port: number;
  /** Without service accounts made by a controller manager, pods could not be created. */
  readonly controllerManager: boolean;
  readonly extraArgs: readonly string[];
  /** The node in whose network it runs, if the cluster has one. */
  readonly node?: ApiServerNode;
}

/** What a node is to its API server. */
export interface ApiServerNode {
  readonly addresses: NodeAddresses;
  /** Command line, before the program's own, by which a program gets into the node's network. */
  readonly enter: readonly string[];
  /** Who the node's programs are. */
  readonly users: readonly TokenUser[];
}

/** A user who proves to be one by a token. */
export interface TokenUser {
  readonly name: string;
  readonly groups: readonly string[];
  readonly token: string;
}

/** kube-apiserver on one loopback port, or at the address of the cluster's node. */
export function apiServerArguments(options: ApiServerOptions): string[] {
  const socket = join(options.directory, etcdSocket);
  if (socket.length > longestSocketPath) {
    throw new Error(
      `Cannot start a cluster in ${options.directory} as sockets need a path of ${longestSocketPath} bytes`,
    );
  }
  return [
    ...(options.node?.enter ?? []),
    options.binary,
    `--etcd-servers=unix://${socket}`,
    `--secure-port=${options.port}`,
    ...(options.node === undefined ? loopbackArguments : nodeArguments(options.node)),
    "--cert-dir=certs",
    "--token-auth-file=tokens.csv",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-account-key-file=service-accounts.pub",
    "--service-account-signing-key-file=service-accounts.key",
    "--authorization-mode=Node,RBAC",
    "--allow-privileged=true",
    ...(options.controllerManager ? [] : ["--disable-admission-plugins=ServiceAccount"]),
    ...options.extraArgs,
  ];
}

const loopbackArguments = [
  "--bind-address=127.0.0.1",
  // Endpoints may not hold loopback addresses; TEST-NET-1 (RFC 5737) belongs to nobody.
  "--advertise-address=192.0.2.1",
  "--service-cluster-ip-range=10.96.0.0/16",
];

function nodeArguments({ addresses }: ApiServerNode): string[] {
  return [
    "--bind-address=0.0.0.0",
    `--advertise-address=${addresses.address}`,
    `--service-cluster-ip-range=${addresses.serviceRange}`,
    "--kubelet-preferred-address-types=InternalIP",
    "--kubelet-client-certificate=kubelet-client.crt",
    "--kubelet-client-key=kubelet-client.key",
  ];
}

/** kube-scheduler. */
export function schedulerArguments(binary: string): string[] {
  return [binary, "--kubeconfig=kubeconfig.yaml", "--leader-elect=false", "--secure-port=0"];
}

/** kube-controller-manager with all controllers; volumes are provisioned as folders of this machine. */
export function controllerManagerArguments(binary: string): string[] {
  return [
    binary,
    "--kubeconfig=kubeconfig.yaml",
    "--service-account-private-key-file=service-accounts.key",
    "--root-ca-file=ca.crt",
    "--enable-hostpath-provisioner=true",
    "--leader-elect=false",
    "--secure-port=0",
  ];
}

/** A port nobody listens on now; somebody may take it before its user does. */
export function pickPort(random: () => number = Math.random): number {
  const [lowest, highest] = portRange;
  while (true) {
    const port = lowest + Math.floor(random() * (highest - lowest));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/**
 * Writes tokens of the administrator and of other users, and the keys that sign the tokens of service accounts; answers
 * with the administrator's token.
 */
export async function writeCredentials(directory: string, others: readonly TokenUser[] = []): Promise<string> {
  const admin: TokenUser = { name: "admin", groups: ["system:masters"], token: randomToken() };
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const tokens = [admin, ...others].map(({ token, name, groups }) => `${token},${name},${name},"${groups.join()}"\n`);
  const files: [string, string][] = [
    ["tokens.csv", tokens.join("")],
    ["service-accounts.key", pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey))],
    ["service-accounts.pub", pem("PUBLIC KEY", await crypto.subtle.exportKey("spki", keys.publicKey))],
  ];
  for (const [name, text] of files) await Deno.writeTextFile(join(directory, name), text, { mode: 0o600 });
  return admin.token;
}

/** A token that nobody can guess. */
export function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}

/** PEM text of bytes (RFC 7468). */
function pem(label: string, bytes: ArrayBuffer): string {
  const lines = new Uint8Array(bytes).toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
