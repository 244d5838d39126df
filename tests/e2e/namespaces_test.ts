/**
 * Replications with a selector: one child for each namespace that has the labels, and what becomes of it when the namespace
 * leaves, goes, or belongs to somebody else.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Plan, ReplicationPlan } from "../../crds/plan.ts";
import { runVerb } from "../program.ts";
import { connectDr, installDr } from "../rig/install.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { Api, conditionOf, configMaps, CONTROL } from "./api.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

/** Leaving is tested without waiting; holds are a test of their own. */
const AT_ONCE = { grace: "0s", budget: { percent: 100 } };
const DEADLINE_MS = 60_000;
/** A watch tells at once; without it the next look would come after 30 s. */
const BY_WATCH_MS = 15_000;

interface Stage {
  readonly scene: Scene;
  readonly source: Api;
  readonly dr: Api;
}

Deno.test("a Replication with a selector has one Replication for each namespace", async (t) => {
  await using scene = await startScene({ drs: ["dr", "prod"] });
  using source = new Api(scene.source);
  using dr = new Api(scene.dr);
  const stage: Stage = { scene, source, dr };
  // Each builds on what the ones before left: after a failure the others would only wait for their deadlines.
  const step = async (name: string, run: () => Promise<void>) => assert.ok(await t.step(name, run), name);
  await step("a namespace that gets the label: its child, its objects in DR", () => labelled(stage));
  await step("the parent tells how its children are, kubectl shows both", () => shown(stage));
  await step("a plan plans each child, those that are yet to be made included", () => planned(stage));
  await step("children follow the parent; what else is changed in their spec is put back", () => followed(stage));
  await step("sync-now is handed on and echoed; a person's own on a child stays", () => syncNow(stage));
  await step("names that cannot be, or must not be, are left out and told", () => leftOut(stage));
  await step("of two that write one namespace the older wins", () => overlapping(stage));
  await step("a namespace that loses the label: its child goes, its standby stays", () => unlabelled(stage));
  await step("a namespace that is deleted: its child and its standby stay", () => deleted(stage));
  await step("a selector that drops all is held, until approved", () => held(stage));
  await step("the namespaces of a remote source cluster", () => remoteSource(stage));
  await step("the parent is deleted: so are its children, without garbage collection", () => parentDeleted(stage));
  await step("what can never be right is denied", () => denied(stage));
});

Deno.test("a parent's deletion says what becomes of its children", async (t) => {
  await using scene = await startScene({ source: { controllerManager: true } });
  using source = new Api(scene.source);
  using dr = new Api(scene.dr);
  const stage: Stage = { scene, source, dr };
  for (const cascade of ["background", "foreground"]) {
    await t.step(`${cascade}: they go`, async () => {
      await family(stage, cascade, { case: cascade });
      await namespace(scene.source, `${cascade}-one`, { case: cascade });
      await source.until("replications", CONTROL, `${cascade}.${cascade}-one`);
      await remove(scene, cascade, `--cascade=${cascade}`);
      await source.untilGone("replications", CONTROL, `${cascade}.${cascade}-one`);
      await source.untilGone("replications", CONTROL, cascade);
    });
  }
  await t.step("orphan: they stay, and are Replications like any other", async () => {
    await family(stage, "orphan", { case: "orphan" });
    await namespace(scene.source, "orphan-one", { case: "orphan" });
    const child = await source.until("replications", CONTROL, "orphan.orphan-one");
    await remove(scene, "orphan", "--cascade=orphan");
    await source.untilGone("replications", CONTROL, "orphan");
    await scene.apply(configMaps("orphan-one", ["a"]));
    await dr.until("configmaps", "orphan-one", "a");
    const after = await source.get("replications", CONTROL, "orphan.orphan-one");
    assert.deepEqual([after?.metadata.uid, after?.metadata.ownerReferences], [child.metadata.uid, undefined]);
  });
});

/** A Replication with a selector. */
async function family({ scene }: Stage, name: string, labels: Record<string, string>, spec: object = {}) {
  const sourceNamespaceSelector = { matchLabels: labels };
  const common = { destinationCluster: "dr", sourceNamespaceSelector, deletion: AT_ONCE };
  await scene.apply([replication(name, { ...common, ...spec })]);
}

async function namespace(cluster: Cluster, name: string, labels: Record<string, string> = {}): Promise<void> {
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
  await cluster.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(object) });
}

/** Deletes a namespace whole: nobody empties and finalizes it in a rig without a controller manager. */
async function deleteNamespace(cluster: Cluster, name: string): Promise<void> {
  await cluster.kubectl(["delete", "configmaps", "--all", "-n", name]);
  await cluster.kubectl(["delete", "namespace", name, "--wait=false"]);
  const { stdout } = await cluster.kubectl(["get", "namespace", name, "-o", "json"]);
  const stdin = JSON.stringify({ ...JSON.parse(stdout), spec: { finalizers: [] } });
  await cluster.kubectl(["replace", "--raw", `/api/v1/namespaces/${name}/finalize`, "-f", "-"], { stdin });
}

async function remove(scene: Scene, name: string, ...args: string[]): Promise<void> {
  await scene.source.kubectl(["delete", "repl", name, "-n", CONTROL, "--wait=false", ...args]);
}

async function patch(scene: Scene, name: string, body: object): Promise<void> {
  const args = ["patch", "repl", name, "-n", CONTROL, "--type=merge", "-p", JSON.stringify(body)];
  await scene.source.kubectl(args);
}

/** Waits until the parent tells of a namespace or child for a reason; answers the message. */
async function reported({ source }: Stage, parent: string, name: string, reason: string): Promise<string> {
  const find = ({ status }: Printed) =>
    status?.reports?.find((one: Printed) => one.name === name && one.reason === reason);
  return find(await source.until("replications", CONTROL, parent, find)).message;
}

async function exists({ source }: Stage, name: string): Promise<boolean> {
  return await source.get("replications", CONTROL, name) !== undefined;
}

async function labelled(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await namespace(scene.source, "shop");
  await scene.apply(configMaps("shop", ["a", "b"]));
  const spec = { destinationNamespace: "dr-{namespace}", excludeResourceTypes: ["secrets"] };
  await family(stage, "apps", { mirror: "yes" }, spec);
  await source.condition("replications", "apps", { type: "Ready", status: "True", reason: "NothingSelected" });
  assert.equal(await exists(stage, "apps.shop"), false);
  await scene.source.kubectl(["label", "namespace", "shop", "mirror=yes"]);
  const child = await source.until("replications", CONTROL, "apps.shop", undefined, BY_WATCH_MS);
  for (const name of ["a", "b"]) await dr.until("configmaps", "dr-shop", name);
  const parent = await source.get("replications", CONTROL, "apps");
  const { sourceNamespaceSelector: _, ...rest } = parent.spec;
  assert.deepEqual(child.spec, { ...rest, sourceNamespace: "shop", destinationNamespace: "dr-shop" });
  assert.equal(child.metadata.labels["dr-syncer.io/family"], "apps");
  const { apiVersion, kind, metadata: { name, uid } } = parent;
  assert.deepEqual(child.metadata.ownerReferences, [{ apiVersion, kind, name, uid, controller: true }]);
}

async function shown(stage: Stage): Promise<void> {
  const { scene, source } = stage;
  await namespace(scene.source, "mail", { mirror: "yes" });
  const wanted = ({ status }: Printed) => status.children.synced === 2 && status.syncedUpTo !== undefined;
  const { status } = await source.until("replications", CONTROL, "apps", wanted);
  assert.deepEqual(status.children, { total: 2, ready: 2, synced: 2, gone: 0, skipped: 0 });
  assert.deepEqual([status.phase, status.destinationNamespace, status.reports], ["Running", "dr-{namespace}", []]);
  const children = await Promise.all(
    ["apps.shop", "apps.mail"].map((name) => source.get("replications", CONTROL, name)),
  );
  const sum = children.reduce((all, child) => all + child!.status.syncStats.successfulSyncs, 0);
  assert.equal(status.syncStats.successfulSyncs, sum);
  assert.ok(children.every((child) => Date.parse(child!.status.syncedUpTo) >= Date.parse(status.syncedUpTo)));
  const { stdout } = await scene.source.kubectl(["get", "repl", "-n", CONTROL, "--no-headers"]);
  const rows = stdout.trim().split("\n").map((line) => line.trim().split(/ {2,}/).slice(0, 5));
  assert.deepEqual(rows, [
    ["apps", "dr-{namespace}", "dr", "Continuous", "Running"],
    ["apps.mail", "mail", "dr-mail", "dr", "Continuous"],
    ["apps.shop", "shop", "dr-shop", "dr", "Continuous"],
  ]);
}

async function planned({ scene }: Stage): Promise<void> {
  const plan = async (args: string[], stdin?: string) => {
    const env = { KUBECONFIG: scene.kubeconfigPath };
    const { code, stdout, stderr } = await runVerb(["plan", ...args, "-o", "json"], { env, stdin });
    assert.ok(code === 0 || code === 2, stderr + stdout);
    return (JSON.parse(stdout) as Plan).replications;
  };
  const names = (plans: readonly ReplicationPlan[]) => plans.map(({ replication }) => replication.split("/")[1]);
  await scene.apply(configMaps("mail", ["planned"]));
  const [parent, ...children] = await plan(["-r", "apps"]);
  assert.deepEqual(names(children).sort(), ["apps.mail", "apps.shop"]);
  assert.deepEqual([...parent!.children!].sort(), children.map(({ replication }) => replication).sort());
  assert.deepEqual([parent!.source, parent!.destination], ["(own cluster)/{namespace}", "dr/dr-{namespace}"]);
  assert.deepEqual(names(await plan([])).sort(), ["apps", "apps.mail", "apps.shop"], "each is planned once");
  const given = replication("new", {
    destinationCluster: "dr",
    sourceNamespaceSelector: {
      matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["mail", "kube-system"] }],
    },
  });
  const [unapplied, only, ...rest] = await plan(["-f", "-"], JSON.stringify(given));
  assert.match(unapplied!.notes.join(), /namespace kube-system: ProtectedNamespace/);
  assert.deepEqual([names([only!]), rest], [["new.mail"], []]);
  assert.ok(only!.changes.some(({ action, name }) => action === "create" && name === "planned"));
}

async function followed({ scene, source }: Stage): Promise<void> {
  const child = (condition: (object: Printed) => unknown) =>
    source.until("replications", CONTROL, "apps.shop", condition);
  await patch(scene, "apps", {
    spec: { scaleToZero: false, excludeResourceTypes: null, resourceTypes: ["configmaps"] },
  });
  const same = ({ spec }: Printed) =>
    !spec.scaleToZero && !spec.excludeResourceTypes && spec.resourceTypes.length === 1;
  const before = await child(same);
  await scene.source.kubectl(["annotate", "repl", "apps.shop", "-n", CONTROL, "note=mine"]);
  // What somebody adds is no field that the parent sets, yet it is put back, too.
  const meddled = { resourceTypes: ["configmaps", "secrets"], labelSelector: { matchLabels: { a: "b" } } };
  await patch(scene, "apps.shop", { spec: { ...meddled, scaleToZero: true } });
  const after = await child(({ metadata, spec }) =>
    metadata.generation > before.metadata.generation + 1 && same({ spec })
  );
  assert.deepEqual(after.spec, before.spec);
  assert.equal(after.metadata.annotations.note, "mine");
  await patch(scene, "apps", { spec: { paused: true } });
  await child(({ spec }) => spec.paused);
  await source.condition("replications", "apps", { type: "Ready", status: "False", reason: "Paused" });
  await patch(scene, "apps", { spec: { paused: false } });
  await child(({ spec }) => !spec.paused);
  await source.condition("replications", "apps", { type: "Ready", status: "True" });
}

async function syncNow({ scene, source }: Stage): Promise<void> {
  const annotate = (name: string, value: string) =>
    scene.source.kubectl(["annotate", "repl", name, "-n", CONTROL, `dr-syncer.io/sync-now=${value}`, "--overwrite"]);
  const synced = (name: string, value: string) =>
    source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === value);
  await annotate("apps", "one");
  await synced("apps", "one");
  for (const name of ["apps.shop", "apps.mail"]) await synced(name, "one");
  await annotate("apps.shop", "mine");
  await synced("apps.shop", "mine");
  await annotate("apps", "two");
  await synced("apps.mail", "two");
  await synced("apps", "two");
  await annotate("apps.shop", "mine again");
  await patch(scene, "apps", { metadata: { annotations: { note: "the parent is looked at again" } } });
  await synced("apps.shop", "mine again");
}

async function leftOut(stage: Stage): Promise<void> {
  const { scene, source } = stage;
  const long = `n${"o".repeat(60)}`;
  await scene.source.kubectl(["label", "namespace", "kube-public", CONTROL, "mirror=yes"]);
  await namespace(scene.source, long, { mirror: "yes" });
  await namespace(scene.source, "copied", { mirror: "yes", "dr-syncer.io/managed-by": "abc" });
  await namespace(scene.source, "taken", { mirror: "yes" });
  for (const name of ["kube-public", CONTROL]) await reported(stage, "apps", name, "ProtectedNamespace");
  assert.match(await reported(stage, "apps", long, "NameTooLong"), /64 characters.*63 at most.*shorter/);
  await reported(stage, "apps", "copied", "StandbyNamespace");
  await source.until("replications", CONTROL, "apps.taken");
  const { status } = await source.condition("replications", "apps", {
    type: "Degraded",
    status: "True",
    reason: "NamespacesLeftOut",
  });
  assert.equal(status.children.skipped, 4);
  const children = (await source.list("replications", CONTROL)).map(({ metadata }) => metadata.name);
  assert.deepEqual(children.sort(), ["apps", "apps.mail", "apps.shop", "apps.taken"]);
  await scene.source.kubectl(["label", "namespace", long, "kube-public", CONTROL, "copied", "mirror-"]);
  await source.condition("replications", "apps", { type: "Degraded", status: "False" });
}

async function overlapping(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  // The plain one is older than the child that would write the same.
  await scene.replicate("old", { destinationNamespace: "dr-old" }, "old");
  await source.condition("replications", "old", { type: "Ready", status: "True" });
  await scene.source.kubectl(["label", "namespace", "old", "mirror=yes", "team=a"]);
  assert.match(await reported(stage, "apps", "old", "TargetTaken"), /older Replication dr-syncer-system\/old/);
  assert.equal(await exists(stage, "apps.old"), false);
  // The child of the one parent is older than that of the other.
  await scene.source.kubectl(["label", "namespace", "shop", "team=a"]);
  await namespace(scene.source, "solo", { team: "a" });
  await family(stage, "teams", { team: "a" }, { destinationNamespace: "dr-{namespace}" });
  assert.match(await reported(stage, "teams", "shop", "TargetTaken"), /older Replication dr-syncer-system\/apps\.shop/);
  await source.until("replications", CONTROL, "teams.solo");
  assert.equal(await exists(stage, "teams.shop"), false);
  await remove(scene, "old");
  // Whoever comes first: one of the two has it, and the other one says so.
  const [holder, other] = await waitFor("a child for namespace old", async () => {
    if (await exists(stage, "apps.old")) return ["apps", "teams"] as const;
    return await exists(stage, "teams.old") ? ["teams", "apps"] as const : undefined;
  }, { deadlineMs: DEADLINE_MS });
  await waitFor(`${other} tells of what ${holder} has`, async () => {
    const { reports } = (await source.get("replications", CONTROL, other))?.status ?? {};
    return reports?.some(({ reason, message }: Printed) => reason === "TargetTaken" && message.includes(".old"));
  }, { deadlineMs: DEADLINE_MS });
  await scene.apply(configMaps("old", ["still"]));
  await dr.until("configmaps", "dr-old", "still");
  await remove(scene, "teams");
  await source.untilGone("replications", CONTROL, "teams.solo");
}

async function unlabelled(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await scene.source.kubectl(["label", "namespace", "mail", "mirror-"]);
  await source.untilGone("replications", CONTROL, "apps.mail");
  assert.ok(await dr.namespace("dr-mail"));
  // Nobody takes a child away whose namespace stays: it is made anew.
  const { metadata } = await source.get("replications", CONTROL, "apps.shop");
  await remove(scene, "apps.shop");
  await source.until("replications", CONTROL, "apps.shop", (object) => object.metadata.uid !== metadata.uid);
}

async function deleted(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await namespace(scene.source, "lost", { mirror: "yes" });
  await scene.apply(configMaps("lost", ["a", "b"]));
  for (const name of ["a", "b"]) await dr.until("configmaps", "dr-lost", name);
  const { metadata: { uid } } = await source.get("replications", CONTROL, "apps.lost");
  await patch(scene, "apps", { spec: { deletion: { grace: "30s" } } });
  await deleteNamespace(scene.source, "lost");
  assert.match(await reported(stage, "apps", "lost", "NamespaceGone"), /stays as it is.*delete Replication apps\.lost/);
  await patch(scene, "apps", { spec: { deletion: { grace: "0s" } } });
  const wanted = { type: "Degraded", status: "True", reason: "SourceNamespaceGone" } as const;
  await source.condition("replications", "apps", wanted);
  // Created anew, and not labelled yet: as a backup that is restored comes back.
  await namespace(scene.source, "lost");
  await reported(stage, "apps", "lost", "NamespaceRecreated");
  // Another one leaves meanwhile: the time for this one to go has come, too.
  await scene.source.kubectl(["label", "namespace", "taken", "mirror-"]);
  await source.untilGone("replications", CONTROL, "apps.taken");
  const child = await source.get("replications", CONTROL, "apps.lost");
  assert.deepEqual([child?.metadata.uid, child?.metadata.deletionTimestamp], [uid, undefined]);
  assert.equal((await dr.list("configmaps", "dr-lost")).length, 2);
  await scene.source.kubectl(["label", "namespace", "lost", "mirror=yes"]);
  await scene.apply(configMaps("lost", ["fresh"]));
  await dr.until("configmaps", "dr-lost", "fresh");
  // Its child holds the deletes of what the new one lacks.
  await source.condition("replications", "apps", { type: "Degraded", status: "True", reason: "ChildrenDegraded" });
  assert.equal((await source.get("replications", CONTROL, "apps.lost")).metadata.uid, uid);
}

async function held(stage: Stage): Promise<void> {
  const { scene, source } = stage;
  const names = ["held-a", "held-b"];
  for (const name of names) await namespace(scene.source, name, { held: "yes" });
  await family(stage, "held", { held: "yes" }, { deletion: { grace: "0s" } });
  for (const name of names) await source.until("replications", CONTROL, `held.${name}`);
  // A slip: the value is another one.
  await patch(scene, "held", { spec: { sourceNamespaceSelector: { matchLabels: { held: "Yes" } } } });
  const blocked = { type: "DeletionBlocked", status: "True", reason: "KindEmptied" } as const;
  const object = await source.condition("replications", "held", blocked);
  const [hold] = object.status.holds;
  assert.deepEqual(hold.sample, ["held.held-a", "held.held-b"]);
  assert.match(conditionOf(object, "DeletionBlocked").message, new RegExp(`approve: ${hold.id}`));
  for (const name of names) assert.ok(await exists(stage, `held.${name}`));
  await scene.source.kubectl(["annotate", "repl", "held", "-n", CONTROL, `dr-syncer.io/approve=${hold.id}`]);
  for (const name of names) await source.untilGone("replications", CONTROL, `held.${name}`);
  await source.condition("replications", "held", { type: "DeletionBlocked", status: "False" });
}

async function remoteSource(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  const [, prod] = scene.drs as [Cluster, Cluster];
  await family(stage, "far", { mirror: "yes" }, { sourceCluster: "prod", destinationNamespace: "far-{namespace}" });
  await source.condition("replications", "far", { type: "Ready", status: "True", reason: "NothingSelected" });
  await namespace(prod, "web", { mirror: "yes" });
  await scene.apply(configMaps("web", ["a"]), prod);
  await dr.until("configmaps", "far-web", "a");
  await prod.kubectl(["label", "namespace", "web", "mirror-"]);
  await source.untilGone("replications", CONTROL, "far.web");
  assert.ok(await dr.get("configmaps", "far-web", "a"));
}

async function parentDeleted(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await dr.until("configmaps", "dr-shop", "a");
  await remove(scene, "apps", "--cascade=foreground");
  for (const name of ["apps.shop", "apps.lost"]) await source.untilGone("replications", CONTROL, name);
  await patch(scene, "apps", { metadata: { finalizers: null } });
  await source.untilGone("replications", CONTROL, "apps");
  assert.ok(await dr.get("configmaps", "dr-shop", "a"));
  await namespace(scene.source, "late", { held: "Yes" });
  await source.until("replications", CONTROL, "held.late");
  await remove(scene, "held");
  await source.untilGone("replications", CONTROL, "held.late");
}

async function denied({ scene }: Stage): Promise<void> {
  await connectDr(scene.source, "self", (await installDr(scene.source)).kubeconfig);
  const selector = { sourceNamespaceSelector: { matchLabels: { a: "b" } } };
  const cases: [object, RegExp][] = [
    [{ ...selector, sourceNamespace: "shop" }, /exactly one of sourceNamespace and sourceNamespaceSelector/],
    [{}, /exactly one of sourceNamespace and sourceNamespaceSelector/],
    [{ sourceNamespaceSelector: {} }, /an empty selector would take every namespace/],
    [{ ...selector, destinationNamespace: "dr" }, /write \{namespace\} where the source's name goes/],
    [
      { sourceNamespace: "shop", destinationNamespace: "dr-{namespace}" },
      /\{namespace\} is for sourceNamespaceSelector/,
    ],
    [{ ...selector, destinationNamespace: "kube-{namespace}" }, /kube-\{namespace\}": .*never written/],
    [{ ...selector, destinationNamespace: "{namespace}-{namespace}" }, /destinationNamespace: Invalid value/],
    [{ sourceNamespaceSelector: { matchLabels: { "a b": "c" } } }, /this is no label key/],
    [{ ...selector, destinationCluster: "self" }, /the same namespace of the same cluster/],
  ];
  for (const [spec, expected] of cases) {
    const stdin = JSON.stringify(replication("denied", { destinationCluster: "dr", ...spec }));
    // The webhook knows of a new RemoteCluster's identity a moment later.
    const said = await waitFor(`a denial of ${JSON.stringify(spec)}`, async () => {
      const args = ["create", "--dry-run=server", "-f", "-"];
      const { code, stderr } = await scene.source.kubectl(args, { stdin, allowFailure: true });
      return code !== 0 && stderr;
    }, { deadlineMs: DEADLINE_MS });
    assert.match(said, expected);
  }
}
