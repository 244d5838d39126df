/**
 * Processes that die and come back while a user keeps writing: afterwards source and standby are equal, without help.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertNotRecreated, marksOf, untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { type Scene, startScene } from "../e2e/scene.ts";
import { LASTING, startWrites, type Writes } from "./writes.ts";

/** A Lease that nobody gave back runs out within 15 s; the next one looks at it within 5 s. */
const TAKEOVER_MS = 60_000;
const RECOVERY_MS = 60_000;

Deno.test("a controller or an API server dies and comes back: source and standby end up equal", async (t) => {
  await using scene = await startScene();
  await t.step("kill -9 of the controller, three times, among changes", () => killsController(scene));
  await t.step("the source's API server restarts, orderly and by kill -9", () => restartsSource(scene));
  await t.step("the DR cluster's API server restarts, orderly and by kill -9", () => restartsDr(scene));
});

async function killsController(scene: Scene): Promise<void> {
  await using writes = await begin(scene, "killed");
  for (const identity of ["second", "third", "fourth"]) {
    const before = await marksOf(scene.dr, "killed");
    const killed = scene.controller;
    await writes.more(15);
    await killed.stop("SIGKILL");
    await writes.more(15);
    await scene.startController([], identity);
    await mirrorsAgain(scene, "killed", TAKEOVER_MS);
    assertNotRecreated(before, await marksOf(scene.dr, "killed"));
  }
  await end(scene, "killed", writes);
}

async function restartsSource(scene: Scene): Promise<void> {
  await using writes = await begin(scene, "source-restarted");
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const before = await marksOf(scene.dr, "source-restarted");
    await scene.source.restartApiServer(signal);
    await writes.more(15);
    await mirrorsAgain(scene, "source-restarted", RECOVERY_MS);
    assertNotRecreated(before, await marksOf(scene.dr, "source-restarted"));
  }
  await end(scene, "source-restarted", writes);
}

async function restartsDr(scene: Scene): Promise<void> {
  await using writes = await begin(scene, "dr-restarted");
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const before = await marksOf(scene.dr, "dr-restarted");
    await scene.dr.stopApiServer(signal);
    await writes.more(30);
    await scene.dr.startApiServer();
    await mirrorsAgain(scene, "dr-restarted", RECOVERY_MS);
    assertNotRecreated(before, await marksOf(scene.dr, "dr-restarted"));
  }
  await end(scene, "dr-restarted", writes);
}

/** A Replication that is synced, and a user who writes. */
async function begin(scene: Scene, namespace: string): Promise<Writes> {
  await scene.replicate(namespace, { deletion: DELETE_FREELY });
  await scene.condition(namespace, "Synced", "True");
  const writes = startWrites(scene.source, namespace);
  await writes.more(20);
  return writes;
}

/** While the user goes on: an object made now is in DR. */
async function mirrorsAgain(scene: Scene, namespace: string, deadlineMs: number): Promise<void> {
  const name = `again-${crypto.randomUUID().slice(0, 8)}`;
  await scene.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } }]);
  await scene.until(scene.dr, "configmap", name, namespace, undefined, deadlineMs);
}

/** Equal object by object (no orphan, nothing missing), and status says so. */
async function end(scene: Scene, namespace: string, writes: Writes): Promise<void> {
  await writes.stop();
  await untilEqual(scene.source, scene.dr, namespace, RECOVERY_MS);
  await scene.condition(namespace, "Synced", "True");
  await scene.condition(namespace, "Ready", "True");
  const marks = await marksOf(scene.dr, namespace);
  assert.ok(Object.keys(marks).length > LASTING, "the user has written something");
}
