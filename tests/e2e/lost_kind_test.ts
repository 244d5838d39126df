/**
 * A definition that is deleted at the source, and its objects with it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition, schemaOf } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { conditionOf, CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAME = "lost-kind";
const CRD = "widgets.example.com";
const FINALIZER = "example.com/wait";
const DEADLINE_MS = 90_000;

Deno.test("a kind that the source does not serve any more", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  await safety.scene.startController([], "one");
  await prepare(safety);
  await t.step("deletes that the watch tells of while it is served pass the guards", () => inTime(safety));
  await t.step("what cannot be judged any more stays, and is told with count and remedy", () => told(safety));
  await t.step("a process that never knew the kind tells it, too", () => toldAfterRestart(safety));
  await t.step("the kind is back: what is there again keeps its copy, the rest passes the guards", () => back(safety));
  await t.step("copies that a person deletes are not told any more", () => deletedByHand(safety));
});

async function prepare(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await establish(safety);
  await scene.replicate(NAME, { deletion: { grace: "5s" } });
  await scene.apply([...["a", "b", "c"].map((name) => widget(name)), ...["last-0", "last-1"].map(finalized)]);
  for (const name of ["a", "b", "c", "last-0", "last-1"]) await copy(safety, name);
  await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
  assert.equal((await degraded(safety)).status, "False");
}

/** Finalizers of two objects keep the definition, and with it watch and reads. */
async function inTime(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.source.kubectl(["delete", "crd", CRD, "--wait=false"]);
  for (const name of ["a", "b", "c"]) await scene.untilGone(scene.dr, CRD, name, NAME, DEADLINE_MS);
  const { status } = await safety.source.until(
    "replications",
    CONTROL,
    NAME,
    ({ status }) => status.syncStats.deleted === 3,
  );
  assert.equal(status.deletions.count, 3);
  assert.deepEqual(await copies(safety), ["last-0", "last-1"]);
}

async function told(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const patch = ["--type=merge", "-p", '{"metadata":{"finalizers":null}}'];
  await scene.source.kubectl(["patch", CRD, "last-0", "last-1", "-n", NAME, ...patch]);
  const { message } = conditionOf(await untilTold(safety), "Degraded");
  assert.match(message, /does not serve widgets\.example\.com any more: .*\(2\)/);
  assert.match(message, /kubectl delete widgets\.example\.com -n lost-kind -l dr-syncer\.io\/managed-by=[0-9a-f]{12}/);
  const { status } = await safety.source.until("replications", CONTROL, NAME, ({ status }) => !status.holds?.length);
  assert.equal(status.resourceStatus.find(({ kind }: Printed) => kind === "Widget"), undefined);
  await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
  assert.deepEqual(await copies(safety), ["last-0", "last-1"]);
}

async function toldAfterRestart(safety: SafetyScene): Promise<void> {
  await safety.scene.controller.stop();
  await safety.scene.startController([], "one");
  await safety.annotate(NAME, "dr-syncer.io/sync-now=after");
  await safety.source.until("replications", CONTROL, NAME, ({ status }) => status.lastManualSync === "after");
  await untilTold(safety);
  assert.deepEqual(await copies(safety), ["last-0", "last-1"]);
}

async function back(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const before = await copy(safety, "last-0");
  await establish(safety);
  await scene.apply([widget("last-0", { size: "2" })]);
  const after = await copy(safety, "last-0", ({ spec }) => spec?.size === "2");
  assert.equal(after.metadata.uid, before.metadata.uid);
  // The window counts the three that went before.
  const hold = await safety.hold(NAME, "Budget", 1);
  assert.deepEqual(hold.sample, [`${CRD}/last-1`]);
  await safety.source.condition("replications", NAME, { type: "Degraded", status: "False" });
  await safety.annotate(NAME, `dr-syncer.io/approve=${hold.id}`);
  await scene.untilGone(scene.dr, CRD, "last-1", NAME, DEADLINE_MS);
}

async function deletedByHand(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.source.kubectl(["delete", "crd", CRD, "--wait=false"]);
  await untilTold(safety);
  await scene.dr.kubectl(["delete", CRD, "-n", NAME, "-l", "dr-syncer.io/managed-by"]);
  await safety.source.condition("replications", NAME, { type: "Degraded", status: "False" });
}

async function untilTold(safety: SafetyScene): Promise<Printed> {
  const wanted = { type: "Degraded", status: "True" as const, reason: "SourceKindGone" };
  return await safety.source.condition("replications", NAME, wanted, DEADLINE_MS);
}

async function degraded(safety: SafetyScene): Promise<Printed> {
  return conditionOf(await safety.source.get("replications", CONTROL, NAME), "Degraded");
}

async function copy({ scene }: SafetyScene, name: string, isAsWanted?: (copy: Printed) => boolean): Promise<Printed> {
  return await scene.until(scene.dr, CRD, name, NAME, isAsWanted, DEADLINE_MS);
}

async function copies({ scene }: SafetyScene): Promise<string[]> {
  return (await scene.list(scene.dr, CRD, NAME)).map(({ metadata }) => metadata.name);
}

/** The definition, as soon as objects can be made: one of that name may still be going. */
async function establish({ scene }: SafetyScene): Promise<void> {
  const isThere = async () => {
    await scene.apply([definition()]);
    const { code } = await scene.source.kubectl(["get", CRD, "-A"], { allowFailure: true });
    return code === 0;
  };
  await waitFor("the definition", isThere, { deadlineMs: DEADLINE_MS, pollMs: 500 });
  await scene.source.kubectl(["wait", "--for=condition=Established", `crd/${CRD}`]);
}

function finalized(name: string): object {
  const object = widget(name) as Printed;
  return { ...object, metadata: { ...object.metadata, finalizers: [FINALIZER] } };
}

function widget(name: string, spec: object = { size: "1" }): object {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, namespace: NAME }, spec };
}

function definition(): object {
  return customDefinition({ kind: "Widget", schema: schemaOf({ size: { type: "string" } }) });
}
