/**
 * What a source's schema changes, objects show at once to whoever reads them; to a watch that was open before, only later.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeObject, ResourceType } from "../../kube/types.ts";
import { DEFINITIONS } from "../../reconciler/builtin_types.ts";
import { customDefinition, schemaOf } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAME = "schemas";
const CRD = "widgets.example.com";
const DEADLINE_MS = 60_000;
const ROUNDS = 5;

const WIDGETS: ResourceType = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  resource: "widgets",
  singular: "widget",
  namespaced: true,
  verbs: [],
  shortNames: [],
  subresources: [],
};
const TEXT = { type: "string" };

function definition(fields: Record<string, object>, subresources?: Record<string, object>): KubeObject {
  return customDefinition({ kind: "Widget", schema: schemaOf(fields), subresources });
}

function widget(name: string, spec: object): KubeObject {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, namespace: NAME }, spec };
}

const OWN_NAMES = Array.from({ length: ROUNDS }, (_, round) => `field${round}`);
const EVERYTHING = {
  ...Object.fromEntries(["size", ...OWN_NAMES].map((name) => [name, TEXT])),
  count: { type: "integer" },
};

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
  await t.step("what has replicas from now on is taken down", () => scaled(safety));
  await t.step("and in a Scheduled Replication with its next pass", () => scheduled(safety));
});

/** Each round by itself: a later one may bring what an earlier one had lost. Not by kubectl, which may take as long as the window. */
async function writtenAtOnce({ scene }: SafetyScene): Promise<void> {
  const transport = createTransport(parseInlineKubeconfig(scene.source.kubeconfig));
  const client = createKubeClient(transport);
  const known: Record<string, object> = { size: TEXT };
  const spec: Record<string, string> = { size: "1" };
  const options = { fieldManager: "test", force: true };
  try {
    for (const name of OWN_NAMES) {
      known[name] = TEXT;
      spec[name] = name;
      await client.apply(DEFINITIONS, definition(known), options);
      // Before the source knows the field it refuses the whole object.
      await waitFor("the source to take the new field", async () => {
        return await client.apply(WIDGETS, widget("written", spec), options);
      }, { deadlineMs: DEADLINE_MS, pollMs: 5 });
      const arrived = (copy: Printed) => copy.spec[name] === name;
      const copy = await scene.until(scene.dr, "widget", "written", NAME, arrived, DEADLINE_MS);
      assert.deepEqual(copy.spec, spec);
    }
  } finally {
    transport.close();
  }
}

async function defaulted({ scene }: SafetyScene): Promise<void> {
  await scene.apply([definition({ ...EVERYTHING, field0: { ...TEXT, default: "given" } })]);
  await scene.until(scene.dr, "widget", "left", NAME, ({ spec }) => spec.field0 === "given", DEADLINE_MS);
  const { spec }: Printed = await scene.get(scene.dr, "widget", "written", NAME);
  assert.equal(spec.field0, "field0");
}

/** Once the source takes the object: before it knows all fields, it refuses it. */
async function applyWhole(scene: SafetyScene["scene"], name: string, spec: object): Promise<void> {
  await waitFor("the source to take every field", async () => {
    await scene.apply([widget(name, spec)]);
    return true;
  }, { deadlineMs: DEADLINE_MS });
}

async function scaled({ scene }: SafetyScene): Promise<void> {
  await scene.apply([definition(EVERYTHING)]);
  await applyWhole(scene, "running", { size: "1", count: 3 });
  await scene.until(scene.dr, "widget", "running", NAME, ({ spec }) => spec.count === 3, DEADLINE_MS);
  const scale = { specReplicasPath: ".spec.count", statusReplicasPath: ".status.count" };
  await scene.apply([definition(EVERYTHING, { scale })]);
  const { metadata } = await scene.until(
    scene.dr,
    "widget",
    "running",
    NAME,
    ({ spec }) => spec.count === 0,
    DEADLINE_MS,
  );
  assert.equal(metadata.annotations["dr-syncer.io/original-replicas"], "3");
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
