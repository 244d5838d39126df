/**
 * A network before a DR cluster that breaks connections while much is written, or is slow: no write is lost or made twice, and the
 * other DR cluster notices nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { type Scene, startScene } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap } from "../e2e/webhook_scene.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { deletedForNothing, type History, madeTooOften, watchHistory } from "./history.ts";
import { startBehindProxy } from "./proxied_scene.ts";
import type { FaultProxy } from "./proxy.ts";
import { startWrites, type Writes } from "./writes.ts";

const NAMESPACE = "shop";
const DEADLINE_MS = 60_000;
const RECOVERY_MS = 120_000;
const ROUNDS = 15;

interface Broken {
  readonly scene: Scene;
  readonly proxy: FaultProxy;
  readonly writes: Writes;
}

Deno.test("a network before a DR cluster that breaks connections", async (t) => {
  await using scene = await startScene({ drs: ["dr", "dr2"], controller: false });
  await using proxy = await startBehindProxy(scene);
  await using source = await watchHistory(scene.source, [CONFIG_MAPS], [NAMESPACE]);
  await using dr = await watchHistory(scene.dr, [CONFIG_MAPS], [NAMESPACE]);
  for (const { name } of scene.drs) {
    await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY, destinationCluster: name }, `to-${name}`);
    await scene.condition(`to-${name}`, "Synced", "True");
  }
  await using writes = startWrites(scene.source, NAMESPACE);
  const broken: Broken = { scene, proxy, writes };
  await t.step("they are reset, again and again", () => again(broken, "reset", () => proxy.reset()));
  await t.step("they are closed, again and again", () => again(broken, "closed", () => proxy.cut()));
  await t.step("each is reset after some answers", () => afterSomeAnswers(broken));
  await t.step("every word takes long", () => slow(broken));
  await writes.stop();
  await t.step("nothing was made twice, or deleted for nothing", () => noneMadeTwice(scene, source, dr));
});

async function again(broken: Broken, name: string, harm: () => void): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await broken.writes.more(4);
    harm();
  }
  await mirrorsAgain(broken, name);
}

/** More than it takes to set a connection up, and less than all that there is to be said. */
async function afterSomeAnswers(broken: Broken): Promise<void> {
  const { proxy, writes } = broken;
  const before = proxy.accepted;
  proxy.resetAfter(20_000);
  await writes.more(ROUNDS * 4);
  await otherGoesOn(broken, "short");
  proxy.resetAfter(undefined);
  assert.ok(proxy.accepted > before, "connections were reset");
  await mirrorsAgain(broken, "short");
}

async function slow(broken: Broken): Promise<void> {
  const { scene, proxy, writes } = broken;
  proxy.delay(300);
  await writes.more(ROUNDS);
  await otherGoesOn(broken, "slow");
  await scene.apply([configMap(NAMESPACE, "slow-there")]);
  await scene.until(scene.dr, "configmap", "slow-there", NAMESPACE, undefined, DEADLINE_MS);
  await scene.condition("to-dr", "Ready", "True");
  proxy.delay(0);
  await mirrorsAgain(broken, "slow");
}

async function otherGoesOn({ scene }: Broken, name: string): Promise<void> {
  await scene.apply([configMap(NAMESPACE, `${name}-meanwhile`)]);
  await scene.until(other(scene), "configmap", `${name}-meanwhile`, NAMESPACE, undefined, DEADLINE_MS);
}

/** While the user goes on writing. */
async function mirrorsAgain({ scene }: Broken, name: string): Promise<void> {
  await scene.apply([configMap(NAMESPACE, `${name}-after`)]);
  for (const cluster of scene.drs) {
    await scene.until(cluster, "configmap", `${name}-after`, NAMESPACE, undefined, RECOVERY_MS);
  }
  for (const type of ["Ready", "Synced"]) await scene.condition("to-dr", type, "True", undefined, RECOVERY_MS);
}

async function noneMadeTwice(scene: Scene, source: History, dr: History): Promise<void> {
  for (const cluster of scene.drs) await untilEqual(scene.source, cluster, NAMESPACE, RECOVERY_MS);
  const copies = (await scene.list(scene.dr, "configmaps", NAMESPACE)).map(({ metadata }) => metadata.uid).sort();
  await waitFor("the whole history", () => [...dr.alive().values()].sort().join() === copies.join(), {
    deadlineMs: DEADLINE_MS,
  });
  assert.deepEqual([source.gap, dr.gap], [undefined, undefined]);
  assert.deepEqual(madeTooOften(source.happenings, dr.happenings), []);
  assert.deepEqual(deletedForNothing(source.happenings, dr.happenings), []);
}

function other({ drs }: Scene): Cluster {
  return drs[1] ?? assert.fail("there is no second DR cluster");
}
