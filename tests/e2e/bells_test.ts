/**
 * Whatever rings, watch or hook or both, the standby ends up equal to its source.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runScenario } from "./scenario.ts";
import { type Scene, startScene } from "./scene.ts";

/** A change is in DR long before this when something announces it. */
const AT_ONCE_MS = 20_000;
/** One resync interval (a minute, the shortest there is), and the pass itself. */
const ONE_RESYNC_MS = 75_000;
const OBSERVE_HOOK = "validatingwebhookconfiguration/dr-syncer-observe";

Deno.test("the same scenario converges whatever bell rings", async (t) => {
  await using scene = await startScene({ controller: false, source: { controllerManager: true } });
  await t.step("watch and hook", () => withBoth(scene));
  await t.step("hints only, within one resync interval", () => withHintsOnly(scene));
  await t.step("watch only", () => withWatchOnly(scene));
});

async function withBoth(scene: Scene): Promise<void> {
  await scene.startController();
  const { patchWrites } = await runScenario(scene, { namespace: "both", deadlineMs: AT_ONCE_MS, onStep: (n, ms) => console.log(n, Math.round(ms)) });
  assert.ok(patchWrites >= 1 && patchWrites <= 3, `20 parallel patches made ${patchWrites} writes in DR`);
  assert.ok(await hints(scene, "confirmed") > 0, "the hook announced, the watch confirmed");
  assert.equal(await hints(scene, "stalled"), 0, "the watch missed nothing that was announced");
  await stop(scene);
}

async function withHintsOnly(scene: Scene): Promise<void> {
  await scene.startController(["--no-watch", "--resync-interval", "1"]);
  await runScenario(scene, { namespace: "hints-only", deadlineMs: ONE_RESYNC_MS, onStep: (n, ms) => console.log(n, Math.round(ms)) });
  assert.ok(await hints(scene, "changed") > 0, "hints, not resyncs alone, found changes");
  assert.equal(await hints(scene, "confirmed"), 0, "no watch confirmed a hint");
  await stop(scene);
}

async function withWatchOnly(scene: Scene): Promise<void> {
  await scene.startController(["--no-observe"]);
  const { patchWrites } = await runScenario(scene, { namespace: "watch-only", deadlineMs: AT_ONCE_MS, onStep: (n, ms) => console.log(n, Math.round(ms)) });
  assert.ok(patchWrites >= 1 && patchWrites <= 3, `20 parallel patches made ${patchWrites} writes in DR`);
  const { stdout } = await scene.source.kubectl(["get", OBSERVE_HOOK, "--ignore-not-found", "-o", "name"]);
  assert.equal(stdout, "", "there is no hook");
  await stop(scene);
}

function hints(scene: Scene, outcome: string): Promise<number> {
  return scene.controller.metric("dr_syncer_hints_total", { outcome });
}

async function stop(scene: Scene): Promise<void> {
  assert.equal((await scene.controller.stop()).code, 0, "the controller ends orderly");
}
