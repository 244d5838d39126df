/**
 * The guide as a user follows it: every command and every manifest that it shows is run as written, on two clusters.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { customDefinition } from "../custom_definition.ts";
import { migrationExamples } from "../guide_examples.ts";
import { startCluster } from "../rig/cluster.ts";
import { deployFolder } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { GUIDE_OBJECTS } from "./guide_objects.ts";
import { type Block, openShell, readBlocks, type Shell } from "./guide_shell.ts";
import { type Printed, replication, Scene } from "./scene.ts";

const CONTROL = "dr-syncer-system";
/** Its examples take nodes: tests/e2e/volumes_nodes_test.ts runs them. */
const VOLUMES_PAGE = "docs/guide/volumes.md";
/** Blocks that cli/plan_test.ts, tests/e2e/convert_test.ts and tests/e2e/demo_test.ts see to. */
const RUN_ELSEWHERE = [
  /^text (plan|json|said)\n/,
  /^yaml (before|after)/,
  /^\S*\nnpx --yes deno@\S+ task/,
  /^\nA Replication of namespace/,
];
/** A picture, and what needs a registry of one's own. */
const NOT_RUN = [/write ──admission──▶/, /^\ndocker build/];

/** What a step of the walk has at hand. */
interface Walk {
  readonly scene: Scene;
  readonly shell: Shell;
  /** The next block of a page that has not run yet. */
  next(page: string): string;
}

Deno.test("the guide", async (t) => {
  await using stack = new AsyncDisposableStack();
  const start = async (name: string) => stack.use(await startCluster({ name, controllerManager: true }));
  const [source, dr] = await Promise.all([start("source"), start("dr")]);
  const scene = stack.use(new Scene(source, [dr], join(source.directory, "controller.kubeconfig")));
  const pending = (await readBlocks()).filter(isToRun);
  const next = (page: string) => {
    const index = pending.findIndex((block) => block.page === page);
    assert.ok(index >= 0, `${page} has another example`);
    return pending.splice(index, 1)[0]!.text;
  };
  const walk = { scene, shell: await openShell(source, dr), next };
  await t.step("migration: before the installation", () => takeOut(walk));
  await t.step("install", () => install(walk));
  await t.step("flags", () => flags(walk));
  await t.step("status", () => status(walk));
  await t.step("overrides: which objects", () => whichObjects(walk));
  await t.step("overrides: images, storage, hosts", () => mappings(walk));
  await t.step("overrides: patches", () => patches(walk));
  await t.step("many namespaces", () => manyNamespaces(walk));
  await t.step("migration: after it", () => bringIn(walk));
  await t.step("deletes: an approval", () => approval(walk));
  await t.step("plan", () => plan(walk));
  await t.step("safety: an activation by hand", () => activation(walk));
  await t.step("uninstall", () => uninstall(walk));
  await t.step("deletes: without a controller", () => withoutController(walk));
  await t.step("there is no example that was not run", () => assert.deepEqual(pending.map(({ place }) => place), []));
});

function isToRun({ page, info, text }: Block): boolean {
  return page !== VOLUMES_PAGE && ![...RUN_ELSEWHERE, ...NOT_RUN].some((words) => words.test(`${info}\n${text}`));
}

/** The patch, put where the page says. */
async function flags({ scene, next }: Walk): Promise<void> {
  const folder = join(scene.source.directory, "deploy-with-flags");
  const copied = await new Deno.Command("cp", { args: ["-R", deployFolder(""), folder] }).output();
  assert.ok(copied.success);
  await Deno.writeTextFile(join(folder, "kustomization.yaml"), `\n${next("deploy/README.md")}`, { append: true });
  const { stdout } = await scene.source.kubectl(["kustomize", folder]);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS());
  const deployment: Printed = objects.find(({ kind }) => kind === "Deployment");
  const keys = ["app.kubernetes.io/instance", "tool.example.com/"].map((key) => `--tracking-key=${key}`);
  assert.deepEqual(deployment.spec.template.spec.containers[0].args, ["controller", ...keys]);
}

async function install({ scene, shell, next }: Walk): Promise<void> {
  await shell.run(next("docs/guide/install.md"));
  await shell.run(next("docs/guide/install.md"));
  await shell.run(next("deploy/README.md").replace("https://dr.example.com:6443", scene.dr.server));
  await shell.run(next("README.md"));
  const kubeconfig = await scene.source.kubeconfigFor({ namespace: CONTROL, serviceAccount: "dr-syncer" });
  await Deno.writeTextFile(scene.kubeconfigPath, kubeconfig, { mode: 0o600 });
  await scene.startController();
  await shell.run(
    "kubectl create namespace shop && kubectl -n shop create configmap settings --from-literal=color=green",
  );
  // The hook of our kinds is there once the controller leads.
  const hook = () => scene.get(scene.source, "validatingwebhookconfiguration", "dr-syncer-validate");
  await waitFor("the hook", hook, { deadlineMs: 30_000 });
  const { stdout } = await shell.run(next("docs/guide/install.md"));
  assert.match(stdout, /remotecluster.dr-syncer.io\/dr/);
  assert.match(stdout, /replication.dr-syncer.io\/shop +shop .*dr +Continuous/);
  await scene.apply(next("README.md"));
  await scene.until(scene.dr, "configmap", "settings", "shop", ({ data }) => data.color === "green");
}

async function status({ scene, shell, next }: Walk): Promise<void> {
  await scene.condition("shop", "Synced", "True");
  for (const page of ["docs/guide/status.md", "README.md"]) await showsTable(shell, next(page));
}

/** A block with a prompt: the same columns, and in the row of the same name the same up to the role. */
async function showsTable(shell: Shell, text: string): Promise<void> {
  const [prompt = "", header = "", ...rows] = text.trimEnd().split("\n");
  assert.ok(prompt.startsWith("$ "), prompt);
  const { stdout } = await shell.run(prompt.slice(2));
  const [shownHeader = "", ...shownRows] = stdout.trimEnd().split("\n");
  assert.deepEqual(wordsOf(shownHeader), wordsOf(header));
  for (const row of rows) {
    const upToRole = wordsOf(row.slice(0, header.indexOf("SYNCED")));
    const shown = shownRows.map((other) => wordsOf(other.slice(0, shownHeader.indexOf("SYNCED"))));
    assert.ok(shown.some((other) => other.join() === upToRole.join()), `${row} is not in\n${stdout}`);
  }
}

function wordsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** Mirrors a new namespace with the fragment of a Replication that the guide shows next. */
async function replicate({ scene, next }: Walk, namespace: string): Promise<void> {
  const fragment = parse(next("docs/guide/overrides.md"));
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]);
  await scene.source.kubectl(["apply", "-n", namespace, "-f", "-"], { stdin: GUIDE_OBJECTS });
  await scene.replicate(namespace, fragment.spec);
  await scene.condition(namespace, "Synced", "True");
}

async function namesIn(scene: Scene, kind: string, namespace: string): Promise<string[]> {
  const objects = await scene.list(scene.dr, kind, namespace);
  return objects.map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt");
}

async function whichObjects(walk: Walk): Promise<void> {
  const { scene } = walk;
  await replicate(walk, "selected");
  // Excluded by name, by the value of a label, and for want of a label.
  assert.deepEqual(await namesIn(scene, "configmaps", "selected"), ["settings"]);
  assert.deepEqual(await namesIn(scene, "deployments", "selected"), ["api"]);
  assert.ok(!(await namesIn(scene, "serviceaccounts", "selected")).includes("shop"), "an excluded type");
}

async function mappings(walk: Walk): Promise<void> {
  const { scene } = walk;
  await replicate(walk, "mapped");
  const images = async (name: string) => {
    const { spec } = await scene.get(scene.dr, "deployment", name, "mapped");
    return spec.template.spec.containers.map(({ image }: Printed) => image);
  };
  assert.deepEqual(await images("api"), ["mirror.dr.example.com/live/team/api:1.2"]);
  assert.deepEqual(await images("load-generator"), ["mirror.dr.example.com/hub/library/busybox:1"]);
  const claim = async (name: string) => (await scene.get(scene.dr, "persistentvolumeclaim", name, "mapped")).spec;
  assert.equal((await claim("fast")).storageClassName, "premium");
  const slow = await claim("slow");
  assert.deepEqual([slow.storageClassName, slow.accessModes], ["standard", ["ReadWriteOnce"]]);
  const { spec } = await scene.get(scene.dr, "ingress", "shop", "mapped");
  assert.deepEqual(spec.rules.map(({ host }: Printed) => host), ["shop.dr.example.com", "a.dr-internal.example.com"]);
}

async function patches(walk: Walk): Promise<void> {
  const { scene } = walk;
  await replicate(walk, "patched");
  assert.equal((await scene.get(scene.dr, "configmap", "settings", "patched")).data.region, "eu-central-1");
  const { metadata } = await scene.get(scene.dr, "deployment", "api", "patched");
  assert.equal(metadata.annotations["dr-syncer.io/original-replicas"], "2", "at an activation");
  const ingress = await scene.get(scene.dr, "ingress", "shop", "patched");
  const parked = JSON.parse(ingress.metadata.annotations["dr-syncer.io/original-annotations"]);
  assert.equal(parked["cert-manager.io/cluster-issuer"], "dr-issuer", "at an activation, too");
}

async function manyNamespaces({ scene, shell, next }: Walk): Promise<void> {
  await shell.run("kubectl create namespace mail && kubectl label namespace mail shop dr=gold --overwrite");
  await shell.run("kubectl -n dr-syncer-system delete replication shop");
  await scene.apply([{
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    ...parse(next("docs/guide/namespaces.md")),
  }]);
  for (const child of ["gold.mail", "gold.shop"]) await scene.condition(child, "Synced", "True");
  await scene.condition("gold", "Ready", "True");
  await showsTable(shell, next("docs/guide/namespaces.md"));
  const { stdout } = await shell.run(next("docs/guide/namespaces.md"));
  assert.deepEqual(stdout.match(/^gold\.\w+/gm), ["gold.mail", "gold.shop"]);
  await scene.until(scene.source, "replication", "gold", CONTROL, ({ status }) => status.lastManualSync !== undefined);
  await shell.run("kubectl -n dr-syncer-system delete replication gold");
}

/** What the first version left in the API server: its definitions, and the first example of the page. */
async function takeOut({ scene, shell, next }: Walk): Promise<void> {
  const crds = ["RemoteCluster", "ClusterMapping", "NamespaceMapping"].map((kind) =>
    customDefinition({ kind, group: "dr-syncer.io", version: "v1alpha1" })
  );
  await scene.apply(crds);
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  await scene.source.kubectl(["wait", "--for=condition=Established", ...names]);
  await scene.source.kubectl(["create", "namespace", "dr-syncer"]);
  const [example] = await migrationExamples();
  await scene.apply(example?.before ?? "");
  await shell.run(next("docs/guide/migration.md"));
  await scene.source.kubectl(["delete", "namespace/dr-syncer", ...names]);
}

async function bringIn({ scene, shell, next }: Walk): Promise<void> {
  // Each line by itself, as a person types it: a plan with changes exits with 2.
  for (const line of next("docs/guide/migration.md").trim().split("\n")) await shell.run(line, [0, 2]);
  const { spec } = await scene.get(scene.source, "replication", "shop", CONTROL);
  assert.deepEqual([spec.destinationNamespace, spec.schedule], ["shop-dr", "*/15 * * * *"]);
  await shell.run("kubectl -n dr-syncer-system delete replication shop");
  await shell.run("kubectl apply -f deploy/examples/continuous.yaml");
  await scene.condition("shop", "Synced", "True");
}

async function approval({ scene, shell, next }: Walk): Promise<void> {
  const names = ["a", "b", "c", "d", "e"];
  await scene.replicate("app", { deletion: { grace: "1s" } });
  await shell.run(names.map((name) => `kubectl -n app create configmap ${name}`).join("\n"));
  for (const name of names) await scene.until(scene.dr, "configmap", name, "app");
  await shell.run("kubectl -n app delete configmap a b c d e");
  await scene.condition("app", "DeletionBlocked", "True");
  await scene.until(scene.source, "replication", "app", CONTROL, ({ status }) => status.holds[0].count === 5);
  assert.deepEqual(await namesIn(scene, "configmaps", "app"), names);
  await shell.run(next("docs/guide/deletes.md"));
  for (const name of names) await scene.untilGone(scene.dr, "configmap", name, "app");
}

async function plan({ shell, next }: Walk): Promise<void> {
  await shell.run('kubectl -n shop patch configmap settings --type=merge -p \'{"data":{"color":"blue"}}\'');
  const first = await shell.run(next("docs/guide/plan.md"), [0, 2]);
  assert.match(first.stdout, /^Replication dr-syncer-system\/shop: \(own cluster\)\/shop → dr\/shop$/m);
  const second = await shell.run(next("docs/guide/plan.md"), [0, 2]);
  assert.match(second.stdout, /^Replication dr-syncer-system\/shop: /);
  const [prompt = ""] = next("README.md").split("\n");
  await shell.run(prompt.replace("$ ", "").replace("replication.yaml", "deploy/examples/continuous.yaml"), [0, 2]);
}

async function activation({ scene, shell, next }: Walk): Promise<void> {
  await shell.run(next("docs/guide/safety.md"));
  await scene.condition("shop", "Ready", "False", "NotStandby");
  await shell.run("kubectl -n shop create configmap later");
  assert.equal(await scene.get(scene.dr, "resourcequota", "dr-syncer-standby", "shop"), undefined);
}

async function uninstall({ scene, shell, next }: Walk): Promise<void> {
  assert.equal(
    await scene.get(scene.dr, "configmap", "later", "shop"),
    undefined,
    "an active namespace is not written",
  );
  await shell.run(next("docs/guide/install.md"));
  for (const kind of ["crd", "namespace", "clusterrole", "validatingadmissionpolicy"]) {
    const { stdout } = await shell.run(`kubectl get ${kind} -o name`);
    assert.doesNotMatch(stdout, /dr-syncer/, "nothing of ours is left");
  }
  await waitFor("no hook of ours", async () => {
    const { stdout } = await shell.run("kubectl get validatingwebhookconfigurations -o name");
    return !stdout.includes("dr-syncer");
  }, { deadlineMs: 60_000 });
  const kept = await scene.get(scene.dr, "configmap", "settings", "shop");
  assert.ok(kept, "the standby is still there");
}

async function withoutController({ scene, shell, next }: Walk): Promise<void> {
  await scene.controller.stop("SIGKILL");
  await shell.run("kubectl apply -k deploy");
  await shell.run("kubectl wait crd/replications.dr-syncer.io --for=condition=Established");
  const app = replication("app", { destinationCluster: "dr", sourceNamespace: "app" }) as Printed;
  await scene.apply([{ ...app, metadata: { ...app.metadata, finalizers: ["dr-syncer.io/teardown"] } }]);
  await shell.run("kubectl -n dr-syncer-system delete replication app --wait=false");
  await shell.run(next("docs/guide/deletes.md"));
  await scene.untilGone(scene.source, "replication", "app", CONTROL);
}
