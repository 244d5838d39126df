import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { ensureBinaries } from "../rig/binaries.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { connectDr, deployFolder, installDr, installSource } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { findAllowed, userOf } from "./access.ts";
import {
  CONTROLLER_MAY,
  CONTROLLER_MAY_NOT,
  DR_MAY,
  DR_MAY_NOT,
  ESCALATION,
  SOURCE_MAY,
  SOURCE_MAY_NOT,
  TENANTS_MAY,
} from "./deploy_access.ts";

const NAMESPACE = "dr-syncer-system";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Record<string, string>;
  };
  readonly spec?: { readonly template?: { readonly metadata: unknown; readonly spec: unknown } };
}

/** Applies a folder without a warning, and again without a change; answers what is stored. */
async function applyTwice(cluster: Cluster, folder: string): Promise<Manifest[]> {
  const apply = async () => {
    await cluster.kubectl(["apply", "--warnings-as-errors", "-k", deployFolder(folder)]);
    const { stdout } = await cluster.kubectl(["get", "-k", deployFolder(folder), "-o", "json"]);
    return JSON.parse(stdout).items as Manifest[];
  };
  // The server itself writes the status of definitions.
  const versions = (objects: Manifest[]) =>
    objects.filter(({ kind }) => kind !== "CustomResourceDefinition")
      .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
  const objects = await apply();
  assert.deepEqual(versions(await apply()), versions(objects));
  return objects;
}

function checkLabels(objects: Manifest[]): void {
  for (const { kind, metadata: { name, labels = {} } } of objects) {
    assert.ok(labels["dr-syncer.io/component"], `${kind} ${name} would be mirrored`);
    assert.equal(labels["app.kubernetes.io/part-of"], "dr-syncer", `${kind} ${name}`);
    assert.equal(labels["app.kubernetes.io/version"], denoJson.version, `${kind} ${name}`);
  }
}

async function checkPod(cluster: Cluster, objects: Manifest[]): Promise<void> {
  const { template } = objects.find(({ kind }) => kind === "Deployment")?.spec ?? {};
  const metadata = { ...template?.metadata as object, name: "restricted", namespace: NAMESPACE };
  const pod = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec: template?.spec });
  await cluster.kubectl(["create", "--dry-run=server", "-f", "-"], { stdin: pod });
  assert.ok(pod.includes(`"image":"dr-syncer:${denoJson.version}"`), "the image has the program's version");
}

async function checkAccess(cluster: Cluster, account: string, may: string[], mayNot: string[]): Promise<void> {
  assert.deepEqual(await findAllowed(cluster, account, [...may, ...mayNot]), may, account);
}

/** What an object's creation as a ServiceAccount is answered with; empty when it would be stored. */
async function refusal(cluster: Cluster, account: string, ...args: string[]): Promise<string> {
  const { code, stderr } = await cluster.kubectl([...args, "--as", userOf(account)], { allowFailure: true });
  return code === 0 ? "" : stderr;
}

/** As `refusal`, with an object on standard input. */
async function refusedManifest(cluster: Cluster, account: string, object: object, ...args: string[]): Promise<string> {
  const options = { allowFailure: true, stdin: JSON.stringify(object) };
  const { code, stderr } = await cluster.kubectl([...args, "--as", userOf(account)], options);
  return code === 0 ? "" : stderr;
}

function dryRun(cluster: Cluster, account: string, ...args: string[]): Promise<string> {
  return refusal(cluster, account, ...args, "--dry-run=server");
}

function applyHook(cluster: Cluster, name: string): Promise<{ code: number; stderr: string }> {
  const hook = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
  };
  const args = ["apply", "--server-side", "--as", userOf("dr-syncer"), "-f", "-"];
  return cluster.kubectl(args, { stdin: JSON.stringify(hook), allowFailure: true });
}

async function checkDrScope(dr: Cluster): Promise<void> {
  const create = (...args: string[]) => dryRun(dr, "dr-syncer-dr", "create", ...args);
  await waitFor("the policy", async () => {
    return (await create("configmap", "c", "-n", "kube-system")).includes("system namespaces");
  }, { deadlineMs: 20_000 });
  assert.equal(await create("configmap", "c", "-n", "default"), "");
  assert.equal(await create("namespace", "shop-dr"), "");
  assert.match(await create("secret", "generic", "s", "-n", NAMESPACE), /system namespaces/);
  assert.match(await create("namespace", "kube-other"), /system namespaces/);
  assert.match(await create("priorityclass", "p", "--value=1"), /no cluster-scoped objects/);
  assert.match(await dryRun(dr, "dr-syncer-dr", "label", "namespace", "default", "a=b"), /no cluster-scoped objects/);
  await checkDefinitions(dr);
  await checkNamespaceChanges(dr);
  await checkFollowedNamespace(dr);
  await dr.kubectl(["create", "serviceaccount", "app"]);
  await checkNeverWritten(dr);
  assert.match(await refusal(dr, "dr-syncer-dr", "create", "token", "app"), /issues no tokens/);
  const proxy = "/api/v1/namespaces/default/services/kubernetes/proxy/";
  assert.match(await refusal(dr, "dr-syncer-dr", "get", "--raw", proxy), /never connects/);
  assert.equal(await refusal(dr, "dr-syncer-dr", "auth", "can-i", "--list"), "");
}

/** Only a definition that was created from a source's may be changed. */
async function checkDefinitions(dr: Cluster): Promise<void> {
  const names = { kind: "Gear", plural: "gears" };
  const schema = { openAPIV3Schema: { type: "object" } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const spec = { group: "example.com", scope: "Namespaced", names, versions };
  const metadata = { name: "gears.example.com" };
  const crd = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata, spec };
  await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(crd) });
  const label = () => dryRun(dr, "dr-syncer-dr", "label", "crd", metadata.name, "a=b");
  assert.match(await label(), /keeps up to date what it has created of these/);
  const claim = await dryRun(dr, "dr-syncer-dr", "annotate", "crd", metadata.name, "dr-syncer.io/origin={}");
  assert.match(claim, /keeps up to date what it has created/, "nor does it make one its own");
  await dr.kubectl(["annotate", "crd", metadata.name, "dr-syncer.io/origin={}"]);
  assert.equal(await label(), "");
  assert.match(await dryRun(dr, "dr-syncer-dr", "delete", "crd", metadata.name), /no cluster-scoped objects/);
}

/** Of a Namespace that exists, our label may come off, alone. */
async function checkNamespaceChanges(dr: Cluster): Promise<void> {
  const labels = { "dr-syncer.io/managed-by": "0123456789ab", other: "x" };
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "made", labels } };
  await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(namespace) });
  const patch = (metadata: object) =>
    dryRun(dr, "dr-syncer-dr", "patch", "namespace", "made", "--type=merge", "-p", JSON.stringify({ metadata }));
  const off = { "dr-syncer.io/managed-by": null };
  assert.equal(await patch({ labels: off }), "");
  const others = [
    { labels: { ...off, other: null } },
    { labels: { ...off, "pod-security.kubernetes.io/enforce": "privileged" } },
    { labels: { "dr-syncer.io/managed-by": "ffffffffffff" } },
    { labels: off, annotations: { a: "b" } },
    { labels: off, finalizers: ["example.com/hold"] },
  ];
  for (const metadata of others) {
    assert.match(await patch(metadata), /no cluster-scoped objects/, JSON.stringify(metadata));
  }
}

/** A Namespace with our label and origin follows its source's; one without may get them; another's is not taken over. */
async function checkFollowedNamespace(dr: Cluster): Promise<void> {
  const mark = (id: string) => ({
    labels: { "dr-syncer.io/managed-by": id },
    annotations: { "dr-syncer.io/origin": "{}" },
  });
  const ours = mark("0123456789ab");
  const range = { "openshift.io/sa.scc.uid-range": "1000/10000" };
  const create = (name: string, labels: object, annotations: object) => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels, annotations } };
    return dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(namespace) });
  };
  await create("followed", { ...ours.labels, gone: "x" }, { ...ours.annotations, ...range });
  await create("found", { theirs: "x" }, range);
  const patch = (name: string, metadata: object) =>
    dryRun(dr, "dr-syncer-dr", "patch", "namespace", name, "--type=merge", "-p", JSON.stringify({ metadata }));
  const enforce = { "pod-security.kubernetes.io/enforce": "restricted" };
  assert.equal(await patch("followed", { labels: { ...enforce, gone: null }, annotations: { note: "x" } }), "");
  assert.equal(await patch("found", { labels: { ...ours.labels, ...enforce }, annotations: ours.annotations }), "");
  const refused: [string, object][] = [
    ["found", { labels: enforce }],
    ["found", { labels: ours.labels }],
    ["found", { ...ours, annotations: { ...ours.annotations, "openshift.io/sa.scc.uid-range": null } }],
    ["followed", mark("ffffffffffff")],
    ["followed", { annotations: { "dr-syncer.io/origin": null } }],
    ["followed", { annotations: { "openshift.io/sa.scc.uid-range": "1/1" } }],
    ["followed", { annotations: { "openshift.io/sa.scc.mcs": "s0" } }],
    ["followed", { labels: { "dr-syncer.io/component": "x" } }],
    ["followed", { finalizers: ["example.com/hold"] }],
  ];
  for (const [name, metadata] of refused) {
    assert.match(await patch(name, metadata), /no cluster-scoped objects/, `${name} ${JSON.stringify(metadata)}`);
  }
  assert.match(await patch("kube-public", ours), /system namespaces|no cluster-scoped objects/);
  assert.match(await dryRun(dr, "dr-syncer-dr", "delete", "namespace", "followed"), /no cluster-scoped objects/);
}

/** Of the kinds that no copy is of, the fence alone is written. */
async function checkNeverWritten(dr: Cluster): Promise<void> {
  const write = (verb: string, object: object) =>
    refusedManifest(dr, "dr-syncer-dr", object, verb, "-f", "-", "--dry-run=server");
  const object = (apiVersion: string, kind: string, name: string, more: object = {}) => ({
    apiVersion,
    kind,
    metadata: { name, namespace: "default" },
    ...more,
  });
  const containers = [{ name: "c", image: "example.com/c" }];
  const account = { serviceAccountName: "app", automountServiceAccountToken: false };
  const pod = object("v1", "Pod", "p", { spec: { ...account, containers } });
  const template = { metadata: {}, spec: { containers } };
  const lease = (name: string) => object("coordination.k8s.io/v1", "Lease", name, { spec: { holderIdentity: "x" } });
  const never = [
    pod,
    object("v1", "PodTemplate", "t", { template }),
    object("apps/v1", "ControllerRevision", "r", { revision: 1, data: { spec: {} } }),
    lease("theirs"),
  ];
  for (const one of never) {
    assert.match(await write("create", one), /no other kind that is never mirrored/, one.kind);
    await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(one) });
    const [kind, name] = [one.kind, one.metadata.name];
    const change = (...args: string[]) => dryRun(dr, "dr-syncer-dr", ...args, "-n", "default");
    assert.match(await change("label", kind, name, "a=b"), /no other kind that is never mirrored/, kind);
    assert.match(await change("delete", kind, name), /no other kind that is never mirrored/, kind);
  }
  assert.equal(await write("create", lease("dr-syncer")), "");
  await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(lease("dr-syncer")) });
  const fence = (...args: string[]) => dryRun(dr, "dr-syncer-dr", ...args, "-n", "default");
  assert.equal(await fence("annotate", "lease", "dr-syncer", "dr-syncer.io/role=Standby"), "");
  assert.equal(await fence("delete", "lease", "dr-syncer"), "");
}

async function checkReadOnly(cluster: Cluster, account: string): Promise<void> {
  const proxy = ["get", "--raw", "/api/v1/namespaces/default/services/kubernetes/proxy/"];
  await waitFor("the policy", async () => (await refusal(cluster, account, ...proxy)).includes("never connects"), {
    deadlineMs: 20_000,
  });
}

/** The lines of the README's recipe, with the address of this DR cluster. */
async function runRecipe(source: Cluster, dr: Cluster): Promise<void> {
  const readme = await Deno.readTextFile(deployFolder("README.md"));
  const recipe = /```sh\n([\s\S]*?)```/.exec(readme)?.[1]?.replace("https://dr.example.com:6443", dr.server) ?? "";
  const { kubectl } = await ensureBinaries(undefined, ["kubectl"]);
  const env = {
    PATH: `${dirname(kubectl)}:/usr/bin:/bin`,
    KUBECONFIG: `${source.kubeconfigPath}:${dr.kubeconfigPath}`,
    HOME: source.directory,
  };
  const command = new Deno.Command("sh", { args: ["-ec", recipe], cwd: ROOT, env, clearEnv: true, stderr: "piped" });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const jsonpath = "jsonpath={.data.kubeconfig}";
  const { stdout } = await source.kubectl(["get", "secret", "dr-kubeconfig", "-n", NAMESPACE, "-o", jsonpath]);
  const path = join(dr.directory, "recipe.yaml");
  await Deno.writeTextFile(path, atob(stdout));
  const who = await dr.kubectl(["--kubeconfig", path, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
  assert.equal(who.stdout, userOf("dr-syncer-dr"));
}

Deno.test("what `deploy` installs: objects, labels, Pod Security, and exactly the permissions that are needed", async (t) => {
  await using source = await startCluster({ name: "source" });
  let objects: Manifest[] = [];
  await t.step("apply", async () => void (objects = await applyTwice(source, "")));
  await t.step("labels", () => checkLabels(objects));
  await t.step("Pod Security restricted", () => checkPod(source, objects));
  await t.step("permissions", () => {
    return checkAccess(source, "dr-syncer", CONTROLLER_MAY, [...CONTROLLER_MAY_NOT, ...TENANTS_MAY]);
  });
  await t.step("webhook configurations are created under our names alone", async () => {
    assert.equal((await applyHook(source, "dr-syncer-observe")).code, 0);
    assert.match((await applyHook(source, "foreign")).stderr, /forbidden/i);
  });
  await t.step("no connections", () => checkReadOnly(source, "dr-syncer"));
  await t.step("tenant mode", async () => {
    checkLabels(await applyTwice(source, "overlays/tenant-mode"));
    await checkAccess(source, "dr-syncer", [...CONTROLLER_MAY, ...TENANTS_MAY], CONTROLLER_MAY_NOT);
  });
  await t.step("a remote source", async () => {
    checkLabels(await applyTwice(source, "source-cluster"));
    await checkAccess(source, "dr-syncer-source", SOURCE_MAY, SOURCE_MAY_NOT);
    await checkReadOnly(source, "dr-syncer-source");
  });
});

for (const version of ["1.36", "1.30"]) {
  Deno.test(`what a DR cluster ${version} grants is enough and no more`, async (t) => {
    await using dr = await startCluster({ name: "dr", version });
    await t.step("without RBAC objects", async () => {
      checkLabels(await applyTwice(dr, "dr-cluster/without-rbac-objects"));
      await checkAccess(dr, "dr-syncer-dr", DR_MAY, [...DR_MAY_NOT, ...ESCALATION]);
    });
    await t.step("with them", async () => {
      checkLabels(await applyTwice(dr, "dr-cluster"));
      await checkAccess(dr, "dr-syncer-dr", [...DR_MAY, ...ESCALATION], DR_MAY_NOT);
    });
    await t.step("scope", () => checkDrScope(dr));
  });
}

Deno.test("the README's recipe connects two clusters", async () => {
  await using source = await startCluster({ name: "source" });
  await using dr = await startCluster({ name: "dr", controllerManager: true });
  await runRecipe(source, dr);
  const { kubeconfig } = await installDr(dr);
  await connectDr(source, "second", kubeconfig);
  assert.match((await installSource(source)).kubeconfig, /token/);
});
