/**
 * Statuses are written all the time: nothing is judged again for them, and the admission server is told nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";

const NAMES = ["writes-a", "writes-b", "writes-c"];

/** What follows from a change of what verdicts depend on. */
interface Work {
  readonly judged: number;
  readonly posted: number;
}

Deno.test("statuses are written", async (t) => {
  await using safety = await startSafetyScene();
  for (const name of NAMES) await safety.mirror(name, ["a"]);
  await settle(safety, "before");
  await t.step("nothing is judged again, and the admission server is told nothing", () => writesOfStatuses(safety));
  await t.step("a changed spec is judged, with all others", () => changeOfSpec(safety));
});

async function writesOfStatuses(safety: SafetyScene): Promise<void> {
  const before = await workOf(safety);
  for (let round = 1; round <= 5; round++) {
    for (const name of NAMES) {
      await writeStatus(safety, "replications.dr-syncer.io", name, { lastSyncDuration: `${round}s` });
    }
    await writeStatus(safety, "remoteclusters.dr-syncer.io", "dr", { kubernetesVersion: `v1.${round}` });
  }
  await settle(safety, "after");
  assert.deepEqual(await workOf(safety), before);
}

async function changeOfSpec(safety: SafetyScene): Promise<void> {
  const before = await workOf(safety);
  const patch = JSON.stringify({ spec: { deletion: { grace: "31s" } } });
  const args = ["patch", "replications.dr-syncer.io", "writes-a", "-n", CONTROL, "--type=merge", "-p", patch];
  await safety.scene.source.kubectl(args);
  await settle(safety, "last");
  const after = await workOf(safety);
  assert.deepEqual(after, { judged: before.judged + NAMES.length, posted: before.posted + 1 });
}

/** All writes of before have been seen: they come in order, and each Replication has answered a later one. */
async function settle(safety: SafetyScene, value: string): Promise<void> {
  for (const name of NAMES) {
    await safety.annotate(name, `dr-syncer.io/sync-now=${value}`);
    await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === value);
  }
}

async function writeStatus(safety: SafetyScene, type: string, name: string, status: object): Promise<void> {
  const patch = JSON.stringify({ status });
  const args = ["patch", type, name, "-n", CONTROL, "--subresource=status", "--type=merge", "-p", patch];
  await safety.scene.source.kubectl(args);
}

async function workOf({ scene: { controller } }: SafetyScene): Promise<Work> {
  const judged = await controller.metric("dr_syncer_validations_total");
  const told = "what the admission server judges by has changed";
  return { judged, posted: controller.lines.filter(({ message }) => message === told).length };
}
