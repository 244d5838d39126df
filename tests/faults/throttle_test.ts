/**
 * A DR cluster that bears few writes at once and says 429 to the others: it is asked less, everything arrives, and it is asked more
 * again when it bears more.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "../e2e/compare.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { throttled } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const NAMESPACE = "shop";
/** Calls at once that the DR cluster bears. */
const BEARS = 5;
const OBJECTS = 400;
const RETRY_AFTER_S = 1;
/** Timers are exact to a millisecond or so. */
const EXACT_MS = 50;

Deno.test("a DR cluster that throttles", async (t) => {
  await using through = await startApiScene("dr");
  await through.scene.replicate(NAMESPACE);
  await through.scene.condition(NAMESPACE, "Synced", "True");
  assert.equal(await concurrency(through), 16);
  await t.step("is asked less, and misses nothing", () => askedLess(through));
  await t.step("is asked more again", () => askedMore(through));
});

async function askedLess(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const dueMs = new Map<string, number>();
  const early: string[] = [];
  const release = proxy.inject(({ creates, underWay }) => {
    if (creates === undefined || !creates.startsWith("one-")) return undefined;
    const nowMs = performance.now();
    if (nowMs < (dueMs.get(creates) ?? 0) - EXACT_MS) early.push(creates);
    if (underWay < BEARS) return undefined;
    dueMs.set(creates, nowMs + RETRY_AFTER_S * 1_000);
    return throttled(RETRY_AFTER_S);
  });
  await write(through, "one");
  await waitFor("fewer writes at once", async () => await concurrency(through) < 16, { deadlineMs: 20_000 });
  await untilEqual(scene.source, scene.dr, NAMESPACE, 90_000);
  // Each of the first writes met it, and after each pause a few.
  assert.ok(proxy.met > 0 && proxy.met < OBJECTS, `${proxy.met} of ${OBJECTS} writes were throttled`);
  assert.deepEqual(early, [], "each came again when it was allowed to, and not before");
  release();
  const failed = await scene.controller.metric("dr_syncer_writes_total", { class: "Throttled" });
  assert.equal(failed, 0, "a throttled write is no failure of an object");
}

async function askedMore(through: ApiScene): Promise<void> {
  let round = 0;
  await waitFor("as many writes at once as in the beginning", async () => {
    await write(through, `more-${round++}`);
    return await concurrency(through) >= 16;
  }, { deadlineMs: 60_000 });
  await untilEqual(through.scene.source, through.scene.dr, NAMESPACE, 60_000);
}

async function write({ scene }: ApiScene, prefix: string): Promise<void> {
  const client = connect(scene.source.kubeconfig);
  const names = Array.from({ length: OBJECTS }, (_, index) => `${prefix}-${index}`);
  await Promise.all(names.map((name) => client.create(CONFIG_MAPS, configMap(NAMESPACE, name))));
  client.close();
}

function concurrency({ scene }: ApiScene): Promise<number> {
  return scene.controller.metric("dr_syncer_target_concurrency", { cluster: "dr" });
}
