/**
 * What somebody in DR changed of a copy, and what only looks like it: put right, or given in to when nobody agrees.
 *
 * @module
 */
import assert from "node:assert/strict";
import { configMaps } from "./api.ts";
import { deployment, status } from "./refusals.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import type { Printed, Scene } from "./scene.ts";

const MANAGED_BY = "dr-syncer.io/managed-by";
const ORPHANED_AT = "dr-syncer.io/orphaned-at";
const DEADLINE_MS = 60_000;

Deno.test("what is changed in DR, and what only looks like it", async (t) => {
  await using safety = await startSafetyScene();
  const { scene } = safety;
  await scene.apply([storageClass("first"), storageClass("second")], scene.dr);
  await together(t, {
    "Adopt: what cannot change in an object that exists is kept, and told": () => adoptedAsItIs(safety),
    "driftPolicy Report: a claim that may grow at last is no edit": () => grown(safety),
    "an orphan whose source is back is not written beyond that": () => orphanIsBack(safety),
    "a port renumbered, and items added, by hand are put right": () => itemsPutRight(safety),
    "driftPolicy Report: a port renumbered by hand is told, and gives way to a change of the source": () =>
      itemsLeft(safety),
    "who takes our label off again and again is given in to": () => stripped(safety),
    "who writes another value again and again is given in to": () => neverTheSame(safety),
    "who puts an old copy back again and again is given in to": () => putBack(safety),
  });
});

function storageClass(name: string): object {
  const apiVersion = "storage.k8s.io/v1";
  return { apiVersion, kind: "StorageClass", metadata: { name }, provisioner: "x.y/none", allowVolumeExpansion: true };
}

function claim(namespace: string, spec: object, metadata: object = {}): object {
  const resources = { requests: { storage: "1Gi" } };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace, ...metadata },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: "first", resources, ...spec },
  };
}

function service(namespace: string, ports: object[], more: object = {}): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace }, spec: { ports, ...more } };
}

async function adoptedAsItIs(safety: SafetyScene): Promise<void> {
  const name = "fixed";
  const { scene } = safety;
  const set = (storageClassName: string, image: string) => {
    const object = deployment(name, "db", {}, { image }) as Printed;
    const spec = { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "1Gi" } } };
    const volumeClaimTemplates = [{ metadata: { name: "data" }, spec }];
    return { ...object, kind: "StatefulSet", spec: { ...object.spec, serviceName: "db", volumeClaimTemplates } };
  };
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], scene.dr);
  const headless = service(name, [{ port: 80 }], { clusterIP: "None" });
  await scene.apply([claim(name, {}), set("first", "old"), headless], scene.dr);
  const theirs = await scene.get(scene.dr, "service", "web", name);
  await scene.replicate(name, { conflictPolicy: "Adopt" });
  const wanted = claim(name, { storageClassName: "second", accessModes: ["ReadWriteMany"] });
  await scene.apply([wanted, set("second", "new"), service(name, [{ port: 80 }])]);
  const isOurs = ({ metadata }: Printed) => metadata.labels?.[MANAGED_BY];
  const { spec } = await scene.until(scene.dr, "pvc", "data", name, isOurs, DEADLINE_MS);
  assert.deepEqual([spec.storageClassName, spec.accessModes], ["first", ["ReadWriteOnce"]]);
  const copy = await scene.until(scene.dr, "statefulset", "db", name, isOurs, DEADLINE_MS);
  assert.equal(copy.spec.volumeClaimTemplates[0].spec.storageClassName, "first");
  assert.equal(copy.spec.template.spec.containers[0].image, "new");
  const { reports, failures } = await status(
    scene,
    name,
    ({ syncStats, reports }) => syncStats.successfulSyncs === 2 && syncStats.conflicts === 1 && reports?.length === 2,
  );
  assert.deepEqual(reports.map(({ reason }: Printed) => reason), ["KeptInDR", "KeptInDR"]);
  assert.deepEqual(failures.map(({ class: one }: Printed) => one), ["Conflict"]);
  assert.match(failures[0].message, /not ours.*keeps its spec\.clusterIP for life/);
  assert.deepEqual(await scene.get(scene.dr, "service", "web", name), theirs);
}

async function grown(safety: SafetyScene): Promise<void> {
  const name = "grown";
  const { scene } = safety;
  await scene.replicate(name, { driftPolicy: "Report" });
  await scene.apply([claim(name, {})]);
  await scene.until(scene.dr, "pvc", "data", name, undefined, DEADLINE_MS);
  await scene.source.kubectl(["patch", "pvc", "data", "-n", name, "--type=merge", "-p", NO_FINALIZERS]);
  const larger = claim(name, { resources: { requests: { storage: "3Gi" } } });
  await scene.source.kubectl(["replace", "--force", "-f", "-"], { stdin: JSON.stringify(larger) });
  const said = (status: Printed, words: RegExp) => status.reports?.some(({ message }: Printed) => words.test(message));
  await status(scene, name, (status) => said(status, /cannot grow before/));
  // What a volume controller would note.
  const bound = { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
  const args = ["patch", "pvc", "data", "-n", name, "--subresource=status", "--type=merge", "-p"];
  await scene.dr.kubectl([...args, JSON.stringify({ status: bound })]);
  const requested = ({ spec }: Printed) => spec.resources.requests.storage === "3Gi";
  await scene.until(scene.dr, "pvc", "data", name, requested, DEADLINE_MS);
  await status(
    scene,
    name,
    ({ syncStats, reports }) => syncStats.successfulSyncs === 1 && (reports ?? []).length === 0,
  );
}

const NO_FINALIZERS = '{"metadata":{"finalizers":null}}';

async function orphanIsBack(safety: SafetyScene): Promise<void> {
  const name = "orphan";
  const { scene } = safety;
  await safety.mirror(name, ["a"], { deletion: { grace: "0s", budget: { count: 9, percent: 100, window: "1m" } } });
  await scene.apply([claim(name, {})]);
  await scene.until(scene.dr, "pvc", "data", name, undefined, DEADLINE_MS);
  const isOrphan = ({ metadata }: Printed) => metadata.annotations[ORPHANED_AT] !== undefined;
  await scene.source.kubectl(["label", "pvc", "data", "-n", name, "dr-syncer.io/ignore=true"]);
  await scene.until(scene.dr, "pvc", "data", name, isOrphan, DEADLINE_MS);
  await scene.source.kubectl(["label", "pvc", "data", "-n", name, "dr-syncer.io/ignore-"]);
  await scene.until(scene.dr, "pvc", "data", name, (object) => !isOrphan(object), DEADLINE_MS);
  await safety.mark(name, "marker");
  await status(scene, name, ({ syncStats }) => syncStats.successfulSyncs === 3);
  assert.deepEqual(operations(scene, name, "data"), ["create", "orphan"]);
}

async function itemsPutRight(safety: SafetyScene): Promise<void> {
  const name = "items";
  const { scene } = safety;
  await scene.replicate(name);
  const env = [{ name: "A", value: "1" }];
  await scene.apply([service(name, [{ name: "http", port: 80 }]), deployment(name, "web", {}, { env })]);
  await scene.until(scene.dr, "service", "web", name, undefined, DEADLINE_MS);
  await scene.until(scene.dr, "deployment", "web", name, undefined, DEADLINE_MS);
  await renumber(scene, name);
  const more = { op: "add", path: "/spec/template/spec/containers/0/env/-", value: { name: "B", value: "2" } };
  const other = { op: "add", path: "/spec/template/spec/containers/-", value: { name: "other", image: "other" } };
  await patch(scene, name, "deployment", [more, other]);
  await scene.until(scene.dr, "service", "web", name, ({ spec }) => portsOf(spec).join() === "80", DEADLINE_MS);
  const isRight = ({ spec: { template: { spec } } }: Printed) =>
    spec.containers.length === 1 && spec.containers[0].env.length === 1;
  await scene.until(scene.dr, "deployment", "web", name, isRight, DEADLINE_MS);
  const { failures, reports } = await status(scene, name, ({ syncStats }) => syncStats.successfulSyncs === 2);
  assert.deepEqual([failures, reports ?? []], [[], []]);
}

async function itemsLeft(safety: SafetyScene): Promise<void> {
  const name = "items-left";
  const { scene } = safety;
  await scene.replicate(name, { driftPolicy: "Report" });
  await scene.apply([service(name, [{ name: "http", port: 80 }])]);
  await scene.until(scene.dr, "service", "web", name, undefined, DEADLINE_MS);
  await renumber(scene, name);
  const edited = await scene.get(scene.dr, "service", "web", name);
  const { failures } = await status(scene, name, ({ syncStats }) => syncStats.drifted === 1);
  assert.deepEqual(failures, []);
  assert.deepEqual(await scene.get(scene.dr, "service", "web", name), edited);
  await scene.apply([service(name, [{ name: "http", port: 80 }], { selector: { app: "web" } })]);
  const { spec } = await scene.until(scene.dr, "service", "web", name, ({ spec }) => spec.selector, DEADLINE_MS);
  assert.deepEqual(portsOf(spec), [80]);
  await status(scene, name, ({ syncStats }) => syncStats.drifted === 0 && syncStats.successfulSyncs === 1);
}

async function renumber(scene: Scene, namespace: string): Promise<void> {
  await patch(scene, namespace, "service", [{ op: "replace", path: "/spec/ports/0/port", value: 81 }]);
}

async function patch(scene: Scene, namespace: string, kind: string, steps: object[]): Promise<void> {
  await scene.dr.kubectl(["patch", kind, "web", "-n", namespace, "--type=json", "-p", JSON.stringify(steps)]);
}

function portsOf(spec: Printed): number[] {
  return spec.ports.map(({ port }: Printed) => port);
}

async function stripped(safety: SafetyScene): Promise<void> {
  const name = "stripped";
  await safety.mirror(name, ["a"], { conflictPolicy: "Adopt" });
  const isOurs = ({ metadata }: Printed) => metadata.labels?.[MANAGED_BY] !== undefined;
  const strip = () => safety.scene.dr.kubectl(["label", "configmap", "a", "-n", name, `${MANAGED_BY}-`]);
  for (let round = 0; round < 5; round++) {
    await strip();
    await safety.dr.until("configmaps", name, "a", isOurs, DEADLINE_MS);
  }
  await strip();
  await givenIn(safety, name, /changes metadata\.labels/);
  assert.equal(isOurs(await safety.dr.get("configmaps", name, "a")), false);
}

async function neverTheSame(safety: SafetyScene): Promise<void> {
  const name = "never-same";
  await safety.mirror(name, ["a"]);
  const edit = async (value: string) => {
    const body = JSON.stringify({ data: { name: value } });
    await safety.scene.dr.kubectl(["patch", "configmap", "a", "-n", name, "--type=merge", "-p", body]);
  };
  for (let round = 0; round < 10; round++) {
    await edit(`theirs-${round}`);
    await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "a", DEADLINE_MS);
  }
  await edit("theirs");
  await givenIn(safety, name, /^field manager kubectl-patch in the DR cluster changes data\.name/);
  assert.equal((await safety.dr.get("configmaps", name, "a"))?.data.name, "theirs");
  // What the source says then counts again.
  await safety.scene.apply(configMaps(name, ["a"], { name: "new" }));
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "new", DEADLINE_MS);
  await status(safety.scene, name, ({ reports }) => (reports ?? []).length === 0);
}

async function putBack(safety: SafetyScene): Promise<void> {
  const name = "put-back";
  const { scene } = safety;
  await safety.mirror(name, ["a"]);
  const { metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...old } = await safety.dr.get(
    "configmaps",
    name,
    "a",
  );
  const stdin = JSON.stringify({ ...old, metadata });
  await scene.apply(configMaps(name, ["a"], { name: "new" }));
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "new", DEADLINE_MS);
  for (let round = 0; round < 5; round++) {
    await scene.dr.kubectl(["replace", "-f", "-"], { stdin });
    await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "new", DEADLINE_MS);
  }
  await scene.dr.kubectl(["replace", "-f", "-"], { stdin });
  await givenIn(safety, name, /^field manager kubectl-replace in the DR cluster changes/);
  assert.equal((await safety.dr.get("configmaps", name, "a"))?.data.name, "a");
}

async function givenIn({ scene }: SafetyScene, name: string, words: RegExp): Promise<void> {
  const find = ({ reports }: Printed) => reports?.find(({ reason }: Printed) => reason === "OwnedByDR");
  const { message } = find(await status(scene, name, find));
  assert.match(message, words);
  assert.match(message, /back each time it is put right/);
}

/** What the audit log says was done to a copy. */
function operations(scene: Scene, namespace: string, name: string): unknown[] {
  return scene.controller.lines.map(({ properties }) => properties).filter((line) =>
    line.namespace === namespace && line.name === name && line.operation !== undefined
  ).map(({ operation }) => operation);
}
