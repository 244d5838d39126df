/**
 * `dr-syncer plan` against real clusters: it says what the controller then does, and writes nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { Plan, PlannedChange, ReplicationPlan } from "../../crds/plan.ts";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { groupResource } from "../../kube/types.ts";
import { runVerb, type VerbResult } from "../program.ts";
import type { Cluster } from "../rig/cluster.ts";
import { connectDr } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

const NAMESPACE = "shop";
const REPLICATION = "dr-syncer-system/shop";
/** Every value of a Secret that a plan may meet, and nothing else. */
const CANARIES = ["canary-one-a8f3", "canary-mail-77d1", "canary-two-5be0", "canary-dr-99ce", "canary-denied-31aa"];

/** What every run printed: searched for canaries at the end. */
const printed: string[] = [];

Deno.test("plan says what a sync would do, and writes nothing", async (t) => {
  await using scene = await startScene({ controller: false });
  await createApplication(scene);
  await t.step("before anything was reconciled: everything is to be created", () => plansFirstSync(scene));
  await t.step("a Replication that is not applied yet", () => plansGivenReplication(scene));
  await t.step("after the controller's sync: nothing", () => plansNothing(scene));
  await t.step("drift, changes and deletions: exactly those rows", () => plansChanges(scene));
  await t.step("people see a table", () => showsTable(scene));
  await t.step("what DR refuses is blocked, with its class", () => plansRefusals(scene));
  await t.step("what would be adopted, or created anew", () => plansPolicies(scene));
  await t.step("what the credential may not do is blocked", () => plansForbidden(scene));
  await t.step("deletes beyond the budget are blocked, until approved", () => plansHeldDeletes(scene));
  await t.step("the controller then does what the plan said", () => syncsAsPlanned(scene));
  await t.step("a source that is back: its copy is no orphan any more", () => plansReturn(scene));
  await t.step("a namespace that was activated is not planned", () => plansNoActiveNamespace(scene));
  await t.step("errors are told with exit code 1", () => tellsErrors(scene));
  await t.step("no value of a Secret in any output", () => {
    const values = CANARIES.flatMap((canary) => [canary, btoa(canary).replace(/=+$/, "")]);
    assert.deepEqual(values.filter((value) => printed.some((text) => text.includes(value))), []);
    assert.ok(printed.some((text) => text.includes("hmac:")), "values of Secrets were among what was planned");
  });
});

async function createApplication(scene: Scene): Promise<void> {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  await scene.source.kubectl(["apply", "-f", file("desired_cluster.yaml")]);
  await scene.source.kubectl(["wait", "--for=condition=Established", "crd/widgets.example.com"]);
  await scene.source.kubectl(["create", "-n", NAMESPACE, "-f", file("plan_objects.yaml")]);
}

/** Runs `plan` with a kubeconfig whose credentials are in files beside it, as minikube writes them. */
async function run(scene: Scene, args: readonly string[], stdin?: string): Promise<VerbResult> {
  const { source } = scene;
  const kubeconfig = parse(source.kubeconfig);
  delete kubeconfig.clusters[0].cluster["certificate-authority-data"];
  kubeconfig.clusters[0].cluster["certificate-authority"] = "ca-of-plan.crt";
  kubeconfig.users[0].user = { tokenFile: join(source.directory, "token-of-plan") };
  await Deno.writeTextFile(join(source.directory, "ca-of-plan.crt"), source.caPem);
  await Deno.writeTextFile(join(source.directory, "token-of-plan"), source.adminToken);
  const path = join(source.directory, "kubeconfig-of-plan.json");
  await Deno.writeTextFile(path, JSON.stringify(kubeconfig));
  const result = await runVerb(["plan", ...args], { stdin, env: { KUBECONFIG: path } });
  printed.push(result.stdout, result.stderr);
  return result;
}

/** The plan of the one Replication; proves that nothing was written in either cluster. */
async function planOne(scene: Scene, args: readonly string[], code: number, stdin?: string): Promise<ReplicationPlan> {
  const before = await Promise.all([versionsIn(scene.dr), versionsIn(scene.source)]);
  const result = await run(scene, [...args, "-o", "json"], stdin);
  assert.equal(result.code, code, `${result.stderr}\n${result.stdout}`);
  assert.deepEqual(
    await Promise.all([versionsIn(scene.dr), versionsIn(scene.source)]),
    before,
    "a plan writes nothing",
  );
  const plan = JSON.parse(result.stdout) as Plan;
  assert.equal(plan.replications.length, 1);
  return plan.replications[0] as ReplicationPlan;
}

/** resourceVersion of every object of a cluster, but for what API servers and controllers renew by themselves. */
async function versionsIn(cluster: Cluster): Promise<Record<string, string | undefined>> {
  const client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
  try {
    const { types } = await client.discover();
    const listed = types.filter(({ verbs }) => verbs.includes("list"));
    const pages = await Promise.all(listed.map(async (type) => {
      const { items } = await client.list(type, { metadataOnly: true });
      const theirs = items.filter(({ metadata }) => metadata.namespace !== "kube-system" && type.kind !== "Event");
      return theirs.map(({ metadata }): [string, string | undefined] => [
        `${groupResource(type)}/${metadata.namespace ?? ""}/${metadata.name}`,
        metadata.resourceVersion,
      ]);
    }));
    return Object.fromEntries(pages.flat().sort());
  } finally {
    client.close();
  }
}

function rowsOf({ changes }: ReplicationPlan): string[] {
  return changes.map(({ action, kind, name }) => `${action} ${kind}/${name}`).sort();
}

function rowOf({ changes }: ReplicationPlan, kind: string, name: string): PlannedChange {
  const found = changes.find((change) => change.kind === kind && change.name === name);
  assert.ok(found, `${kind}/${name} is not in the plan`);
  return found;
}

/** `Kind/name` of the application. */
async function application(): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("plan_objects.yaml", import.meta.url));
  return parseAllDocuments(text).map((document) => document.toJS()).map(({ kind, metadata }) =>
    `${kind}/${metadata.name}`
  );
}

async function plansFirstSync(scene: Scene): Promise<void> {
  await scene.apply([replication("shop", { destinationCluster: "dr", sourceNamespace: NAMESPACE })]);
  const plan = await planOne(scene, [], 2);
  const objects = await application();
  assert.ok(new Set(objects.map((object) => object.split("/")[0])).size >= 15, "an application of many kinds");
  const expected = [...objects, `Namespace/${NAMESPACE}`, "CustomResourceDefinition/widgets.example.com"];
  assert.deepEqual(rowsOf(plan), expected.map((object) => `create ${object}`).sort());
  assert.deepEqual(plan.changes.slice(0, 2).map(({ kind, checked }) => [kind, checked]), [
    ["Namespace", undefined],
    ["CustomResourceDefinition", undefined],
  ]);
  assert.equal(
    rowOf(plan, "Deployment", "web").checked,
    false,
    "DR cannot judge what goes into a namespace to be made",
  );
  assert.equal(plan.summary.create, expected.length);
  assert.deepEqual([plan.replication, plan.source, plan.destination], [REPLICATION, "(own cluster)/shop", "dr/shop"]);
}

async function plansGivenReplication(scene: Scene): Promise<void> {
  const given = replication("given", {
    destinationCluster: "dr",
    sourceNamespace: NAMESPACE,
    destinationNamespace: "default",
    resourceTypes: ["configmaps", "widgets"],
    crds: "Never",
  });
  const plan = await planOne(scene, ["-f", "-"], 2, JSON.stringify(given));
  assert.deepEqual(rowsOf(plan), ["blocked Widget/dial", "create ConfigMap/banner", "create ConfigMap/settings"]);
  assert.equal(rowOf(plan, "Widget", "dial").reason, "KindMissing");
  assert.equal(rowOf(plan, "ConfigMap", "banner").checked, undefined, "the namespace is there: DR judged it");
  const wrong = { ...given, spec: { destinationCluster: "dr", sourceNamespace: NAMESPACE, scaleTozero: false } };
  const refused = await run(scene, ["-f", "-"], JSON.stringify(wrong));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Replication given is invalid: .*scaleTozero/);
}

async function plansNothing(scene: Scene): Promise<void> {
  await scene.startController();
  await scene.condition("shop", "Synced", "True");
  const beside = await run(scene, ["-r", "shop"]);
  assert.equal(beside.code, 0, `beside a running controller: ${beside.stdout}`);
  // It renews Leases and writes statuses: what a plan writes shows only without it.
  await scene.controller.stop();
  const plan = await planOne(scene, ["-r", "shop"], 0);
  assert.deepEqual(plan.changes, []);
  // ServiceAccount default says nothing of its own and has no copy.
  assert.equal(plan.summary.unchanged, (await application()).length);
}

async function patch(cluster: Cluster, what: string, body: object): Promise<void> {
  await cluster.kubectl(["patch", what, "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify(body)]);
}

async function plansChanges(scene: Scene): Promise<void> {
  const { source, dr } = scene;
  // In DR: drift of three kinds, one of them in a Secret, and a lost copy.
  await patch(dr, "configmap/settings", { data: { color: "green" } });
  await patch(dr, "secret/mail", { stringData: { password: "canary-dr-99ce" } });
  await patch(dr, "service/web", { spec: { selector: { app: "other" } } });
  await dr.kubectl(["delete", "networkpolicy/closed", "-n", NAMESPACE]);
  // What others add in DR is not ours to change.
  await patch(dr, "configmap/banner", { metadata: { labels: { "example.com/seen": "yes" } } });
  // In the source: an update, a key that goes, a rotated Secret, a new and two deleted objects.
  await patch(source, "configmap/settings", { data: { mode: null } });
  await source.kubectl(["set", "image", "deployment/web", "web=example.com/web:2", "-n", NAMESPACE]);
  await patch(source, "secret/database", { stringData: { password: "canary-two-5be0" } });
  await source.kubectl(["create", "configmap", "fresh", "--from-literal=a=1", "-n", NAMESPACE]);
  await source.kubectl(["delete", "cronjob/nightly", "persistentvolumeclaim/uploads", "-n", NAMESPACE, "--wait=false"]);
  await source.kubectl([
    "patch",
    "pvc/uploads",
    "-n",
    NAMESPACE,
    "--type=merge",
    "-p",
    '{"metadata":{"finalizers":null}}',
  ]);
  const plan = await planOne(scene, [], 2);
  assert.deepEqual(rowsOf(plan), [
    "create ConfigMap/fresh",
    "create NetworkPolicy/closed",
    "delete CronJob/nightly",
    "orphan PersistentVolumeClaim/uploads",
    "update ConfigMap/settings",
    "update Deployment/web",
    "update Secret/database",
    "update Secret/mail",
    "update Service/web",
  ]);
  assert.deepEqual(rowOf(plan, "ConfigMap", "settings").fields, [
    { path: "data.color", from: "green", to: "blue" },
    { path: "data.mode", from: "live" },
  ]);
  assert.deepEqual(rowOf(plan, "Deployment", "web").fields, [{
    path: "spec.template.spec.containers[web].image",
    from: "example.com/web:1",
    to: "example.com/web:2",
  }]);
  assert.deepEqual(rowOf(plan, "Service", "web").fields, [{ path: "spec.selector.app", from: "other", to: "web" }]);
  for (const name of ["database", "mail"]) {
    const fields = rowOf(plan, "Secret", name).fields ?? [];
    assert.deepEqual(fields.map(({ path }) => path), ["data.password"]);
    assert.match(String(fields[0]?.from), /^hmac:[0-9a-f]{16}$/);
    assert.match(String(fields[0]?.to), /^hmac:[0-9a-f]{16}$/);
    assert.notEqual(fields[0]?.from, fields[0]?.to);
  }
  assert.equal(plan.summary.unchanged, (await application()).length - 8);
  const again = await planOne(scene, [], 2);
  const hmacOf = (one: ReplicationPlan) => rowOf(one, "Secret", "mail").fields?.[0]?.to;
  assert.notEqual(hmacOf(again), hmacOf(plan), "each run has a key of its own");
}

async function showsTable(scene: Scene): Promise<void> {
  const { code, stdout } = await run(scene, []);
  assert.equal(code, 2);
  assert.match(stdout, /^Replication dr-syncer-system\/shop: \(own cluster\)\/shop → dr\/shop\n/);
  assert.match(stdout, /\n {2}update +ConfigMap +settings +data\.color: "green" → "blue"\n +data\.mode: "live" → .*\n/);
  assert.match(stdout, /\n {2}update +Secret +mail +data\.password: hmac:[0-9a-f]{16} → hmac:[0-9a-f]{16}\n/);
  assert.match(stdout, /\n {2}2 to create, 5 to update, 1 to delete, 1 to orphan, \d+ unchanged\n$/);
  const yaml = await run(scene, ["-o", "yaml"]);
  assert.equal((parse(yaml.stdout) as Plan).replications[0]?.summary.update, 5);
}

/** An object in the way, one that a policy of DR denies while quoting it, one that could not be judged beside what others wrote. */
async function plansRefusals(scene: Scene): Promise<void> {
  const { source, dr } = scene;
  await scene.apply([denyingPolicy, denyingBinding], dr);
  await scene.apply([mapNamed("taken", { owner: "somebody" })], dr);
  await scene.apply([mapNamed("taken", { owner: "source" }), deniedSecret]);
  // Ports merge by number: ours would be a second one of that name.
  await patch(dr, "service/web", { spec: { ports: [{ name: "http", port: 8080 }] } });
  await waitFor("the policy to be in force", async () => {
    const stdin = JSON.stringify(deniedSecret);
    return (await dr.kubectl(["create", "--dry-run=server", "-f", "-"], { stdin, allowFailure: true })).code !== 0;
  }, { deadlineMs: 30_000 });
  const plan = await planOne(scene, [], 2);
  const blocked = plan.changes.filter(({ action }) => action === "blocked");
  assert.deepEqual(blocked.map(({ kind, name, reason }) => [kind, name, reason]).sort(), [
    ["ConfigMap", "taken", "Conflict"],
    ["Secret", "denied", "Denied"],
  ]);
  const web = rowOf(plan, "Service", "web");
  assert.deepEqual(
    [web.action, web.checked],
    ["update", false],
    "what was added by hand is ours only once it is stored",
  );
  assert.ok(web.fields?.some(({ path, from }) => path === "spec.ports[http].port" && from === 8080));
  assert.equal(web.fields?.some(({ path }) => path.startsWith("spec.clusterIP")), false, "what DR has filled in stays");
  assert.match(rowOf(plan, "Secret", "denied").message ?? "", /not shown/);
  await source.kubectl(["delete", "configmap/taken", "secret/denied", "-n", NAMESPACE]);
  await dr.kubectl(["delete", "service/web", "-n", NAMESPACE]);
}

/** An object in the way that may be adopted; a workload that was created anew with another selector. */
async function plansPolicies(scene: Scene): Promise<void> {
  const { source, dr } = scene;
  await scene.apply([mapNamed("taken", { owner: "somebody" })], dr);
  await scene.apply([mapNamed("taken", { owner: "source" })]);
  const web = await scene.get(source, "deployment", "web", NAMESPACE);
  const labels = { app: "another" };
  web.spec.selector = { matchLabels: labels };
  web.spec.template.metadata = { labels };
  web.metadata = { name: "web", namespace: NAMESPACE };
  delete web.status;
  await source.kubectl(["replace", "--force", "-f", "-"], { stdin: JSON.stringify(web) });
  const given = await scene.get(source, "replication", "shop", "dr-syncer-system");
  given.spec.conflictPolicy = "Adopt";
  const plan = await planOne(scene, ["-f", "-"], 2, JSON.stringify(given));
  const adopted = rowOf(plan, "ConfigMap", "taken");
  assert.equal(adopted.action, "adopt");
  assert.deepEqual(adopted.fields?.find(({ path }) => path === "data.owner"), {
    path: "data.owner",
    from: "somebody",
    to: "source",
  });
  const anew = rowOf(plan, "Deployment", "web");
  assert.deepEqual([anew.action, anew.checked], ["recreate", false], "its place is taken until the old one is gone");
  assert.deepEqual([plan.summary.adopt, plan.summary.recreate], [1, 1]);
  await source.kubectl(["delete", "configmap/taken", "-n", NAMESPACE]);
  await dr.kubectl(["delete", "configmap/taken", "-n", NAMESPACE]);
}

/** A credential that may write ConfigMaps only, behind a RemoteCluster of its own. */
async function plansForbidden(scene: Scene): Promise<void> {
  const rule = (apiGroups: string[], resources: string[], verbs: string[]) => ({ apiGroups, resources, verbs });
  await scene.apply([
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "limited", namespace: "dr-syncer-system" } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "limited" },
      rules: [
        rule(["*"], ["*"], ["get", "list"]),
        rule([""], ["configmaps"], ["create", "patch"]),
        rule(["coordination.k8s.io"], ["leases"], ["create"]),
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "limited" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "limited" },
      subjects: [{ kind: "ServiceAccount", name: "limited", namespace: "dr-syncer-system" }],
    },
  ], scene.dr);
  const credential = { namespace: "dr-syncer-system", serviceAccount: "limited" };
  await connectDr(scene.source, "limited", await scene.dr.kubeconfigFor(credential));
  const given = replication("limited", {
    destinationCluster: "limited",
    sourceNamespace: NAMESPACE,
    destinationNamespace: "default",
    resourceTypes: ["configmaps", "services"],
  });
  const plan = await planOne(scene, ["-f", "-"], 2, JSON.stringify(given));
  const names = ["banner", "fresh", "settings"].map((name) => `create ConfigMap/${name}`);
  assert.deepEqual(rowsOf(plan), ["blocked Service/web", ...names]);
  assert.equal(rowOf(plan, "Service", "web").reason, "Forbidden");
}

async function plansHeldDeletes(scene: Scene): Promise<void> {
  const spec = {
    destinationCluster: "dr",
    sourceNamespace: NAMESPACE,
    deletion: { budget: { count: 0, percent: 0 } },
  };
  const given = replication("shop", spec) as Printed;
  const held = await planOne(scene, ["-f", "-"], 2, JSON.stringify(given));
  const row = rowOf(held, "CronJob", "nightly");
  assert.deepEqual([row.action, row.reason], ["blocked", "Budget"]);
  const id = /approve (\w+)/.exec(row.message ?? "")?.[1];
  assert.ok(id, row.message);
  given.metadata.annotations = { "dr-syncer.io/approve": id };
  const approved = await planOne(scene, ["-f", "-"], 2, JSON.stringify(given));
  assert.equal(rowOf(approved, "CronJob", "nightly").action, "delete");
}

async function syncsAsPlanned(scene: Scene): Promise<void> {
  await scene.source.kubectl([
    "patch",
    "replication/shop",
    "-n",
    "dr-syncer-system",
    "--type=merge",
    "-p",
    SHORT_GRACE,
  ]);
  await scene.startController();
  await scene.untilGone(scene.dr, "cronjob", "nightly", NAMESPACE);
  await scene.until(scene.dr, "configmap", "settings", NAMESPACE, ({ data }) => data.color === "blue");
  await waitFor("nothing to plan", async () => (await run(scene, [])).code === 0, { deadlineMs: 40_000 });
  const orphan = await scene.get(scene.dr, "pvc", "uploads", NAMESPACE);
  assert.ok(orphan.metadata.annotations["dr-syncer.io/orphaned-at"]);
  await scene.controller.stop();
}

async function plansReturn(scene: Scene): Promise<void> {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const metadata = { name: "uploads", namespace: NAMESPACE };
  await scene.apply([{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec }]);
  const plan = await planOne(scene, [], 2);
  assert.deepEqual(rowsOf(plan), ["update PersistentVolumeClaim/uploads"]);
  const fields = rowOf(plan, "PersistentVolumeClaim", "uploads").fields ?? [];
  const orphaned = fields.find(({ path }) => path.includes("orphaned-at"));
  assert.deepEqual(Object.keys(orphaned ?? {}), ["path", "from"], "the mark goes");
  assert.ok(fields.some(({ path }) => path.includes("dr-syncer.io/origin")), "it is another object now");
}

const SHORT_GRACE = JSON.stringify({ spec: { deletion: { grace: "0s" } } });

async function plansNoActiveNamespace(scene: Scene): Promise<void> {
  await scene.dr.kubectl(["annotate", "lease/dr-syncer", "-n", NAMESPACE, "--overwrite", "dr-syncer.io/role=Active"]);
  const plan = await planOne(scene, [], 1);
  assert.match(plan.errors.join(), /the DR namespace is Active/);
  await scene.dr.kubectl(["annotate", "lease/dr-syncer", "-n", NAMESPACE, "--overwrite", "dr-syncer.io/role=Standby"]);
}

async function tellsErrors(scene: Scene): Promise<void> {
  const unknown = await run(scene, ["-r", "nope"]);
  assert.deepEqual([unknown.code, unknown.stderr], [1, "dr-syncer: there is no Replication dr-syncer-system/nope\n"]);
  const elsewhere = replication("elsewhere", { destinationCluster: "west", sourceNamespace: NAMESPACE });
  const plan = await planOne(scene, ["-f", "-"], 1, JSON.stringify(elsewhere));
  assert.match(plan.errors.join(), /there is no RemoteCluster west/);
  const away = await run(scene, ["--context", "away"]);
  assert.equal(away.code, 1);
  assert.match(away.stderr, /contexts has no entry/);
}

function mapNamed(name: string, data: Record<string, string>): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: NAMESPACE }, data };
}

const deniedSecret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "denied", namespace: NAMESPACE },
  stringData: { password: "canary-denied-31aa" },
};

const denyingPolicy = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name: "deny-secrets" },
  spec: {
    failurePolicy: "Fail",
    matchConstraints: {
      resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }],
    },
    validations: [{
      expression: "object.metadata.name != 'denied'",
      messageExpression: "'no such value here: ' + string(object.data.password)",
    }],
  },
};

const denyingBinding = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: "deny-secrets" },
  spec: { policyName: "deny-secrets", validationActions: ["Deny"] },
};
