/**
 * What is mirrored, and as what: the same cases into a DR cluster of the newest and of the oldest supported version.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { groupResource } from "../../kube/types.ts";
import { mirroredKind } from "../../reconciler/desired/kinds.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { asItIs, asItShouldBe, DR_NAMESPACE, SOURCE_NAMESPACE } from "./mirror_cases.ts";
import { definitionsStay, rolesStay, spellings, type Stage, unknownKindIsTold } from "./mirror_selection.ts";
import { type Printed, replication, startScene } from "./scene.ts";

const MANIFESTS = ["desired_objects.yaml", "mirror_objects.yaml", "mirror_templates.yaml"];
const WIDGETS = "widgets.example.com";
const TEMPLATE = "ResourceClaimTemplate/gpu";
/** Deletes are carried out at once, however many. */
const DELETE_FREELY = { grace: "0s", budget: { count: 1000, percent: 100, window: "1m" } };
const DEADLINE_MS = 60_000;

for (const version of ["1.36", "1.30"]) {
  Deno.test(`what is mirrored into a DR cluster ${version}`, async (t) => {
    await using scene = await startScene({ source: { controllerManager: true }, dr: { version } });
    using source = new ClusterView(scene.source);
    using dr = new ClusterView(scene.dr);
    const stage: Stage = { scene, source, dr, serves: (object) => version !== "1.30" || object !== TEMPLATE };
    await t.step("a write of every mirrored kind arrives as it should be", () => writesArrive(stage));
    await t.step("the DR namespace has the labels of the source's", () => namespaceHasLabels(stage));
    await t.step("nothing that would run arrives as it was", () => nothingRuns(stage));
    await t.step("what is not to be mirrored does not arrive", () => restStays(stage));
    await t.step("an update of every kind arrives", () => updatesArrive(stage));
    await t.step("a delete of every kind arrives", () => deletesArrive(stage));
    await t.step("crds: Never leaves a kind out and says so", () => definitionsStay(stage));
    await t.step("rbacObjects: Skip leaves Roles and RoleBindings out", () => rolesStay(stage));
    await t.step("resourceTypes and excludeResourceTypes in any spelling", () => spellings(stage));
    await t.step("an unknown kind in resourceTypes is told", () => unknownKindIsTold(stage));
  });
}

function file(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** `Kind/name` of everything in the manifests. */
async function written(): Promise<string[]> {
  const texts = await Promise.all(MANIFESTS.map((name) => Deno.readTextFile(file(name))));
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()));
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

async function forEachManifest({ scene }: Stage, args: string[], names = MANIFESTS): Promise<void> {
  await scene.source.kubectl([...args, "-n", SOURCE_NAMESPACE, ...names.flatMap((name) => ["-f", file(name)])]);
}

async function writesArrive(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await scene.source.kubectl(["apply", "-f", file("desired_cluster.yaml")]);
  await scene.source.kubectl(["wait", "--for=condition=Established", `crd/${WIDGETS}`]);
  await scene.apply([replication(SOURCE_NAMESPACE, {
    destinationCluster: scene.dr.name,
    sourceNamespace: SOURCE_NAMESPACE,
    destinationNamespace: DR_NAMESPACE,
    deletion: DELETE_FREELY,
  })]);
  await scene.condition(SOURCE_NAMESPACE, "Synced", "True");
  await forEachManifest(stage, ["create"]);
  const objects = await written();
  await coversEveryKind(stage, objects);
  await untilAllAreThere(stage, objects.filter(stage.serves));
  const [sources, copies] = [await source.objects(SOURCE_NAMESPACE), await dr.copies(DR_NAMESPACE)];
  for (const name of objects.filter(stage.serves)) {
    assert.deepEqual(asItIs(copies.get(name)), asItShouldBe(sources.get(name)), name);
  }
}

/** The manifests hold every kind that the source offers and that is mirrored. */
async function coversEveryKind({ source }: Stage, objects: string[]): Promise<void> {
  const kinds = new Set(objects.map((name) => name.split("/")[0]));
  const missing = (await source.types()).filter((type) => mirroredKind(type).mirrored && !kinds.has(type.kind));
  assert.deepEqual(missing.map(groupResource), []);
}

async function untilAllAreThere({ dr }: Stage, names: string[]): Promise<void> {
  let missing = names;
  await waitFor("every copy", async () => {
    const copies = await dr.copies(DR_NAMESPACE);
    missing = names.filter((name) => !copies.has(name));
    return missing.length === 0;
  }, { deadlineMs: DEADLINE_MS, describe: () => `missing: ${missing.join(", ")}` });
}

async function namespaceHasLabels({ scene }: Stage): Promise<void> {
  const { metadata } = await scene.get(scene.dr, "namespace", DR_NAMESPACE);
  assert.equal(metadata.labels["pod-security.kubernetes.io/enforce"], "baseline");
  assert.equal(metadata.labels.team, "shop");
  assert.equal(metadata.labels["kubernetes.io/metadata.name"], DR_NAMESPACE);
  assert.equal(metadata.annotations["example.com/cost-center"], "42");
  assert.equal(metadata.annotations["openshift.io/sa.scc.uid-range"], undefined);
}

async function nothingRuns({ dr }: Stage): Promise<void> {
  const copies = await dr.copies(DR_NAMESPACE);
  const replicas = (name: string) => {
    const { spec, metadata } = copies.get(name);
    return [spec.replicas, metadata.annotations["dr-syncer.io/original-replicas"]];
  };
  assert.deepEqual(replicas("Deployment/web"), [0, "3"]);
  assert.deepEqual(replicas("StatefulSet/db"), [0, "2"]);
  assert.deepEqual(replicas("ReplicaSet/standalone"), [0, "1"]);
  assert.deepEqual(replicas("ReplicationController/old"), [0, "1"]);
  assert.deepEqual(replicas("Widget/wheel"), [0, "3"]);
  assert.deepEqual(replicas("Deployment/cache"), [1, "2"], "scale-override: a number");
  assert.equal(copies.get("Deployment/full").spec.replicas, 2, "scale-override: as the source");
  const suspended = (name: string) => {
    const { spec, metadata } = copies.get(name);
    return [spec.suspend, metadata.annotations["dr-syncer.io/original-suspend"]];
  };
  assert.deepEqual(suspended("CronJob/report"), [true, "false"]);
  assert.deepEqual(suspended("CronJob/paused"), [true, "true"]);
  assert.deepEqual(suspended("Job/import"), [true, "false"]);
  const { nodeSelector } = copies.get("DaemonSet/agent").spec.template.spec;
  assert.deepEqual(nodeSelector, { "kubernetes.io/os": "linux", "dr-syncer.io/standby": "true" });
}

async function restStays(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await scene.source.kubectl(["create", "-n", SOURCE_NAMESPACE, "-f", file("unmirrored_objects.yaml")]);
  // The source's controllers have made theirs.
  await scene.source.kubectl([
    "wait",
    "-n",
    SOURCE_NAMESPACE,
    "--for=create",
    "endpoints/web",
    "pod/db-0",
    "pvc/data-db-0",
  ]);
  await waitFor(
    "the claim of the StatefulSet",
    async () => (await dr.copies(DR_NAMESPACE)).has("PersistentVolumeClaim/data-db-0"),
    { deadlineMs: DEADLINE_MS },
  );
  // What was written last has arrived: all before it was looked at.
  await scene.source.kubectl(["create", "configmap", "last", "-n", SOURCE_NAMESPACE]);
  await scene.until(scene.dr, "configmap", "last", DR_NAMESPACE);
  const [all, there] = [await source.objects(SOURCE_NAMESPACE), await dr.objects(DR_NAMESPACE)];
  const kindsLeft = ["Pod", "ControllerRevision", "PodTemplate"];
  const extra = [...there.keys()].filter((name) =>
    !all.has(name) || kindsLeft.some((kind) => name.startsWith(`${kind}/`))
  );
  const ours = ["Lease/dr-syncer", "ResourceQuota/dr-syncer-standby"];
  assert.deepEqual(extra.sort(), ours, "but for the fence and the quota, nothing is there that should not be");
  const isOwned = ({ metadata }: Printed) => metadata.ownerReferences !== undefined;
  for (const [name, object] of all) {
    if (!isOwned(object) || name.startsWith("PersistentVolumeClaim/")) continue;
    assert.ok(!there.has(name), `${name} has an owner`);
  }
  const never = [
    "ConfigMap/ignored",
    "Deployment/ignored",
    "ConfigMap/component",
    "Secret/sh.helm.release.v1.shop.v1",
    "Lease/lock",
    "ConfigMap/kube-root-ca.crt",
    "Endpoints/web",
    "ServiceAccount/default",
  ];
  for (const name of never) {
    assert.ok(all.has(name), `${name} is in the source`);
    assert.ok(!there.has(name), `${name} is not in DR`);
  }
}

async function updatesArrive(stage: Stage): Promise<void> {
  const { scene, source, dr } = stage;
  await forEachManifest(stage, ["annotate", "example.com/updated=yes", "--overwrite"]);
  const change = (target: string, patch: object) =>
    scene.source.kubectl([
      "patch",
      ...target.split(" "),
      "-n",
      SOURCE_NAMESPACE,
      "--type=merge",
      "-p",
      JSON.stringify(patch),
    ]);
  const template = { template: { spec: { terminationGracePeriodSeconds: 7 } } };
  for (const kind of ["deployment web", "statefulset db", "daemonset agent", "replicaset standalone", "rc old"]) {
    await change(kind, { spec: template });
  }
  await change("deployment web", { spec: { replicas: 4 } });
  await change("configmap settings", { data: { "application.yaml": "log: debug\n", empty: null } });
  await change("secret custom", { stringData: { value: "2" } });
  await change("service plain", { spec: { ports: [{ name: "http", port: 8080 }] } });
  await change("service public", { spec: { type: "ClusterIP" } });
  await change("cronjob report", { spec: { schedule: "5 3 * * *" } });
  await change("hpa web", { spec: { maxReplicas: 11 } });
  await change("pdb web", { spec: { minAvailable: 1 } });
  await change("role reader", { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }] });
  await change("quota limits", { spec: { hard: { "requests.cpu": "5" } } });
  await change("widget wheel", { spec: { size: 5, note: null } });
  const names = (await written()).filter(stage.serves);
  let different: string[] = [];
  await waitFor("every update", async () => {
    const [sources, copies] = [await source.objects(SOURCE_NAMESPACE), await dr.copies(DR_NAMESPACE)];
    different = names.filter((name) => {
      const copy = copies.get(name);
      if (copy === undefined || copy.metadata.annotations["example.com/updated"] !== "yes") return true;
      return JSON.stringify(asItIs(copy)) !== JSON.stringify(asItShouldBe(sources.get(name)));
    });
    return different.length === 0;
  }, { deadlineMs: DEADLINE_MS, describe: () => `different: ${different.join(", ")}` });
  const copy = (await dr.copies(DR_NAMESPACE)).get("Deployment/web");
  assert.deepEqual([copy.spec.replicas, copy.metadata.annotations["dr-syncer.io/original-replicas"]], [0, "4"]);
}

async function deletesArrive(stage: Stage): Promise<void> {
  const { scene, dr } = stage;
  await scene.source.kubectl([
    "patch",
    "deployment",
    "web",
    "-n",
    SOURCE_NAMESPACE,
    "--type=merge",
    "-p",
    '{"metadata":{"finalizers":null}}',
  ]);
  await forEachManifest(stage, ["delete", "--wait=false", "--ignore-not-found"]);
  let left: string[] = [];
  await waitFor("every delete", async () => {
    const copies = await dr.copies(DR_NAMESPACE);
    const names = (await written()).filter((name) => !name.startsWith("PersistentVolumeClaim/"));
    left = names.filter((name) => copies.has(name));
    return left.length === 0;
  }, { deadlineMs: DEADLINE_MS, describe: () => `left: ${left.join(", ")}` });
  const claim = await scene.until(
    scene.dr,
    "pvc",
    "uploads",
    DR_NAMESPACE,
    ({ metadata }) => metadata.annotations["dr-syncer.io/orphaned-at"],
  );
  assert.equal(claim.metadata.deletionTimestamp, undefined, "a claim is never deleted");
}
