/**
 * A real cluster with the admission server beside it, for the webhook tests.
 *
 * @module
 */
import { crdManifests } from "../../crds/manifests.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { type Admission, startAdmission } from "../../webhook/admission.ts";
import { type CertificateOptions, ensureCertificates, type ServingCertificates } from "../../webhook/certs.ts";
import { type ConfigurationOptions } from "../../webhook/configuration.ts";
import { ensureConfigurations } from "../../webhook/configurations.ts";
import type { Log } from "../../kube/log.ts";
import type { Hint } from "../../webhook/review.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";

/** The namespace of the controller in these tests. */
export const CONTROL = "dr-syncer-system";
/** A namespace whose writes are observed, and one whose are not. */
export const OBSERVED = "shop";
export const OTHER = "garden";

/** Log lines of the admission server, for the message of a failed test. */
export function memoryLog(lines: string[]): Log {
  const add = (level: string) => (message: string, fields?: unknown) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  return { debug: add("debug"), info: add("info"), warn: add("warn"), error: add("error") };
}

/** Everything a test needs; `await using` ends it. */
export interface Scene extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  readonly admission: Admission;
  readonly certificates: ServingCertificates;
  readonly hints: Hint[];
  readonly lines: string[];
  options(overrides?: Partial<ConfigurationOptions>): ConfigurationOptions;
}

/** Starts cluster and admission server, installs CRDs and both configurations, and waits until the hooks work. */
export async function startScene(version: string, certificateOptions?: Partial<CertificateOptions>): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startCluster({ name: `webhook-${version.replace(".", "-")}`, version }));
  const client = stack.adopt(connect(cluster.kubeconfig), (it) => it.close());
  const { metadata: { uid = "" } } = await client.create(NAMESPACES, namespace(CONTROL));
  for (const name of [OBSERVED, OTHER]) await client.create(NAMESPACES, namespace(name));
  for (const crd of crdManifests()) await client.create(CRDS, crd);
  const hints: Hint[] = [];
  const lines: string[] = [];
  const certificates = await ensureCertificates(client, { ...CERTIFICATE_OPTIONS, ...certificateOptions });
  const started = await startAdmission({
    host: "127.0.0.1",
    port: 0,
    certificate: certificates,
    world: { controlNamespace: CONTROL, tenantMode: false, remoteClusters: [], replications: [] },
    onHints: (batch) => void hints.push(...batch),
    log: memoryLog(lines),
  });
  const admission = stack.adopt(started, (it) => it.stop(2_000));
  const endpoint = { url: `https://127.0.0.1:${admission.port}` };
  const options = (overrides: Partial<ConfigurationOptions> = {}): ConfigurationOptions => {
    const { caBundle } = certificates;
    const owner = { apiVersion: "v1", kind: "Namespace", name: CONTROL, uid };
    const own = { caBundle, owner, ownUserNames: [] };
    return { ...own, validate: endpoint, observe: endpoint, namespaces: [OBSERVED], ...overrides };
  };
  await ensureConfigurations(client, options());
  await untilHooked(client, hints);
  const kept = stack.move();
  const end = () => kept.disposeAsync();
  return { cluster, client, admission, certificates, hints, lines, options, [Symbol.asyncDispose]: end };
}

/** A client for an inline kubeconfig. */
export function connect(kubeconfig: string): KubeClient {
  return createKubeClient(createTransport(parseInlineKubeconfig(kubeconfig)));
}

export const CERTIFICATE_OPTIONS = {
  namespace: CONTROL,
  hosts: ["localhost", "127.0.0.1"],
  now: () => new Date(),
};

/** An API server needs a moment to see a new configuration: until a write is heard of. */
async function untilHooked(client: KubeClient, hints: Hint[]): Promise<void> {
  let attempt = 0;
  await waitFor("a hint of a write", async () => {
    await client.create(CONFIG_MAPS, configMap(OBSERVED, `probe-${attempt++}`));
    return hints.length > 0;
  }, { deadlineMs: 20_000 });
}

/** Kinds that the tests write. */
export const NAMESPACES = coreType("namespaces", "Namespace", false);
export const CONFIG_MAPS = coreType("configmaps", "ConfigMap");
export const SECRETS = coreType("secrets", "Secret");
export const CRDS: ResourceType = {
  ...coreType("customresourcedefinitions", "CustomResourceDefinition", false),
  group: "apiextensions.k8s.io",
};
export const DEPLOYMENTS: ResourceType = { ...coreType("deployments", "Deployment"), group: "apps" };
export const LEASES: ResourceType = { ...coreType("leases", "Lease"), group: "coordination.k8s.io" };
export const WEBHOOKS: ResourceType = {
  ...coreType("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false),
  group: "admissionregistration.k8s.io",
};

function coreType(resource: string, kind: string, namespaced = true): ResourceType {
  const singular = kind.toLowerCase();
  return {
    group: "",
    version: "v1",
    resource,
    kind,
    singular,
    shortNames: [],
    namespaced,
    verbs: [],
    subresources: [],
  };
}

export function namespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export function configMap(namespace: string, name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

export function deployment(name: string, replicas: number): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "app", image: "example.org/app:1" }] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: OBSERVED },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

export function replication(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name, namespace: CONTROL },
    spec: { destinationCluster: "dr", sourceNamespace: OBSERVED, ...spec },
  };
}
