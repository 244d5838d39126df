/**
 * Watches of the source that stay open and say nothing more, while every other call is answered: what they miss arrives all the same,
 * and they are opened anew.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import type { Printed } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap, connect, SECRETS } from "../e2e/webhook_scene.ts";
import { typeOf } from "../kube/connections.ts";
import { waitFor } from "../wait.ts";
import { type ApiCall, failing } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const NAMESPACE = "shop";
const SERVICE_ACCOUNTS = typeOf("ServiceAccount", "serviceaccounts");
const KINDS = ["configmaps", "secrets", "serviceaccounts"];
const DEADLINE_MS = 60_000;
/** A watch is given up after 100 s without a byte. */
const SILENCE_DEADLINE_MS = 240_000;
/** No resync comes in the time of this test. */
const FLAGS = ["--resync-interval", "60"];

Deno.test("half-open watches of the source, with hints", async (t) => {
  await using through = await startApiScene("source", { flags: FLAGS });
  await begin(through);
  await untilHinted(through);
  await t.step("what a hint announced is read, and the watch opened anew", () => hinted(through));
  await t.step("which then tells of changes again", () => toldAgain(through));
});

Deno.test("half-open watches of the source, without hints", async (t) => {
  await using through = await startApiScene("source", { flags: [...FLAGS, "--no-observe"] });
  await begin(through);
  const release = through.proxy.inject((call) => isList(call, "configmaps") ? unread : undefined);
  await t.step("a read finds what they missed, or their silence is noticed", () => unhinted(through));
  release();
});

const unread = failing(500, "InternalError");

/** A list by which somebody looks for changes; a watch that is opened anew asks for one object, to see the version. */
function isList({ method, path, query, watch }: ApiCall, kind: string): boolean {
  if (method !== "GET" || watch || query.get("limit") === "1") return false;
  return [`/api/v1/namespaces/${NAMESPACE}/${kind}`, `/api/v1/${kind}`].includes(path);
}

async function begin({ scene }: ApiScene): Promise<void> {
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY });
  await scene.apply(["changed", "missed"].map((name) => configMap(NAMESPACE, name, { value: "before" })));
  for (const name of ["gone", "stays"]) await scene.source.kubectl(["create", "serviceaccount", name, "-n", NAMESPACE]);
  await untilEqual(scene.source, scene.dr, NAMESPACE, DEADLINE_MS);
  await scene.condition(NAMESPACE, "Synced", "True");
  // A watch that never said a word is taken for that of an idle kind, and opened anew without alarm.
  await scene.apply([configMap(NAMESPACE, "changed", { value: "watched" })]);
  await untilEqual(scene.source, scene.dr, NAMESPACE, DEADLINE_MS);
}

/** The hook is served, and hints of each kind reach the controller. */
async function untilHinted({ scene }: ApiScene): Promise<void> {
  let turn = 0;
  await waitFor("hints that the watch confirms", async () => {
    await scene.apply([configMap(NAMESPACE, "changed", { value: String(turn++) })]);
    return await hints(scene, "confirmed") > 0;
  }, { deadlineMs: DEADLINE_MS, pollMs: 500 });
  await untilEqual(scene.source, scene.dr, NAMESPACE, DEADLINE_MS);
}

async function hinted({ scene, proxy }: ApiScene): Promise<void> {
  const before = await Promise.all(KINDS.map((kind) => reconnects(scene, kind)));
  const stalled = await hints(scene, "stalled");
  // Else the reads that look for changes nobody told of would find them, too.
  const release = proxy.inject((call) => KINDS.some((kind) => isList(call, kind)) ? unread : undefined);
  assert.ok(proxy.muteWatches() > KINDS.length, "the controller watches through the proxy");
  const client = connect(scene.source.kubeconfig);
  const body = { data: { value: "unwatched" } };
  await client.patch(CONFIG_MAPS, { namespace: NAMESPACE, name: "changed" }, { type: "merge", body });
  await client.create(SECRETS, { ...configMap(NAMESPACE, "fresh"), kind: "Secret" });
  await client.delete(SERVICE_ACCOUNTS, { namespace: NAMESPACE, name: "gone" });
  client.close();
  const changed = ({ data }: Printed) => data.value === "unwatched";
  await scene.until(scene.dr, "configmap", "changed", NAMESPACE, changed, DEADLINE_MS);
  await scene.until(scene.dr, "secret", "fresh", NAMESPACE, undefined, DEADLINE_MS);
  await waitFor("each hint to show that its watch is dead", async () => {
    return await hints(scene, "stalled") >= stalled + KINDS.length;
  }, { deadlineMs: DEADLINE_MS });
  // No delete before the whole kind was compared.
  assert.ok(await scene.get(scene.dr, "serviceaccount", "gone", NAMESPACE));
  release();
  await untilEqual(scene.source, scene.dr, NAMESPACE, DEADLINE_MS);
  for (const [index, kind] of KINDS.entries()) {
    await waitFor(`the watch of ${kind} opened anew`, async () => {
      return await reconnects(scene, kind) > (before[index] ?? 0);
    }, { deadlineMs: DEADLINE_MS });
  }
}

async function toldAgain({ scene }: ApiScene): Promise<void> {
  for (const [kind, name] of [["configmap", "changed"], ["secret", "fresh"], ["serviceaccount", "stays"]] as const) {
    const confirmed = await hints(scene, "confirmed");
    let turn = 0;
    await waitFor(`a hint that the watch of ${kind}s confirms`, async () => {
      await scene.source.kubectl(["label", kind, name, "-n", NAMESPACE, "--overwrite", `turn=${turn++}`]);
      return await hints(scene, "confirmed") > confirmed;
    }, { deadlineMs: DEADLINE_MS, pollMs: 500 });
  }
  await untilEqual(scene.source, scene.dr, NAMESPACE, DEADLINE_MS);
}

/** The kind that can be read is read; the other one is noticed by its silence. */
async function unhinted({ scene, proxy }: ApiScene): Promise<void> {
  const [before, stalled] = [await reconnects(scene, "configmaps"), await hints(scene, "stalled")];
  assert.ok(proxy.muteWatches() > KINDS.length, "the controller watches through the proxy");
  await scene.apply([configMap(NAMESPACE, "missed", { value: "after" })]);
  await scene.source.kubectl(["create", "secret", "generic", "found", "-n", NAMESPACE]);
  await scene.until(scene.dr, "secret", "found", NAMESPACE, undefined, SILENCE_DEADLINE_MS);
  assert.ok(await hints(scene, "stalled") > stalled, "a read found it, not the end of a silence");
  await untilEqual(scene.source, scene.dr, NAMESPACE, SILENCE_DEADLINE_MS);
  assert.ok(await reconnects(scene, "configmaps") > before, "the watch was opened anew");
}

function hints({ controller }: ApiScene["scene"], outcome: string): Promise<number> {
  return controller.metric("dr_syncer_hints_total", { outcome });
}

/** Of the watches of both clusters; nothing befalls those of DR. */
function reconnects({ controller }: ApiScene["scene"], kind: string): Promise<number> {
  return controller.metric("dr_syncer_watch_reconnects_total", { kind });
}
