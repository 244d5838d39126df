/**
 * Changes that no copy can take in place: told, or the copy is created anew; once, and only where that loses nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition, schemaOf } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { CONTROL } from "./api.ts";
import { CANARY, deployment, failure, map, status } from "./refusals.ts";
import { denied, overFull } from "./recreation_refusals.ts";
import { requests } from "./requests.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed, Scene } from "./scene.ts";

const MANAGED_BY = "dr-syncer.io/managed-by";
const HOLD = "example.com/hold";

Deno.test("changes that no copy can take in place", async (t) => {
  // The garbage collector lets go what a deleted custom resource leaves behind.
  await using safety = await startSafetyScene({ dr: { controllerManager: true } });
  const { scene } = safety;
  await scene.apply([definition(false)]);
  await scene.apply([definition(true)], scene.dr);
  await scene.replicate("told");
  await scene.replicate("anew", { immutableFieldPolicy: "Recreate" });
  for (const name of ["told", "anew"]) {
    await safety.source.condition("replications", name, { type: "Synced", status: "True" });
  }
  await t.step("Report: the copy stays as it is, and the failure says what to do", () => told(safety));
  await t.step("a source that was created anew has its copy created anew", () => sourceAnew(safety));
  await t.step("but for claims and custom resources", () => neverAnew(scene));
  await t.step("Recreate: the copy is created anew, once", () => anew(safety));
  await t.step("an object that is not ours is not created anew", () => notOurs(scene));
  await t.step("the old copy stays while a policy denies the new one", () => denied(scene));
  await t.step("the old copy stays while a quota is over-full", () => overFull(scene));
  await t.step("a copy that is held waits for its end", () => held(scene));
  await t.step("a crash between delete and create converges", () => crash(scene));
});

/** A kind whose shape cannot change in DR. */
function definition(strict: boolean): object {
  const rule = { rule: "self == oldSelf", message: "Value is immutable" };
  const shape = { type: "string", ...(strict ? { "x-kubernetes-validations": [rule] } : {}) };
  return customDefinition({ kind: "Widget", schema: schemaOf({ shape }) });
}

function widget(namespace: string, name: string, shape: string): object {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, namespace }, spec: { shape } };
}

async function told(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.apply([widget("told", "wheel", "round")]);
  const before = await scene.until(scene.dr, "widget", "wheel", "told");
  await scene.apply([widget("told", "wheel", "square")]);
  const found = await failure(scene, "told", "Widget", "wheel");
  assert.equal(found.class, "Immutable");
  assert.match(
    found.message,
    /spec\.shape.*immutableFieldPolicy is Report.*delete it in DR, or set immutableFieldPolicy/,
  );
  // Whose its fields are may have changed: the first apply over a copy begins with that, and no later one does.
  const after = await scene.get(scene.dr, "widget", "wheel", "told");
  assert.deepEqual(asItIs(after), asItIs(before));
  const refusals = () => requests(scene.dr, { verb: "APPLY", resource: "widgets", code: "422" });
  for (const value of ["again", "and again"]) {
    const sofar = await refusals();
    await safety.annotate("told", `dr-syncer.io/sync-now=${value}`);
    await safety.source.until("replications", CONTROL, "told", ({ status }) => status.lastManualSync === value);
    assert.ok(await refusals() > sofar, "it was tried again");
    const { metadata } = await scene.get(scene.dr, "widget", "wheel", "told");
    assert.equal(metadata.resourceVersion, after.metadata.resourceVersion, value);
  }
}

function asItIs({ metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...rest }: Printed): object {
  return { metadata, ...rest };
}

/** Kinds that cannot change in place, before and after; the API server keeps the address of a Service without a word. */
function pairs(namespace: string): Record<string, readonly [object, object]> {
  const metadata = (name: string) => ({ name, namespace });
  const v1 = (kind: string, name: string, content: object) => ({
    apiVersion: "v1",
    kind,
    metadata: metadata(name),
    ...content,
  });
  const service = (name: string, spec: object) => v1("Service", name, { spec: { ports: [{ port: 80 }], ...spec } });
  const binding = (role: string) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: metadata("binding"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
  });
  const job = (image: string) => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata("job"),
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image }] } } },
  });
  const selecting = (app: string) => {
    const object = deployment(namespace, "deployment") as Printed;
    object.spec.selector.matchLabels = object.spec.template.metadata.labels = { app };
    return object;
  };
  return {
    "deployment/deployment": [selecting("a"), selecting("b")],
    "job/job": [job("a"), job("b")],
    "rolebinding/binding": [binding("a"), binding("b")],
    "configmap/fixed": [
      v1("ConfigMap", "fixed", { immutable: true, data: { a: "1" } }),
      v1("ConfigMap", "fixed", { immutable: true, data: { a: "2" } }),
    ],
    "secret/fixed": [
      v1("Secret", "fixed", { immutable: true, stringData: { a: CANARY } }),
      v1("Secret", "fixed", { immutable: true, stringData: { a: `${CANARY}2` } }),
    ],
    "service/headless": [service("headless", {}), service("headless", { clusterIP: "None" })],
    "service/headed": [service("headed", { clusterIP: "None" }), service("headed", {})],
  };
}

async function sourceAnew(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const all = pairs("told");
  await scene.apply(Object.values(all).map(([before]) => before));
  const uids = new Map<string, string>();
  for (const target of Object.keys(all)) uids.set(target, (await copy(scene, target, "told")).metadata.uid);
  await scene.source.kubectl(["delete", "-n", "told", ...Object.keys(all)]);
  await scene.apply(Object.values(all).map(([, after]) => after));
  for (const target of Object.keys(all)) {
    const anew = await copy(scene, target, "told", ({ metadata }) => metadata.uid !== uids.get(target));
    assert.ok(anew.metadata.labels[MANAGED_BY], target);
  }
  const spec = async (name: string) => (await scene.get(scene.dr, "service", name, "told")).spec;
  assert.equal((await spec("headless")).clusterIP, "None");
  assert.notEqual((await spec("headed")).clusterIP, "None");
  const { syncStats, deletions } = await status(scene, "told", ({ failures }) => failures.length === 1);
  assert.deepEqual([syncStats.deleted, deletions.count], [0, 0], "a re-creation is no deletion");
  // That a Service keeps its address is seen by a look, before any apply.
  for (const target of Object.keys(all)) {
    madeAnewOnce(scene, "told", target, !target.startsWith("service/"));
  }
  assert.equal(scene.controller.rawLines.some((line) => line.includes(CANARY)), false);
}

async function neverAnew(scene: Scene): Promise<void> {
  const claim = (mode: string) => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "claim", namespace: "told" },
    spec: { accessModes: [mode], resources: { requests: { storage: "1Gi" } } },
  });
  await scene.apply([claim("ReadWriteOnce")]);
  const before = [await copy(scene, "pvc/claim", "told"), await copy(scene, "widget/wheel", "told")];
  // No controller takes the finalizer off.
  await scene.source.kubectl([
    "patch",
    "pvc",
    "claim",
    "-n",
    "told",
    "--type=merge",
    "-p",
    '{"metadata":{"finalizers":null}}',
  ]);
  await scene.source.kubectl(["delete", "-n", "told", "pvc/claim", "widget/wheel"]);
  await scene.apply([claim("ReadWriteMany"), widget("told", "wheel", "flat")]);
  // A claim keeps what cannot change, and takes the rest: that is a report, no failure.
  const kept = ({ reports }: Printed) =>
    reports.some(({ name, reason, message }: Printed) =>
      name === "claim" && reason === "KeptInDR" && /keeps spec\.accessModes/.test(message)
    );
  await status(scene, "told", kept);
  const told = ({ failures }: Printed) =>
    failures.some(({ name, message }: Printed) => name === "wheel" && /this is a custom resource/.test(message));
  await status(scene, "told", told);
  const after = [await copy(scene, "pvc/claim", "told"), await copy(scene, "widget/wheel", "told")];
  assert.deepEqual([after[0].metadata.uid, after[0].spec], [before[0].metadata.uid, before[0].spec]);
  assert.deepEqual(after[1], before[1]);
}

async function anew(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.apply([widget("anew", "wheel", "round")]);
  const { metadata: { uid } } = await copy(scene, "widget/wheel", "anew");
  const takes = await wasCreatedPlainly(scene, "widget/wheel", "anew");
  await scene.apply([widget("anew", "wheel", "square")]);
  const changed = await copy(scene, "widget/wheel", "anew", ({ spec }) => spec.shape === "square");
  assert.notEqual(changed.metadata.uid, uid);
  await safety.source.condition("replications", "anew", { type: "Synced", status: "True" });
  await safety.annotate("anew", "dr-syncer.io/sync-now=anew");
  await safety.source.until("replications", CONTROL, "anew", ({ status }) => status.lastManualSync === "anew");
  madeAnewOnce(scene, "anew", "widget/wheel", takes);
}

async function notOurs(scene: Scene): Promise<void> {
  await scene.apply([widget("anew", "taken", "round")], scene.dr);
  const before = await scene.get(scene.dr, "widget", "taken", "anew");
  await scene.apply([widget("anew", "taken", "square")]);
  assert.equal((await failure(scene, "anew", "Widget", "taken")).class, "Conflict");
  assert.deepEqual(await scene.get(scene.dr, "widget", "taken", "anew"), before);
}

async function held(scene: Scene): Promise<void> {
  const { metadata: { uid }, takes } = await hold(scene, "held");
  // Another change while it is held: another attempt, which does not delete again.
  const refused = () => requests(scene.dr, { verb: "APPLY", resource: "widgets", code: "422" });
  const before = await refused();
  await scene.apply([widget("anew", "held", "flat")]);
  await waitFor("another attempt", async () => await refused() > before, { deadlineMs: 20_000 });
  await scene.apply([map("anew", "marker")]);
  await scene.until(scene.dr, "configmap", "marker", "anew");
  await release(scene, "held");
  const back = await copy(scene, "widget/held", "anew", ({ metadata }) => metadata.uid !== uid);
  assert.equal(back.spec.shape, "flat");
  madeAnewOnce(scene, "anew", "widget/held", takes);
}

async function crash(scene: Scene): Promise<void> {
  const { metadata: { uid }, takes } = await hold(scene, "crash");
  await scene.controller.stop("SIGKILL");
  await release(scene, "crash");
  await scene.untilGone(scene.dr, "widget", "crash", "anew");
  await scene.startController();
  const back = await scene.until(scene.dr, "widget", "crash", "anew", () => true, 90_000);
  assert.notEqual(back.metadata.uid, uid);
  assert.equal(back.spec.shape, "square");
  await scene.condition("anew", "Synced", "False", "Failures");
  madeAnewOnce(scene, "anew", "widget/crash", takes);
}

/** A copy that is to be created anew, and that a finalizer of somebody else keeps from going; and whether its fields were taken over. */
async function hold(scene: Scene, name: string): Promise<Printed & { readonly takes: boolean }> {
  await scene.apply([widget("anew", name, "round")]);
  await copy(scene, `widget/${name}`, "anew");
  const takes = await wasCreatedPlainly(scene, `widget/${name}`, "anew");
  const patch = JSON.stringify({ metadata: { finalizers: [HOLD] } });
  await scene.dr.kubectl(["patch", "widget", name, "-n", "anew", "--type=merge", "-p", patch]);
  await scene.apply([widget("anew", name, "square")]);
  const going = ({ metadata }: Printed) => metadata.deletionTimestamp !== undefined;
  return { ...await copy(scene, `widget/${name}`, "anew", going), takes };
}

async function release(scene: Scene, name: string): Promise<void> {
  const patch = JSON.stringify({ metadata: { finalizers: null } });
  await scene.dr.kubectl(["patch", "widget", name, "-n", "anew", "--type=merge", "-p", patch]);
}

async function copy(
  scene: Scene,
  target: string,
  namespace: string,
  condition: (object: Printed) => unknown = () => true,
): Promise<Printed> {
  const [kind = "", name = ""] = target.split("/");
  return await scene.until(scene.dr, kind, name, namespace, condition, 40_000);
}

/** An apply over a plain create takes its fields over first, which is a write, too; one over an apply does not. */
function madeAnewOnce(scene: Scene, namespace: string, target: string, takes: boolean): void {
  const wanted = ["create", ...(takes ? ["take"] : []), "recreate", "create"];
  assert.deepEqual(operations(scene, namespace, target), wanted, target);
}

/** Whether a copy was created by a plain create: that of a custom resource is by an apply while its definition is young. */
async function wasCreatedPlainly(scene: Scene, target: string, namespace: string): Promise<boolean> {
  const { stdout } = await scene.dr.kubectl(["get", target, "-n", namespace, "-o", "json", "--show-managed-fields"]);
  const { managedFields } = JSON.parse(stdout).metadata;
  const ours = managedFields.find(({ manager }: Printed) => manager === "dr-syncer");
  return ours.operation === "Update";
}

/** What the audit log says was done to a copy, by every controller so far. */
function operations(scene: Scene, namespace: string, target: string): unknown[] {
  const [kind = "", name] = target.split("/");
  return scene.controllers.flatMap(({ lines }) => lines).map(({ properties }) => properties).filter((line) =>
    line.namespace === namespace && line.name === name && String(line.kind).startsWith(kind) &&
    line.operation !== undefined
  ).map(({ operation }) => operation);
}
