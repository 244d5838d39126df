/**
 * Installs dr-syncer's manifests in rig clusters, as a user would, and connects them: for tests and the demo.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { crdManifests } from "../../crds/manifests.ts";
import type { Cluster } from "./cluster.ts";

/** The control namespace of the manifests. */
const controlNamespace = "dr-syncer-system";

/** A demo is looked at for longer than the hour that tokens usually last. */
const tokenSeconds = 24 * 3_600;

/** Who the controller is in a cluster. */
export interface Installed {
  /** Inline kubeconfig of the ServiceAccount that the manifests made; its token lasts a day. */
  readonly kubeconfig: string;
}

/** Path of a folder of `deploy`. */
export function deployFolder(name = ""): string {
  return fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
}

/** Before `installSource`: where Pods run, the manifests' own controller would lead beside a process of ours. */
export async function keepPodsAway(source: Cluster): Promise<void> {
  await source.kubectl(["create", "namespace", controlNamespace]);
  await source.kubectl(["create", "quota", "no-pods", "--hard=pods=0", "-n", controlNamespace]);
}

/**
 * `kubectl apply -k deploy`; returns when the definitions are served. In a cluster without a node, Pods of the
 * Deployment, if there is a controller manager to make them, stay Pending.
 */
export async function installSource(cluster: Cluster, overlay = ""): Promise<Installed> {
  await cluster.kubectl(["apply", "-k", deployFolder(overlay)]);
  const names = crdManifests().map(({ metadata }) => `crd/${metadata.name}`);
  await cluster.kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
  return { kubeconfig: await kubeconfigOf(cluster, "dr-syncer") };
}

/** `kubectl apply -k deploy/dr-cluster`, or another of its variants. */
export async function installDr(cluster: Cluster, variant = "dr-cluster"): Promise<Installed> {
  await cluster.kubectl(["apply", "-k", deployFolder(variant)]);
  return { kubeconfig: await kubeconfigOf(cluster, "dr-syncer-dr") };
}

/** Makes the RemoteCluster `name` in the source's control namespace, and Secret `NAME-kubeconfig` for it. */
export async function connectDr(source: Cluster, name: string, drKubeconfig: string): Promise<void> {
  const secretName = `${name}-kubeconfig`;
  const objects = [{
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: secretName, namespace: controlNamespace },
    stringData: { kubeconfig: drKubeconfig },
  }, {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "RemoteCluster",
    metadata: { name, namespace: controlNamespace },
    spec: { kubeconfigSecretRef: { name: secretName } },
  }];
  const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  await source.kubectl(["apply", "--server-side", "-f", "-"], { stdin });
}

function kubeconfigOf(cluster: Cluster, serviceAccount: string): Promise<string> {
  return cluster.kubeconfigFor({ namespace: controlNamespace, serviceAccount, durationSeconds: tokenSeconds });
}
