/**
 * A mirror with nothing to do writes nothing, whatever resyncs; and tells that it lives, without talking too much.
 *
 * @module
 */
import assert from "node:assert/strict";
import { resolveTypes } from "../../kube/resolve_type.ts";
import type { KubeClient, ResourceType } from "../../kube/types.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { requests } from "./requests.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

const NAMESPACE = "shop";
const CONTROL = "dr-syncer-system";
/** One interval of the cron, the shortest there is, and the pass itself. */
const CRON_DEADLINE_MS = 90_000;
const PROOF_OF_LIFE_DEADLINE_MS = 120_000;
/** Readings in a row, a second apart, that show no controller at work any more. */
const QUIET_READINGS = 6;
const BURST = 500;
const STATUS_INTERVAL_MS = 5_000;

Deno.test("idle", async (t) => {
  await using scene = await startScene({ source: { controllerManager: true }, dr: { controllerManager: true } });
  using source = new ClusterView(scene.source);
  using dr = new ClusterView(scene.dr);
  await seed(scene, dr);
  await t.step("a sync with nothing changed writes nothing", () => syncsWriteNothing(scene, dr));
  await t.step("a burst of writes is few writes of the status", () => burst(scene, source, dr));
  await t.step("syncedUpTo moves on by proof of life", () => provesLife(scene, source, dr));
  await t.step("a resync by the cron writes nothing", () => cronWritesNothing(scene, dr));
});

/** One of every kind, with controllers at work on both sides. */
async function seed(scene: Scene, dr: ClusterView): Promise<void> {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  await scene.source.kubectl(["apply", "-f", file("desired_cluster.yaml")]);
  await scene.source.kubectl(["wait", "--for=condition=Established", "crd/widgets.example.com"]);
  await scene.source.kubectl([
    "create",
    "-n",
    NAMESPACE,
    "-f",
    file("desired_objects.yaml"),
    "-f",
    file("mirror_objects.yaml"),
  ]);
  await scene.apply([replication(NAMESPACE, { destinationCluster: scene.dr.name, sourceNamespace: NAMESPACE })]);
  await scene.condition(NAMESPACE, "Synced", "True");
  assert.ok((await dr.copies(NAMESPACE)).size > 30);
  await untilQuiet(dr);
}

/** Controllers in DR note what they see in status: waits until they have. */
async function untilQuiet(dr: ClusterView): Promise<Record<string, string>> {
  let [last, same] = ["", 0];
  return await waitFor("DR to be quiet", async () => {
    const marks = await dr.marks(NAMESPACE);
    same = JSON.stringify(marks) === last ? same + 1 : 0;
    last = JSON.stringify(marks);
    return same >= QUIET_READINGS && marks;
  }, { deadlineMs: 90_000, pollMs: 1_000 });
}

async function readStatus(scene: Scene): Promise<Printed> {
  return (await scene.get(scene.source, "replication", NAMESPACE, CONTROL)).status;
}

function writes(scene: Scene): Promise<number> {
  return scene.controller.metric("dr_syncer_writes_total", { replication: `${CONTROL}/${NAMESPACE}` });
}

async function syncsWriteNothing(scene: Scene, dr: ClusterView): Promise<void> {
  const [before, writesBefore] = [await untilQuiet(dr), await writes(scene)];
  const labels = { replication: `${CONTROL}/${NAMESPACE}` };
  const passes = () => scene.controller.metric("dr_syncer_resync_seconds_count", labels);
  for (const value of ["first", "second", "third"]) {
    const done = await passes();
    await scene.source.kubectl([
      "annotate",
      "replication",
      NAMESPACE,
      "-n",
      CONTROL,
      "--overwrite",
      `dr-syncer.io/sync-now=${value}`,
    ]);
    await waitFor(`the ${value} sync`, async () => await passes() > done, { deadlineMs: 30_000 });
  }
  await scene.until(scene.source, "replication", NAMESPACE, CONTROL, ({ status }) => status.lastManualSync === "third");
  assert.equal(await writes(scene), writesBefore);
  assert.deepEqual(await dr.marks(NAMESPACE), before);
}

async function provesLife(scene: Scene, source: ClusterView, dr: ClusterView): Promise<void> {
  const marks = await dr.marks(NAMESPACE);
  await using events = await watchReplications(source.client);
  const writesBefore = await statusWrites(scene);
  // It is looked at, with nothing new to tell.
  await scene.source.kubectl(["annotate", "replication", NAMESPACE, "-n", CONTROL, "example.com/note=seen"]);
  let before = await readStatus(scene);
  const { syncedUpTo } = await waitFor("syncedUpTo moves on without a resync", async () => {
    const status = await readStatus(scene);
    // The cron's resync, on every tenth minute of the clock, tells it, too: what counts is told between two of them.
    if (status.lastSyncTime !== before.lastSyncTime) before = status;
    return status.syncedUpTo > before.syncedUpTo && status;
  }, { deadlineMs: PROOF_OF_LIFE_DEADLINE_MS, pollMs: 500 });
  const ageMs = Date.now() - Date.parse(syncedUpTo);
  assert.ok(ageMs < PROOF_OF_LIFE_DEADLINE_MS, `DR is told to be ${ageMs} ms behind`);
  assert.ok(ageMs >= 0, "nobody knows the future");
  const written = await statusWrites(scene) - writesBefore;
  // One change more is the annotation.
  await waitFor(`a change by each of ${written} writes of a status`, () => events.count > written, {
    deadlineMs: 10_000,
    describe: () => `${events.count} changes`,
  });
  assert.deepEqual(await dr.marks(NAMESPACE), marks);
}

async function cronWritesNothing(scene: Scene, dr: ClusterView): Promise<void> {
  assert.equal((await scene.controller.stop()).code, 0);
  const before = await untilQuiet(dr);
  await scene.startController(["--resync-interval", "1"]);
  const labels = { replication: `${CONTROL}/${NAMESPACE}` };
  await waitFor("a resync by the cron", async () => {
    return await scene.controller.metric("dr_syncer_resync_seconds_count", labels) > 0;
  }, { deadlineMs: CRON_DEADLINE_MS, pollMs: 500 });
  assert.equal(await writes(scene), 0);
  assert.deepEqual(await dr.marks(NAMESPACE), before);
}

/** Counts what a watch sees of the Replication while many objects are written elsewhere. */
async function burst(scene: Scene, source: ClusterView, dr: ClusterView): Promise<void> {
  await scene.replicate("burst");
  await scene.condition("burst", "Synced", "True");
  const { client } = source;
  const maps = resolveTypes(await client.discover(), "configmaps")[0] as ResourceType;
  await using events = await watchReplications(client, "burst");
  const startedMs = performance.now();
  await writeMany(client, maps);
  await waitFor("the burst in DR", async () => (await dr.copies("burst")).size === BURST, {
    deadlineMs: 60_000,
    pollMs: 500,
  });
  await scene.until(
    scene.source,
    "replication",
    "burst",
    CONTROL,
    ({ status }) => status.syncStats.successfulSyncs === BURST,
  );
  const elapsedMs = performance.now() - startedMs;
  const allowed = Math.ceil(elapsedMs / STATUS_INTERVAL_MS) + 1;
  const { count } = events;
  assert.ok(count > 0 && count <= allowed, `${count} writes of the status in ${elapsedMs} ms`);
}

/** Counts the changes of Replications, or of one, that a watch tells of from now on. */
async function watchReplications(
  client: KubeClient,
  name?: string,
): Promise<{ readonly count: number } & AsyncDisposable> {
  const type = resolveTypes(await client.discover(), "replications.dr-syncer.io")[0] as ResourceType;
  const [ended, live] = [new AbortController(), Promise.withResolvers<void>()];
  const fieldSelector = name === undefined ? undefined : `metadata.name=${name}`;
  let count = 0;
  const sink = { live: () => live.resolve(), event: () => count++ };
  const watch = client.watch(type, { namespace: CONTROL, fieldSelector, start: "now" }, sink, ended.signal);
  await live.promise;
  return {
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watch.done;
    },
  };
}

/** As the source's API server counts them, those that change nothing among them. */
function statusWrites({ source }: Scene): Promise<number> {
  return requests(source, { verb: "PATCH", resource: "replications", subresource: "status" });
}

async function writeMany(client: KubeClient, maps: ResourceType): Promise<void> {
  const names = Array.from({ length: BURST }, (_, index) => `object-${index}`).values();
  const worker = async () => {
    for (const name of names) {
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "burst" }, data: { a: "1" } };
      await client.create(maps, object);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
