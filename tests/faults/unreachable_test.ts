/**
 * A DR cluster that cannot be reached for a minute: status says so, the other DR cluster does not notice, and when it is back
 * everything converges without help.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { marksOf, untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { type Printed, type Scene, startScene } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { startBehindProxy } from "./proxied_scene.ts";
import type { FaultProxy } from "./proxy.ts";

const NAMESPACE = "shop";
/** A probe every 10 s at most, its deadline, and a status at most every 5 s. */
const NOTICED_MS = 30_000;
/** Probes back off to 30 s. */
const RECOVERY_MS = 60_000;
const CONTROL = "dr-syncer-system";

interface Outage {
  readonly scene: Scene;
  readonly proxy: FaultProxy;
  readonly client: KubeClient;
  readonly otherDr: KubeClient;
}

Deno.test("a DR cluster out of reach", async (t) => {
  await using scene = await startScene({ drs: ["dr", "dr2"], controller: false });
  await using proxy = await startBehindProxy(scene);
  const client = connect(scene.source.kubeconfig);
  const otherDr = connect(dr2(scene).kubeconfig);
  const outage = { scene, proxy, client, otherDr };
  try {
    await prepare(outage);
    await t.step(
      "frozen for a minute",
      () => staysAway(outage, "frozen", 60_000, () => proxy.freeze({ newToo: true }), () => proxy.thaw()),
    );
    await t.step(
      "refused for a while",
      () => staysAway(outage, "refused", 20_000, () => proxy.refuse(), () => proxy.accept()),
    );
    await t.step("what had failed before does not wait for its own back-off", () => retriesAtOnce(outage));
  } finally {
    client.close();
    otherDr.close();
  }
});

async function prepare({ scene, proxy, client }: Outage): Promise<void> {
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY, destinationCluster: "dr" }, "to-dr");
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY, destinationCluster: "dr2" }, "to-dr2");
  for (let turn = 0; turn < 10; turn++) await client.create(CONFIG_MAPS, configMap(NAMESPACE, `before-${turn}`));
  for (const name of ["to-dr", "to-dr2"]) await scene.condition(name, "Synced", "True");
  for (const cluster of scene.drs) await untilEqual(scene.source, cluster, NAMESPACE);
  assert.ok(proxy.open > 0, "the controller goes through the proxy");
}

async function staysAway(
  outage: Outage,
  prefix: string,
  outageMs: number,
  begin: () => void | Promise<void>,
  end: () => void | Promise<void>,
): Promise<void> {
  const { scene } = outage;
  await scene.apply(["changed", "doomed", "again"].map((name) => configMap(NAMESPACE, `${prefix}-${name}`)));
  for (const cluster of scene.drs) await untilEqual(scene.source, cluster, NAMESPACE);
  const before = await marksOf(scene.dr, NAMESPACE);
  await begin();
  const changedAtMs = Date.now();
  await change(outage, prefix);
  await statusTells(scene);
  const slowestMs = await writeUntil(outage, prefix, changedAtMs + outageMs);
  assert.ok(slowestMs < 2_000, `a write was in the other DR cluster after ${Math.round(slowestMs)} ms`);
  const provenMs = await syncedUpTo(scene, "to-dr");
  assert.ok(provenMs <= changedAtMs, `syncedUpTo stands still at the first change that is not in DR: ${provenMs}`);
  assert.ok(await syncedUpTo(scene, "to-dr2") > 0);
  assert.deepEqual(await marksOf(scene.dr, NAMESPACE), before, "nothing reached the DR cluster");
  await end();
  await recovers(outage, prefix, before, changedAtMs + outageMs);
}

/** What has to be carried out later, deletes among it; one of them is taken back. */
async function change({ client }: Outage, prefix: string): Promise<void> {
  const ref = (name: string) => ({ namespace: NAMESPACE, name: `${prefix}-${name}` });
  await client.patch(CONFIG_MAPS, ref("changed"), { type: "merge", body: { data: { value: "changed" } } });
  await client.delete(CONFIG_MAPS, ref("doomed"));
  await client.delete(CONFIG_MAPS, ref("again"));
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, ref("again").name, { value: "again" }));
}

async function statusTells(scene: Scene): Promise<void> {
  await scene.until(
    scene.source,
    "remotecluster",
    "dr",
    CONTROL,
    (object) => conditionOf(object, "Reachable")?.status === "False" && object.status.health === "Unhealthy",
    NOTICED_MS,
  );
  await scene.condition("to-dr", "Ready", "False", "DestinationUnreachable", NOTICED_MS);
  await scene.condition("to-dr2", "Ready", "True");
}

/** Writes until the time has come; each is followed into the other DR cluster. Answers the longest time that took. */
async function writeUntil({ scene, client, otherDr }: Outage, prefix: string, endMs: number): Promise<number> {
  let slowestMs = 0;
  for (let turn = 0; Date.now() < endMs; turn++) {
    const name = `${prefix}-meanwhile-${turn}`;
    await client.create(CONFIG_MAPS, configMap(NAMESPACE, name));
    const startedMs = performance.now();
    const arrived = () => otherDr.get(CONFIG_MAPS, { namespace: NAMESPACE, name });
    await waitFor(`${name} in ${dr2(scene).name}`, arrived, { deadlineMs: 10_000, pollMs: 20 });
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    // One write every half second is traffic enough.
    await waitFor("the next turn", () => performance.now() - startedMs > 500, { deadlineMs: 5_000, pollMs: 100 });
  }
  return slowestMs;
}

async function recovers(
  { scene }: Outage,
  prefix: string,
  before: Record<string, { uid: string }>,
  backAtMs: number,
): Promise<void> {
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS, `after it was ${prefix}`);
  const after = await marksOf(scene.dr, NAMESPACE);
  assert.equal(after[`ConfigMap/${prefix}-doomed`], undefined);
  const again = `ConfigMap/${prefix}-again`;
  assert.equal(after[again]?.uid, before[again]?.uid, "what came back at the source was not deleted in DR");
  await scene.condition("to-dr", "Ready", "True");
  await scene.condition("to-dr", "Synced", "True");
  await scene.until(
    scene.source,
    "remotecluster",
    "dr",
    CONTROL,
    (object) => conditionOf(object, "Reachable")?.status === "True",
  );
  await waitFor("syncedUpTo goes on", async () => await syncedUpTo(scene, "to-dr") > backAtMs, {
    deadlineMs: 90_000,
    pollMs: 500,
  });
}

/** The cause goes while DR is away; nobody rings for that. */
async function retriesAtOnce({ scene, proxy }: Outage): Promise<void> {
  const name = "taken";
  await scene.apply([configMap(NAMESPACE, name)], scene.dr);
  await scene.apply([configMap(NAMESPACE, name)]);
  const nextMs = ({ status }: Printed) => Date.parse(status?.failures?.[0]?.nextRetryTime ?? 0);
  const untilRetried = async (beforeMs: number) =>
    nextMs(
      await scene.until(
        scene.source,
        "replication",
        "to-dr",
        CONTROL,
        (object) => nextMs(object) > beforeMs,
        RECOVERY_MS,
      ),
    );
  let dueMs = await untilRetried(0);
  for (let round = 0; dueMs - Date.now() < 2 * RECOVERY_MS; round++) {
    const asked = `dr-syncer.io/sync-now=retry-${round}`;
    await scene.source.kubectl(["annotate", "--overwrite", "replication", "to-dr", "-n", CONTROL, asked]);
    dueMs = await untilRetried(dueMs);
  }
  await proxy.refuse();
  await scene.condition("to-dr", "Ready", "False", "DestinationUnreachable", NOTICED_MS);
  await scene.dr.kubectl(["delete", "configmap", name, "-n", NAMESPACE]);
  await proxy.accept();
  await scene.until(scene.dr, "configmap", name, NAMESPACE, undefined, RECOVERY_MS);
}

function dr2(scene: Scene) {
  const cluster = scene.drs[1];
  if (cluster === undefined) throw new Error("There is no second DR cluster");
  return cluster;
}

function conditionOf(object: Printed, type: string): Printed {
  return object.status?.conditions?.find((condition: Printed) => condition.type === type);
}

/** Milliseconds since the epoch. */
async function syncedUpTo(scene: Scene, name: string): Promise<number> {
  return Date.parse((await scene.get(scene.source, "replication", name, CONTROL)).status.syncedUpTo);
}
