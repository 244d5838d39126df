/**
 * One Replication has very much to do at a DR cluster, slowly: changes of another one do not wait for it, nor do changes of its own
 * wait for what a first sync found.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { untilEqual } from "../e2e/compare.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const CROWD = "crowd";
const QUIET = "quiet";
/** Each of these takes this long to write: all of them together much longer than the test looks on. */
const SLOW_OBJECTS = 200;
const SLOW_WRITE_MS = 6_000;
/** A change is in DR by then. */
const BOUND_MS = 2_000;

interface Crowded extends ApiScene {
  readonly source: KubeClient;
  readonly dr: KubeClient;
}

Deno.test("much to do for one Replication", async (t) => {
  await using through = await startApiScene("dr");
  const { scene } = through;
  const [source, dr] = [connect(scene.source.kubeconfig), connect(scene.dr.kubeconfig)];
  const crowded: Crowded = { ...through, source, dr };
  try {
    await scene.replicate(QUIET);
    await scene.condition(QUIET, "Synced", "True");
    await t.step("its changes do not hold up those of another", () => changesOfOthers(crowded));
    await t.step("what a first sync found does not hold up its changes", () => changesOfItsOwn(crowded));
  } finally {
    source.close();
    dr.close();
  }
});

async function changesOfOthers(crowded: Crowded): Promise<void> {
  const { scene } = crowded;
  await scene.replicate(CROWD);
  await scene.condition(CROWD, "Synced", "True");
  const before = crowded.proxy.met;
  const release = slowDown(crowded);
  await createSlow(crowded);
  await untilBusy(crowded, before);
  const slowestMs = await slowestOf(crowded, QUIET, 20);
  assert.ok(slowestMs < BOUND_MS, `a change of another namespace took ${Math.round(slowestMs)} ms`);
  release();
  await untilEqual(scene.source, scene.dr, CROWD, 60_000);
}

/** The same objects, found by the first sync of another Replication. */
async function changesOfItsOwn(crowded: Crowded): Promise<void> {
  const { scene } = crowded;
  const before = crowded.proxy.met;
  const release = slowDown(crowded);
  await scene.replicate(CROWD, { destinationNamespace: `${CROWD}-again` }, "again");
  await untilBusy(crowded, before);
  const slowestMs = await slowestOf(crowded, CROWD, 5, `${CROWD}-again`);
  assert.ok(slowestMs < BOUND_MS, `a change beside a first sync took ${Math.round(slowestMs)} ms`);
  release();
  await scene.condition("again", "Synced", "True", undefined, 60_000);
}

function slowDown({ proxy }: Crowded): () => void {
  return proxy.inject(({ creates }) =>
    creates?.startsWith("slow-") ? { do: "delay", delayMs: SLOW_WRITE_MS } : undefined
  );
}

async function createSlow({ source }: Crowded): Promise<void> {
  const names = Array.from({ length: SLOW_OBJECTS }, (_, index) => `slow-${index}`);
  await Promise.all(names.map((name) => source.create(CONFIG_MAPS, configMap(CROWD, name))));
}

/** As many writes are under way as may be. */
async function untilBusy({ proxy }: Crowded, before: number): Promise<void> {
  await waitFor("slow writes under way", () => proxy.met >= before + 16, { deadlineMs: 20_000 });
}

async function slowestOf(crowded: Crowded, namespace: string, changes: number, into = namespace): Promise<number> {
  let slowestMs = 0;
  for (let turn = 0; turn < changes; turn++) {
    const name = `quick-${crypto.randomUUID().slice(0, 8)}`;
    const startedMs = performance.now();
    await crowded.source.create(CONFIG_MAPS, configMap(namespace, name));
    await waitFor(`${into}/${name} in DR`, () => crowded.dr.get(CONFIG_MAPS, { namespace: into, name }), {
      deadlineMs: 30_000,
      pollMs: 10,
    });
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return slowestMs;
}
