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
/** Of timestamps and timers. */
const EXACT_MS = 5;
const OBSERVE_HOOK = "validatingwebhookconfiguration/dr-syncer-observe";

Deno.test("the same scenario converges whatever bell rings", async (t) => {
  await using scene = await startScene({ controller: false, source: { controllerManager: true } });
  await t.step("watch and hook", () => withBoth(scene));
  await t.step("hints only, within one resync interval", () => withHintsOnly(scene));
  await t.step("watch only", () => withWatchOnly(scene));
});

async function withBoth(scene: Scene): Promise<void> {
  await using _controller = await runController(scene, []);
  assertFew(await runScenario(scene, { namespace: "both", deadlineMs: AT_ONCE_MS }));
  assert.ok(await hints(scene, "confirmed") > 0, "the hook announced, the watch confirmed");
  assert.equal(await hints(scene, "stalled"), 0, "the watch missed nothing that was announced");
}

async function withHintsOnly(scene: Scene): Promise<void> {
  await using _controller = await runController(scene, ["--no-watch", "--resync-interval", "1"]);
  assertFew(await runScenario(scene, { namespace: "hints-only", deadlineMs: ONE_RESYNC_MS }));
  assert.ok(await hints(scene, "changed") > 0, "hints, not resyncs alone, found changes");
  assert.equal(await hints(scene, "confirmed"), 0, "no watch confirmed a hint");
}

async function withWatchOnly(scene: Scene): Promise<void> {
  await using _controller = await runController(scene, ["--no-observe"]);
  assertFew(await runScenario(scene, { namespace: "watch-only", deadlineMs: AT_ONCE_MS }));
  const { stdout } = await scene.source.kubectl(["get", OBSERVE_HOOK, "--ignore-not-found", "-o", "name"]);
  assert.equal(stdout, "", "there is no hook");
}

/**
 * Three writes for a burst: two at once (a first update is two), one 300 ms later. Patches that take longer are seen in more writes,
 * the next one 600 ms later, then one a second: writes are few when none comes before its time, however slow the machine is.
 */
function assertFew(atMs: readonly number[]): void {
  assert.ok(atMs.length > 0, "the patches were written");
  let count = 2;
  for (let index = 1; index < atMs.length; index++) {
    const quietMs = (atMs[index] ?? 0) - (atMs[index - 1] ?? 0);
    const leastMs = leastQuietMs(count);
    const times = `writes in DR after ${atMs.map((oneMs) => oneMs - (atMs[0] ?? 0)).join(", ")} ms`;
    assert.ok(quietMs >= leastMs - EXACT_MS, `${quietMs} ms without a write instead of ${leastMs}: ${times}`);
    // After about twice the time it is as if nothing had been.
    count = quietMs < 1.5 * Math.max(leastMs, 300) ? count + 1 : 1;
  }
}

/** How long no write may come after so many in a row. */
function leastQuietMs(count: number): number {
  return count < 2 ? 0 : Math.min(1_000, 300 * 2 ** (count - 2));
}

function hints(scene: Scene, outcome: string): Promise<number> {
  return scene.controller.metric("dr_syncer_hints_total", { outcome });
}
