/**
 * A controller that is frozen, with another one standing by: writes go on, and the hook moves to who can serve it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { untilEqual } from "../e2e/compare.ts";
import type { ControllerProcess } from "../e2e/controller_process.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { type Scene, startScene } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { freeze } from "../freeze.ts";
import { waitFor } from "../wait.ts";

const NAMESPACE = "shop";
const OBSERVE = "dr-syncer-observe";
/** What the hook may cost while nobody answers it, and what a busy machine adds. */
const MOST_ADDED_MS = 1_000;
const SLACK_MS = 500;

interface Replicas {
  readonly scene: Scene;
  readonly client: KubeClient;
  readonly first: ControllerProcess;
  readonly second: ControllerProcess;
  frozenAtMs: number;
}

Deno.test("a frozen controller", async (t) => {
  await using scene = await startScene({ controller: false });
  const first = await scene.startController([], "first");
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY });
  await scene.condition(NAMESPACE, "Synced", "True");
  const second = await scene.startController([], "second");
  const client = connect(scene.source.kubeconfig);
  const replicas: Replicas = { scene, client, first, second, frozenAtMs: 0 };
  try {
    await t.step("costs a write a second at most, and denies none", () => writesGoOn(replicas));
    await t.step("loses the hook to the other one within 30 s, which mirrors", () => hookMoves(replicas));
    await t.step("does not lead when it goes on, and writes nothing", () => staysQuiet(replicas));
    await t.step(
      "the last one takes its configurations along, and nothing is blocked",
      () => nothingIsBlocked(replicas),
    );
  } finally {
    client.close();
  }
});

async function writesGoOn(replicas: Replicas): Promise<void> {
  const { scene, client, first } = replicas;
  await waitFor("the hook at the first", async () => await hookUrl(scene) !== undefined, { deadlineMs: 20_000 });
  await waitFor("a hint", async () => {
    await client.apply(CONFIG_MAPS, configMap(NAMESPACE, "probe"), { fieldManager: "a-user" });
    return await first.metric("dr_syncer_hints_total") > 0;
  }, { deadlineMs: 20_000, pollMs: 500 });
  const usualMs = await slowestCreate(client, "usual");
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  await freeze(first.pid);
  replicas.frozenAtMs = performance.now();
  const frozenMs = await slowestCreate(client, "frozen");
  const told = `a create took ${Math.round(frozenMs)} ms, ${Math.round(usualMs)} ms before`;
  assert.ok(frozenMs > 900, `the first still served: ${told}`);
  assert.ok(frozenMs < usualMs + MOST_ADDED_MS + SLACK_MS, told);
}

async function hookMoves({ scene, client, second, frozenAtMs }: Replicas): Promise<void> {
  const before = await hookUrl(scene);
  const leftMs = 30_000 - (performance.now() - frozenAtMs);
  await waitFor("the hook at the second", async () => await hookUrl(scene) !== before, { deadlineMs: leftMs });
  assert.equal(await second.metric("dr_syncer_leader"), 1);
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  const written = await second.metric("dr_syncer_writes_total");
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, "by-the-second"));
  await scene.until(scene.dr, "configmap", "by-the-second", NAMESPACE);
  assert.ok(await second.metric("dr_syncer_writes_total") > written, "the second has written it");
  await waitFor("a hint at the second", async () => {
    await client.apply(CONFIG_MAPS, configMap(NAMESPACE, "probe", { at: crypto.randomUUID() }), {
      fieldManager: "a-user",
    });
    return await second.metric("dr_syncer_hints_total", { outcome: "confirmed" }) > 0;
  }, { deadlineMs: 20_000, pollMs: 500 });
}

async function staysQuiet({ scene, client, first, second }: Replicas): Promise<void> {
  const url = await hookUrl(scene);
  const audited = auditLines(first);
  first.signal("SIGCONT");
  await waitFor("the first to give up", () => first.lines.some((line) => line.message === "leading no more"), {
    deadlineMs: 20_000,
  });
  assert.equal(await first.metric("dr_syncer_leader"), 0);
  await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name: "frozen-0" });
  for (let turn = 0; turn < 10; turn++) await client.create(CONFIG_MAPS, configMap(NAMESPACE, `later-${turn}`));
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  assert.deepEqual(auditLines(first), audited, "the first has written nothing in DR since");
  assert.equal(await hookUrl(scene), url, "the hook stays where it is");
  assert.equal(await second.metric("dr_syncer_leader"), 1);
}

async function nothingIsBlocked({ scene, client, first, second }: Replicas): Promise<void> {
  const url = await hookUrl(scene);
  assert.equal((await first.stop()).code, 0);
  assert.equal(await hookUrl(scene), url, "one that does not lead takes nothing along");
  assert.equal((await second.stop()).code, 0);
  const { stdout } = await scene.source.kubectl(["get", "validatingwebhookconfigurations", "-o", "name"]);
  assert.equal(stdout, "", "no configuration is left");
  assert.ok(await slowestCreate(client, "unserved") < MOST_ADDED_MS, "a create waits for nobody");
  await scene.replicate("garden");
}

/** URL that API servers call for each write in the namespace. */
async function hookUrl(scene: Scene): Promise<string | undefined> {
  const found = await scene.get(scene.source, "validatingwebhookconfiguration", OBSERVE);
  return found?.webhooks[0].clientConfig.url;
}

async function slowestCreate(client: KubeClient, prefix: string): Promise<number> {
  let slowestMs = 0;
  for (let turn = 0; turn < 5; turn++) {
    const startedMs = performance.now();
    await client.create(CONFIG_MAPS, configMap(NAMESPACE, `${prefix}-${turn}`));
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return slowestMs;
}

function auditLines(controller: ControllerProcess): readonly string[] {
  return controller.rawLines.filter((line) => line.includes('"logger":"dr-syncer.audit"'));
}
