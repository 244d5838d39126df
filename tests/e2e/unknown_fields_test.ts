/**
 * A DR cluster that is older than the source, or has an older definition: what it does not know is left out, and only that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition, schemaOf } from "../custom_definition.ts";
import { requests } from "./requests.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { conditionOf, CONTROL } from "./api.ts";
import { failure, status } from "./refusals.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAMESPACE = "older";
const text = { type: "string" };
const OLD = { size: { type: "integer" }, parts: listOf({ name: text, count: text }) };
const NEW = { ...OLD, colour: text, parts: listOf({ name: text, count: text, shape: text, weight: text }) };

function listOf(properties: object): object {
  return { type: "array", items: { type: "object", properties } };
}

function definition(kind: string, properties: Record<string, object>): object {
  return customDefinition({ kind, schema: schemaOf(properties) });
}

function object(kind: string, name: string, spec: object): object {
  return { apiVersion: "example.com/v1", kind, metadata: { name, namespace: NAMESPACE }, spec };
}

/** How an apply with an unknown field is answered. */
const REFUSED = { verb: "APPLY", resource: "widgets", code: "500" };
const TAKEN = { verb: "APPLY", resource: "widgets", code: "200" };
const CREATED = { verb: "POST", resource: "widgets", code: "201" };
const WIDGET = { size: 1, colour: "red", parts: [{ name: "a", count: "4", shape: "round", weight: "1" }] };

Deno.test("what an older DR cluster does not know", async (t) => {
  await using safety = await startSafetyScene({ dr: { version: "1.30" }, controller: false });
  await begin(safety);
  await t.step("is left out, however many fields, and reported", () => leftOut(safety));
  await t.step("is not tried again while nothing changes, nor is the copy written", () => steady(safety));
  await t.step("does not hide an edit of the rest", () => edited(safety));
  await t.step("comes as soon as DR knows it", () => upgraded(safety));
  await t.step("is not left out where less would allow more", () => policy(safety));
  await t.step("and what DR drops by itself is written once, and told", () => normalised(safety));
  await t.step("nor is it taken for an edit after a restart", () => noDrift(safety));
});

async function begin(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  for (const [cluster, properties] of [[scene.source, NEW], [scene.dr, OLD]] as const) {
    await scene.apply([
      definition("Widget", properties),
      definition("GatePolicy", properties),
    ], cluster);
    await cluster.kubectl([
      "wait",
      "--for=condition=Established",
      "crd/widgets.example.com",
      "crd/gatepolicies.example.com",
    ]);
  }
  await published(scene.dr);
  await scene.startController();
  await scene.replicate(NAMESPACE);
  await safety.source.condition("replications", NAMESPACE, { type: "Synced", status: "True" });
}

/** Waits until a cluster tells the schemas: what becomes known of them later is a reason to try once more. */
async function published(cluster: Cluster): Promise<void> {
  await waitFor("the schemas", async () => {
    const args = ["get", "--raw", "/openapi/v3/apis/example.com/v1"];
    const { stdout } = await cluster.kubectl(args, { allowFailure: true });
    return ["Widget", "GatePolicy"].every((kind) => new RegExp(`"kind": ?"${kind}"`).test(stdout));
  }, { deadlineMs: 60_000 });
}

async function leftOut(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.apply([object("Widget", "wheel", WIDGET)]);
  const copy = await scene.until(scene.dr, "widget", "wheel", NAMESPACE);
  assert.deepEqual(copy.spec, { size: 1, parts: [{ name: "a", count: "4" }] });
  const report = await reportOn(safety, "wheel", "FieldUnknown");
  for (const field of [".spec.colour", ".spec.parts[0].shape", ".spec.parts[0].weight"]) {
    assert.ok(report.message.includes(field), report.message);
  }
  const synced = await status(scene, NAMESPACE, ({ syncStats }) => syncStats.successfulSyncs === 1);
  assert.deepEqual(synced.failures, []);
  assert.equal(conditionOf({ status: synced }, "Synced")?.status, "True");
}

async function steady(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await reviewed(scene.dr, 1);
  const before = await scene.get(scene.dr, "widget", "wheel", NAMESPACE);
  // By the time that another one is reviewed, the first would have been once more.
  await scene.apply([object("Widget", "hub", WIDGET)]);
  await reviewed(scene.dr, 2);
  for (const value of ["steady-1", "steady-2"]) {
    await safety.annotate(NAMESPACE, `dr-syncer.io/sync-now=${value}`);
    await safety.source.until("replications", CONTROL, NAMESPACE, ({ status }) => status.lastManualSync === value);
  }
  // Each is refused as a whole and created without, and refused and taken once more a while later.
  const outcomes = [{ verb: "POST", resource: "widgets", code: "400" }, CREATED, TAKEN];
  assert.deepEqual(await Promise.all(outcomes.map((labels) => requests(scene.dr, labels))), [2, 2, 2]);
  // An apply is told of the first unknown field of each map, in no order: of three in two maps in two or three answers.
  const refused = await requests(scene.dr, REFUSED);
  assert.ok(refused >= 4 && refused <= 6, `${refused} applies were refused`);
  assert.equal(await attemptsAt(scene.dr, "widgets"), 6 + refused);
  assert.deepEqual(await scene.get(scene.dr, "widget", "wheel", NAMESPACE), before);
  await scene.apply([object("Widget", "wheel", { ...WIDGET, size: 2 })]);
  const changed = await scene.until(scene.dr, "widget", "wheel", NAMESPACE, ({ spec }) => spec.size === 2);
  assert.deepEqual(changed.spec, { size: 2, parts: [{ name: "a", count: "4" }] });
  // The change, and its own review.
  await reviewed(scene.dr, 4);
}

/** Waits until DR has taken so many applies. */
async function reviewed(dr: Cluster, count: number): Promise<void> {
  const look = async () => await requests(dr, TAKEN) >= count;
  await waitFor(`${count} applies to be taken`, look, { deadlineMs: 60_000 });
}

async function edited(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const before = await requests(scene.dr, REFUSED);
  await scene.dr.kubectl(["patch", "widget", "wheel", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"size":7}}']);
  await scene.until(scene.dr, "widget", "wheel", NAMESPACE, ({ spec }) => spec.size === 2);
  assert.equal(await requests(scene.dr, REFUSED), before, "what is not known is known not to be");
}

async function upgraded(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.apply([definition("Widget", NEW)], scene.dr);
  const copy = await scene.until(scene.dr, "widget", "wheel", NAMESPACE, ({ spec }) => spec.colour === "red");
  assert.deepEqual(copy.spec, { ...WIDGET, size: 2 });
  await status(scene, NAMESPACE, ({ reports }) => reports.length === 0);
}

async function policy(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.apply([object("GatePolicy", "gate", WIDGET)]);
  const found = await failure(scene, NAMESPACE, "GatePolicy", "gate");
  assert.equal(found.class, "FieldUnknown");
  assert.match(found.message, /^\.spec\.\w+.*would allow or forbid something else.*upgrade the DR cluster/);
  assert.equal(await scene.get(scene.dr, "gatepolicy", "gate", NAMESPACE), undefined);
  await scene.apply([definition("GatePolicy", NEW)], scene.dr);
  assert.deepEqual((await scene.until(scene.dr, "gatepolicy", "gate", NAMESPACE)).spec, WIDGET);
  await status(scene, NAMESPACE, ({ failures }) => failures.length === 0);
}

/** 1.30 has the field in its schema, and clears it: its feature gate is off there. */
async function normalised(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const metadata = { name: "near", namespace: NAMESPACE };
  const spec = { ports: [{ port: 80 }], trafficDistribution: "PreferClose" };
  await scene.apply([{ apiVersion: "v1", kind: "Service", metadata, spec }]);
  const copy = await scene.until(scene.dr, "service", "near", NAMESPACE);
  assert.equal(copy.spec.trafficDistribution, undefined);
  assert.match((await reportOn(safety, "near", "Normalised")).message, /spec\.trafficDistribution/);
  const attempts = await attemptsAt(scene.dr, "services");
  await safety.annotate(NAMESPACE, "dr-syncer.io/sync-now=normalised");
  await safety.source.until("replications", CONTROL, NAMESPACE, ({ status }) => status.lastManualSync === "normalised");
  await scene.dr.kubectl(["label", "service", "near", "-n", NAMESPACE, "theirs=yes"]);
  await safety.mark(NAMESPACE, "marker");
  assert.equal(await attemptsAt(scene.dr, "services"), attempts);
  const patch = '{"spec":{"sessionAffinity":"ClientIP"}}';
  await scene.dr.kubectl(["patch", "service", "near", "-n", NAMESPACE, "--type=merge", "-p", patch]);
  await scene.until(scene.dr, "service", "near", NAMESPACE, ({ spec }) => spec.sessionAffinity === "None");
  assert.ok(await attemptsAt(scene.dr, "services") > attempts, "an edit is corrected all the same");
}

async function noDrift(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const before = await scene.get(scene.dr, "service", "near", NAMESPACE);
  // A changed spec begins anew, with nothing remembered.
  const patch = '{"spec":{"driftPolicy":"Report"}}';
  await scene.source.kubectl(["patch", "replication", NAMESPACE, "-n", CONTROL, "--type=merge", "-p", patch]);
  const { metadata } = await scene.get(scene.source, "replication", NAMESPACE, CONTROL);
  const synced = await safety.source.until(
    "replications",
    CONTROL,
    NAMESPACE,
    (object) =>
      object.status.observedGeneration === metadata.generation && object.status.reports.length > 0 &&
      conditionOf(object, "Synced")?.status === "True",
  );
  assert.deepEqual(synced.status.reports.map(({ reason }: Printed) => reason), ["Normalised"]);
  assert.deepEqual(await scene.get(scene.dr, "service", "near", NAMESPACE), before);
  await scene.dr.kubectl([
    "patch",
    "service",
    "near",
    "-n",
    NAMESPACE,
    "--type=merge",
    "-p",
    '{"spec":{"sessionAffinity":"ClientIP"}}',
  ]);
  assert.match((await reportOn(safety, "near", "Drifted")).message, /spec\.sessionAffinity/);
}

/** Creates and applies of a resource, refused ones included. */
async function attemptsAt(cluster: Cluster, resource: string): Promise<number> {
  return await requests(cluster, { verb: "POST", resource }) + await requests(cluster, { verb: "APPLY", resource });
}

async function reportOn({ scene }: SafetyScene, name: string, reason: string): Promise<Printed> {
  const find = ({ reports }: Printed) => reports?.find((one: Printed) => one.name === name && one.reason === reason);
  return find(await status(scene, NAMESPACE, find));
}
