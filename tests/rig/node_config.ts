/**
 * Addresses of a node, and the configuration of its programs.
 *
 * @module
 */
import { join } from "node:path";
import { stringify } from "yaml";

/** Addresses of a cluster with a node: 198.18.0.0/15 is set aside for test networks (RFC 2544). */
export interface NodeAddresses {
  /** The node's own, also its API server's: what other clusters and this machine reach. */
  readonly address: string;
  readonly podRange: string;
  readonly serviceRange: string;
}

/** Port of API servers of clusters with nodes: each has an address of its own. */
export const nodeApiPort = 6443;

/** Where the container runtime listens, as its node sees it. */
export const containerdSocket = "/run/containerd/containerd.sock";

/** The image that holds a Pod's namespaces. */
export const pauseImage = "docker.io/library/pause:1.0.0";

/** Addresses of the node with a number, from 1 to 200; no two nodes of a machine have the same one. */
export function addressesOf(number: number): NodeAddresses {
  return {
    address: `198.18.0.${number}`,
    podRange: `198.18.${number}.0/24`,
    serviceRange: `198.19.${number}.0/24`,
  };
}

/** What the programs of a node are told. */
export interface NodeSettings extends NodeAddresses {
  readonly name: string;
  readonly number: number;
  /** Folder of the cluster. */
  readonly directory: string;
}

/** Configuration files of a node, by name below the cluster's folder. */
export function nodeFiles(settings: NodeSettings): Record<string, string> {
  return {
    "containerd.toml": containerdConfig(settings),
    "cni/10-pods.conflist": JSON.stringify(networkConfig(settings), undefined, 2),
    "kubelet.yaml": stringify(kubeletConfig(settings)),
    "kube-proxy.yaml": stringify(proxyConfig(settings)),
  };
}

/** containerd 1.6; its state is below the node's own /run, where its shims and runc put theirs, too. */
function containerdConfig({ directory }: NodeSettings): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${JSON.stringify(join(directory, "containerd"))}
state = "/run/containerd"
# It makes folders in /opt.
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = ${JSON.stringify(containerdSocket)}

[${cri}]
sandbox_image = ${JSON.stringify(pauseImage)}
# Without CAP_SYS_RESOURCE no process may be made less likely to be killed than its parent.
restrict_oom_score_adj = true

[${cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = ${JSON.stringify(join(directory, "cni"))}

[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
`;
}

/** Each Pod is routed to, not bridged: what it sends passes through the node's iptables in any case. */
function networkConfig({ podRange }: NodeSettings): object {
  const ipam = { type: "host-local", ranges: [[{ subnet: podRange }]], routes: [{ dst: "0.0.0.0/0" }] };
  return {
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [{ type: "ptp", ipMasq: true, ipam }, { type: "portmap", capabilities: { portMappings: true } }],
  };
}

function kubeletConfig({ directory, number }: NodeSettings): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(directory, "kubelet-clients.crt") },
    },
    authorization: { mode: "Webhook" },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    // Two kubelets with one root remove each other's Pods.
    cgroupRoot: `/drs-${number}`,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    resolvConf: join(directory, "resolv.conf"),
    podLogsDir: join(directory, "pod-logs"),
    volumePluginDir: join(directory, "kubelet/volume-plugins"),
    // A full disk of this machine is no reason to remove Pods or images.
    evictionHard: {
      "memory.available": "0%",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
      "imagefs.inodesFree": "0%",
    },
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
  };
}

function proxyConfig({ directory, name, podRange }: NodeSettings): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clientConnection: { kubeconfig: join(directory, "kube-proxy.kubeconfig") },
    hostnameOverride: name,
    clusterCIDR: podRange,
    oomScoreAdj: 0,
    // The machine's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}

/** Command line of the kubelet. */
export function kubeletArguments(binary: string, { directory, name, address }: NodeSettings): string[] {
  return [
    binary,
    `--config=${join(directory, "kubelet.yaml")}`,
    `--kubeconfig=${join(directory, "kubelet.kubeconfig")}`,
    `--root-dir=${join(directory, "kubelet")}`,
    `--cert-dir=${join(directory, "kubelet/pki")}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
  ];
}

/** The StorageClass of PersistentVolumeClaims that name none: folders of this machine, made by the controller manager. */
export const defaultStorageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "kubernetes.io/host-path",
};

/** Whether a node says of itself that it is ready; its object as JSON. */
export function isReadyNode(object: unknown): boolean {
  const { status } = object as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;
}
