/**
 * Whatever rings, watch or hook or both, the standby ends up equal to its source.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runController, runScenario } from "./scenario.ts";
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
  await using _controller = await runController(scene, []);
  const patched = await runScenario(scene, { namespace: "both", deadlineMs: AT_ONCE_MS });
  assertFew(patched);
  assert.ok(await hints(scene, "confirmed") > 0, "the hook announced, the watch confirmed");
  assert.equal(await hints(scene, "stalled"), 0, "the watch missed nothing that was announced");
}

async function withHintsOnly(scene: Scene): Promise<void> {
  await using _controller = await runController(scene, ["--no-watch", "--resync-interval", "1"]);
  await runScenario(scene, { namespace: "hints-only", deadlineMs: ONE_RESYNC_MS });
  assert.ok(await hints(scene, "changed") > 0, "hints, not resyncs alone, found changes");
  assert.equal(await hints(scene, "confirmed"), 0, "no watch confirmed a hint");
}

async function withWatchOnly(scene: Scene): Promise<void> {
  await using _controller = await runController(scene, ["--no-observe"]);
  const patched = await runScenario(scene, { namespace: "watch-only", deadlineMs: AT_ONCE_MS });
  assertFew(patched);
  const { stdout } = await scene.source.kubectl(["get", OBSERVE_HOOK, "--ignore-not-found", "-o", "name"]);
  assert.equal(stdout, "", "there is no hook");
}

/** Three writes for a burst of 300 ms; one more for each 300 ms that a slow machine takes longer. */
function assertFew({ patchWrites, patchingMs }: { patchWrites: number; patchingMs: number }): void {
  const most = 3 + Math.floor(patchingMs / 300);
  const told = `20 patches within ${Math.round(patchingMs)} ms made ${patchWrites} writes in DR, not 1 to ${most}`;
  assert.ok(patchWrites >= 1 && patchWrites <= most, told);
}

function hints(scene: Scene, outcome: string): Promise<number> {
  return scene.controller.metric("dr_syncer_hints_total", { outcome });
}
