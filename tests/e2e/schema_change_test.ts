/**
 * What a source's schema changes, objects show at once to whoever reads them; to a watch that was open before, only later.
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAME = "schemas";
const CRD = "widgets.example.com";
const DEADLINE_MS = 60_000;
const ROUNDS = 5;

const TEXT = { type: "string" };

function definition(fields: Record<string, object>): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: CRD },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets" },
      versions: [{
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties: fields } } } },
      }],
    },
  };
}

function widget(name: string, spec: object): object {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, namespace: NAME }, spec };
}

const OWN_NAMES = Array.from({ length: ROUNDS }, (_, round) => `field${round}`);
const EVERYTHING = Object.fromEntries(["size", ...OWN_NAMES].map((name) => [name, TEXT]));

Deno.test("a definition changes in the source", async (t) => {
  await using safety = await startSafetyScene();
  const { scene } = safety;
  // DR knows every field from the beginning: what is missing there was lost on the way.
  await scene.apply([definition(EVERYTHING)], scene.dr);
  await scene.apply([definition({ size: TEXT })]);
  for (const cluster of [scene.source, scene.dr]) {
    await cluster.kubectl(["wait", "--for=condition=Established", `crd/${CRD}`]);
  }
  await scene.replicate(NAME, { crds: "Never" });
  await scene.apply([widget("written", { size: "1" }), widget("left", { size: "1" })]);
  for (const name of ["written", "left"]) await scene.until(scene.dr, "widget", name, NAME, undefined, DEADLINE_MS);
  await t.step("what is written the moment after arrives whole", () => writtenAtOnce(safety));
  await t.step("what nobody writes follows, too: a default", () => defaulted(safety));
  await t.step("and in a Scheduled Replication with its next pass", () => scheduled(safety));
});

async function writtenAtOnce({ scene }: SafetyScene): Promise<void> {
  const known: Record<string, object> = { size: TEXT };
  const spec: Record<string, string> = { size: "1" };
  for (const name of OWN_NAMES) {
    known[name] = TEXT;
    spec[name] = name;
    await scene.apply([definition(known)]);
    await applyWhole(scene, "written", spec);
  }
  const arrived = await scene.until(
    scene.dr,
    "widget",
    "written",
    NAME,
    (copy) => OWN_NAMES.every((name) => copy.spec[name] === name),
    DEADLINE_MS,
  );
  assert.deepEqual(arrived.spec, spec);
}

/** Once the source takes the new field: before, it refuses the whole object. */
async function applyWhole(scene: SafetyScene["scene"], name: string, spec: object): Promise<void> {
  await waitFor("the source to know the new field", async () => {
    await scene.apply([widget(name, spec)]);
    return true;
  }, { deadlineMs: DEADLINE_MS });
}

async function defaulted({ scene }: SafetyScene): Promise<void> {
  await scene.apply([definition({ ...EVERYTHING, field0: { ...TEXT, default: "given" } })]);
  await scene.until(scene.dr, "widget", "left", NAME, ({ spec }) => spec.field0 === "given", DEADLINE_MS);
  const { spec }: Printed = await scene.get(scene.dr, "widget", "written", NAME);
  assert.equal(spec.field0, "field0");
}

async function scheduled(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "by-schedule";
  await scene.replicate(name, { crds: "Never", replicationMode: "Manual" });
  await scene.apply([{ ...widget("left", { size: "1" }), metadata: { name: "left", namespace: name } }]);
  await safety.annotate(name, "dr-syncer.io/sync-now=one");
  const copy = await scene.until(scene.dr, "widget", "left", name, undefined, DEADLINE_MS);
  assert.equal(copy.spec.field1, undefined);
  const field0 = { ...TEXT, default: "given" };
  await scene.apply([definition({ ...EVERYTHING, field0, field1: { ...TEXT, default: "later" } })]);
  await scene.until(scene.source, "widget", "left", name, ({ spec }) => spec.field1 === "later", DEADLINE_MS);
  await safety.annotate(name, "dr-syncer.io/sync-now=two");
  await scene.until(scene.dr, "widget", "left", name, ({ spec }) => spec.field1 === "later", DEADLINE_MS);
}
