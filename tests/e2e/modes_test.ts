/**
 * When is mirrored: the three modes, pause, changes of the spec, several DR clusters, a remote source, a restart.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connectDr, deployFolder } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

/** Deletes are carried out at once, however many. */
const DELETE_FREELY = { grace: "0s", budget: { count: 1000, percent: 100, window: "1m" } };
/** A namespace that is mirrored at once: once its copy is there, whatever came before it was looked at. */
const WITNESS = "witness";
/** Two times of the schedule, and the sync itself. */
const SCHEDULE_DEADLINE_MS = 90_000;

Deno.test("modes", async (t) => {
  await using scene = await startScene({ drs: ["dr", "second"] });
  using dr = new ClusterView(scene.dr);
  await scene.replicate(WITNESS);
  await scene.condition(WITNESS, "Synced", "True");
  const announced = await startScheduled(scene);
  await t.step("Continuous mirrors every change at once", () => continuous(scene));
  await t.step("Manual mirrors when it is told to, and only then", () => manual(scene, dr));
  await t.step("paused writes nothing, and catches up afterwards", () => paused(scene, dr));
  await t.step("a kind that is deselected later goes the way of a deletion", () => deselected(scene, dr));
  await t.step("a deselected kind is held back by the guards", () => deselectedButHeld(scene, dr));
  await t.step("two DR clusters, one Replication each", () => twoTargets(scene));
  await t.step("from a remote source", () => remoteSource(scene));
  await t.step("Scheduled mirrors at its time", () => scheduled(scene, announced));
  await t.step("a restart writes nothing and forgets nothing", () => restart(scene, dr));
});

function map(namespace: string, name: string, value = "1"): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { value } };
}

function secret(namespace: string, name: string): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData: { value: "1" } };
}

async function patchReplication(scene: Scene, name: string, patch: object): Promise<void> {
  const args = ["patch", "replication", name, "-n", "dr-syncer-system", "--type=merge", "-p", JSON.stringify(patch)];
  await scene.source.kubectl(args);
}

async function syncNow(scene: Scene, name: string, value: string): Promise<Printed> {
  await patchReplication(scene, name, { metadata: { annotations: { "dr-syncer.io/sync-now": value } } });
  return await status(scene, name, ({ lastManualSync }) => lastManualSync === value);
}

/** Waits until the status of a Replication is as wanted. */
async function status(
  scene: Scene,
  name: string,
  condition: (status: Printed) => unknown,
  deadlineMs = 30_000,
): Promise<Printed> {
  const object = await scene.until(
    scene.source,
    "replication",
    name,
    "dr-syncer-system",
    (replication) => replication.status !== undefined && condition(replication.status),
    deadlineMs,
  );
  return object.status;
}

/** Something written now was mirrored: a change made before it had its chance. */
async function witness(scene: Scene, name: string): Promise<void> {
  await scene.apply([map(WITNESS, name)]);
  await scene.until(scene.dr, "configmap", name, WITNESS);
}

const valueIs = (value: string) => ({ data }: Printed) => data?.value === value;

async function continuous(scene: Scene): Promise<void> {
  await scene.replicate("continuous", { deletion: DELETE_FREELY });
  await scene.apply([map("continuous", "one")]);
  await scene.until(scene.dr, "configmap", "one", "continuous", valueIs("1"));
  await scene.apply([map("continuous", "one", "2")]);
  await scene.until(scene.dr, "configmap", "one", "continuous", valueIs("2"));
  await scene.source.kubectl(["delete", "configmap", "one", "-n", "continuous"]);
  await scene.untilGone(scene.dr, "configmap", "one", "continuous");
  const { phase, nextSyncTime } = await status(scene, "continuous", ({ syncStats }) => syncStats?.deleted === 1);
  assert.deepEqual([phase, nextSyncTime], ["Running", undefined]);
}

async function manual(scene: Scene, dr: ClusterView): Promise<void> {
  await scene.replicate("manual", { replicationMode: "Manual", deletion: DELETE_FREELY });
  await scene.condition("manual", "Ready", "True");
  await scene.apply([map("manual", "one"), secret("manual", "two")]);
  await witness(scene, "before-manual");
  assert.equal((await dr.copies("manual")).size, 0, "nothing is written before it is told to");
  assert.equal((await status(scene, "manual", () => true)).phase, "Pending");
  await syncNow(scene, "manual", "first");
  assert.deepEqual([...(await dr.copies("manual")).keys()].sort(), ["ConfigMap/one", "Secret/two"]);
  const { syncStats, lastSyncTime } = await status(scene, "manual", ({ phase }) => phase === "Completed");
  assert.deepEqual([syncStats.totalResources, syncStats.successfulSyncs], [2, 2]);
  assert.ok(lastSyncTime);
  await scene.condition("manual", "Degraded", "False");
  await scene.apply([map("manual", "one", "2"), map("manual", "three")]);
  await scene.source.kubectl(["delete", "secret", "two", "-n", "manual"]);
  const before = await dr.marks("manual");
  await patchReplication(scene, "manual", { metadata: { labels: { touched: "yes" } } });
  await witness(scene, "between-manual");
  assert.deepEqual(await dr.marks("manual"), before, "the same value asks for nothing");
  await syncNow(scene, "manual", "second");
  assert.deepEqual([...(await dr.copies("manual")).keys()].sort(), ["ConfigMap/one", "ConfigMap/three"]);
  await scene.until(scene.dr, "configmap", "one", "manual", valueIs("2"));
}

async function paused(scene: Scene, dr: ClusterView): Promise<void> {
  await scene.replicate("paused", { deletion: DELETE_FREELY });
  await scene.apply([map("paused", "changed"), map("paused", "deleted"), map("paused", "same")]);
  await scene.until(scene.dr, "configmap", "same", "paused");
  await scene.condition("paused", "Synced", "True");
  await patchReplication(scene, "paused", { spec: { paused: true } });
  const { status: { phase } } = await scene.condition("paused", "Ready", "False", "Paused");
  assert.equal(phase, "Pending");
  const before = await dr.marks("paused");
  await scene.apply([map("paused", "changed", "2"), map("paused", "created")]);
  await scene.source.kubectl(["delete", "configmap", "deleted", "-n", "paused"]);
  await scene.dr.kubectl(["label", "configmap", "same", "-n", "paused", "drift=yes"]);
  await witness(scene, "while-paused");
  const { "ConfigMap/same": _drifted, ...others } = await dr.marks("paused");
  const { "ConfigMap/same": _before, ...wanted } = before;
  assert.deepEqual(others, wanted, "nothing is written while it is paused");
  await patchReplication(scene, "paused", { spec: { paused: false } });
  await scene.until(scene.dr, "configmap", "changed", "paused", valueIs("2"));
  await scene.until(scene.dr, "configmap", "created", "paused");
  await scene.untilGone(scene.dr, "configmap", "deleted", "paused");
  await scene.condition("paused", "Ready", "True");
}

async function deselected(scene: Scene, dr: ClusterView): Promise<void> {
  await scene.replicate("deselected", { deletion: DELETE_FREELY });
  await scene.apply([map("deselected", "one"), secret("deselected", "one"), secret("deselected", "two")]);
  await status(scene, "deselected", ({ syncStats }) => syncStats?.successfulSyncs === 3);
  await patchReplication(scene, "deselected", { spec: { excludeResourceTypes: ["Secret"] } });
  await waitFor("the Secrets to go", async () => {
    return [...(await dr.copies("deselected")).keys()].join() === "ConfigMap/one";
  }, { deadlineMs: 30_000 });
  const { resourceStatus } = await status(scene, "deselected", ({ syncStats }) => syncStats?.totalResources === 1);
  assert.deepEqual(resourceStatus.map(({ kind }: Printed) => kind), ["ConfigMap"]);
  await patchReplication(scene, "deselected", { spec: { excludeResourceTypes: null } });
  await scene.until(scene.dr, "secret", "two", "deselected");
}

async function deselectedButHeld(scene: Scene, dr: ClusterView): Promise<void> {
  await scene.replicate("held", { deletion: { grace: "0s" } });
  await scene.apply([map("held", "one"), secret("held", "one"), secret("held", "two")]);
  await status(scene, "held", ({ syncStats }) => syncStats?.successfulSyncs === 3);
  const before = await dr.marks("held");
  await patchReplication(scene, "held", { spec: { excludeResourceTypes: ["secrets"] } });
  await scene.condition("held", "DeletionBlocked", "True", "KindEmptied");
  const { holds: [hold] } = await status(scene, "held", ({ holds }) => holds?.[0]?.count === 2);
  assert.deepEqual(hold.sample, ["secrets/one", "secrets/two"]);
  assert.deepEqual(await dr.marks("held"), before);
  await patchReplication(scene, "held", { metadata: { annotations: { "dr-syncer.io/approve": hold.id } } });
  await scene.untilGone(scene.dr, "secret", "one", "held");
  await scene.untilGone(scene.dr, "secret", "two", "held");
  await scene.condition("held", "DeletionBlocked", "False");
}

async function twoTargets(scene: Scene): Promise<void> {
  const [first, second] = scene.drs;
  assert.ok(first && second);
  await scene.replicate("shared", {}, "shared-first");
  await scene.apply([replication("shared-second", { destinationCluster: second.name, sourceNamespace: "shared" })]);
  await scene.apply([map("shared", "one")]);
  const copies = await Promise.all(
    [first, second].map((cluster) => scene.until(cluster, "configmap", "one", "shared")),
  );
  const ids = copies.map(({ metadata }) => metadata.labels["dr-syncer.io/managed-by"]);
  assert.notEqual(ids[0], ids[1], "each Replication has an id of its own");
  await scene.apply([map("shared", "one", "2")]);
  await Promise.all([first, second].map((cluster) => scene.until(cluster, "configmap", "one", "shared", valueIs("2"))));
}

async function remoteSource(scene: Scene): Promise<void> {
  const remote = scene.drs[1];
  assert.ok(remote);
  await remote.kubectl(["apply", "-k", deployFolder("source-cluster")]);
  const account = { namespace: "dr-syncer-system", serviceAccount: "dr-syncer-source" };
  await connectDr(scene.source, "remote", await remote.kubeconfigFor(account));
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "far" } }, map("far", "one")], remote);
  await scene.apply([
    replication("far", { sourceCluster: "remote", destinationCluster: scene.dr.name, sourceNamespace: "far" }),
  ]);
  await scene.until(scene.dr, "configmap", "one", "far");
  await scene.apply([map("far", "one", "2"), secret("far", "two")], remote);
  await scene.until(scene.dr, "configmap", "one", "far", valueIs("2"));
  await scene.until(scene.dr, "secret", "two", "far");
  await scene.condition("far", "Ready", "True");
  await scene.condition("far", "Degraded", "False");
  const isHealthy = ({ status }: Printed) => status?.health === "Healthy";
  await scene.until(scene.source, "remoteclusters.dr-syncer.io", "remote", "dr-syncer-system", isHealthy);
}

/** Makes the scheduled Replication early: its time comes while other steps run. */
async function startScheduled(scene: Scene): Promise<string> {
  await scene.replicate("scheduled", { replicationMode: "Scheduled", schedule: "* * * * *" });
  await scene.apply([map("scheduled", "one")]);
  const { nextSyncTime } = await status(scene, "scheduled", (found) => found.nextSyncTime !== undefined);
  return nextSyncTime;
}

async function scheduled(scene: Scene, announced: string): Promise<void> {
  const copy = await scene.until(scene.dr, "configmap", "one", "scheduled", () => true, SCHEDULE_DEADLINE_MS);
  assert.ok(copy.metadata.creationTimestamp >= announced, `${copy.metadata.creationTimestamp}, not at ${announced}`);
  const done = await status(scene, "scheduled", ({ phase }) => phase === "Completed");
  assert.ok(done.nextSyncTime > announced, "the next time is told");
  assert.ok(done.lastSyncTime >= announced);
  const { resourceVersion } = copy.metadata;
  await scene.apply([map("scheduled", "one", "2")]);
  await witness(scene, "before-schedule");
  const early = await scene.get(scene.dr, "configmap", "one", "scheduled");
  const now = new Date().toISOString();
  const { nextSyncTime } = await status(scene, "scheduled", () => true);
  // It was looked at before the time came, unless that was just then.
  if (now < nextSyncTime && nextSyncTime === done.nextSyncTime) {
    assert.equal(early.metadata.resourceVersion, resourceVersion, "nothing is written between two times");
  }
  await scene.until(scene.dr, "configmap", "one", "scheduled", valueIs("2"), SCHEDULE_DEADLINE_MS);
}

async function restart(scene: Scene, dr: ClusterView): Promise<void> {
  await scene.replicate("many");
  const names = Array.from({ length: 100 }, (_, index) => `object-${index}`);
  await scene.apply(names.flatMap((name) => [map("many", name), secret("many", name)]));
  await status(scene, "many", ({ syncStats }) => syncStats?.successfulSyncs === 200);
  const namespaces = ["many", "manual", "paused", "continuous", "held", "far"];
  const marks = () => Promise.all(namespaces.map((namespace) => dr.marks(namespace)));
  const [before, manualBefore] = [await marks(), await status(scene, "manual", ({ phase }) => phase === "Completed")];
  assert.equal((await scene.controller.stop()).code, 0);
  const startedSeconds = Math.floor(Date.now() / 1_000);
  await scene.startController();
  for (const name of ["many", "far", "held"]) {
    await waitFor(`a whole look at ${name}`, async () => {
      const labels = { replication: `dr-syncer-system/${name}` };
      return await scene.controller.metric("dr_syncer_synced_up_to_seconds", labels) >= startedSeconds;
    }, { deadlineMs: 30_000 });
  }
  await scene.condition("many", "Synced", "True");
  assert.deepEqual(await marks(), before);
  const replicationOf = (name: string) => ({ replication: `dr-syncer-system/${name}` });
  for (const name of namespaces) {
    assert.equal(await scene.controller.metric("dr_syncer_writes_total", replicationOf(name)), 0, `writes of ${name}`);
  }
  const manualAfter = await status(scene, "manual", ({ phase }) => phase === "Completed");
  assert.deepEqual(manualAfter.syncStats, manualBefore.syncStats);
  assert.equal(manualAfter.lastManualSync, "second");
}
