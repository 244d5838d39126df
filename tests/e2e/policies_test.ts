/**
 * Whose a copy is: objects in the way that may be adopted, edits that are let be, and owners in DR.
 *
 * @module
 */
import assert from "node:assert/strict";
import { conditionOf, configMaps, CONTROL } from "./api.ts";
import { deployment, failure, status } from "./refusals.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import type { Printed, Scene } from "./scene.ts";

const MANAGED_BY = "dr-syncer.io/managed-by";

Deno.test("whose a copy is", async (t) => {
  // Controllers in DR make a ServiceAccount `default` in every namespace.
  await using safety = await startSafetyScene({ dr: { controllerManager: true } });
  await together(t, {
    "Adopt: nobody's object becomes the copy, and keeps nothing of what it was": () => adopted(safety),
    "Adopt: what somebody manages stays byte for byte": () => notAdopted(safety),
    "driftPolicy Report: an edit stays and is told, until the source changes": () => drifted(safety),
    "a copy that an operator of DR owns is not written, nor deleted": () => owned(safety),
    "who never agrees is given in to": () => disputed(safety),
    "the ServiceAccount that DR makes itself takes what the source's has": () => defaultAccount(safety),
  });
  await t.step("driftPolicy Report: also after a restart", () => driftedStill(safety));
});

async function inDr({ scene }: SafetyScene, namespace: string, objects: readonly object[]): Promise<void> {
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }], scene.dr);
  const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  await scene.dr.kubectl(["create", "-f", "-"], { stdin });
}

function map(namespace: string, name: string, data: object, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...metadata }, data };
}

async function adopted(safety: SafetyScene): Promise<void> {
  const name = "adopt";
  const { scene } = safety;
  const service = (port: number, more: object) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: name },
    spec: { ports: [{ port }], ...more },
  });
  await inDr(safety, name, [
    map(name, "taken", { whose: "theirs", theirs: "1" }, {
      labels: { theirs: "1" },
      finalizers: ["example.com/stays"],
    }),
    service(80, { type: "NodePort", selector: { app: "theirs", old: "1" } }),
    deployment(name, "web", { hostNetwork: true }),
  ]);
  const { metadata: { uid } } = await safety.dr.get("configmaps", name, "taken");
  await scene.replicate(name, { conflictPolicy: "Adopt" });
  await scene.apply([
    map(name, "taken", { whose: "ours", goes: "1" }),
    service(81, { selector: { app: "ours" } }),
    deployment(name, "web"),
  ]);
  const copy = await safety.dr.until("configmaps", name, "taken", ({ data }) => data.whose === "ours");
  assert.deepEqual(copy.data, { whose: "ours", goes: "1" });
  assert.deepEqual(Object.keys(copy.metadata.labels), [MANAGED_BY]);
  assert.deepEqual([copy.metadata.uid, copy.metadata.finalizers], [uid, ["example.com/stays"]]);
  assert.deepEqual(copy.metadata.managedFields.map(({ manager }: Printed) => manager), ["dr-syncer"]);
  const { spec } = await scene.until(scene.dr, "service", "web", name, ({ spec }) => spec.selector.app === "ours");
  assert.deepEqual([spec.type, spec.ports.length, spec.ports[0].port], ["ClusterIP", 1, 81]);
  assert.deepEqual(spec.selector, { app: "ours" });
  const web = await scene.until(scene.dr, "deployment", "web", name, ({ metadata }) => metadata.labels?.[MANAGED_BY]);
  assert.deepEqual([web.spec.replicas, web.spec.template.spec.hostNetwork], [0, undefined]);
  // Check 13: what leaves the source leaves the copy.
  await scene.source.kubectl([
    "patch",
    "configmap",
    "taken",
    "-n",
    name,
    "--type=merge",
    "-p",
    '{"data":{"goes":null}}',
  ]);
  const less = await safety.dr.until("configmaps", name, "taken", ({ data }) => !("goes" in data));
  assert.deepEqual(less.data, { whose: "ours" });
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
  await safety.source.condition("replications", name, { type: "Conflict", status: "False" });
}

async function notAdopted(safety: SafetyScene): Promise<void> {
  const name = "adopt-not";
  const { scene } = safety;
  const other = deployment(name, "web") as Printed;
  other.spec.selector.matchLabels = other.spec.template.metadata.labels = { app: "other" };
  await inDr(safety, name, [map(name, "owner", {})]);
  const { metadata: { uid } } = await safety.dr.get("configmaps", name, "owner");
  const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid, controller: true }];
  const names = ["another", "part", "controlled"];
  await inDr(safety, name, [
    map(name, "another", { a: "1" }, { labels: { [MANAGED_BY]: "0123456789ab" } }),
    map(name, "part", { a: "1" }, { labels: { "dr-syncer.io/component": "agent" } }),
    map(name, "controlled", { a: "1" }, { ownerReferences }),
    { ...other, spec: { ...other.spec, paused: true } },
  ]);
  const get = ["get", "deployment", "web", "-n", name, "-o", "json", "--show-managed-fields"];
  const theirs = async () => [
    ...await Promise.all(names.map((one) => safety.dr.get("configmaps", name, one))),
    withoutStatus(JSON.parse((await scene.dr.kubectl(get)).stdout)),
  ];
  const before = await theirs();
  await scene.replicate(name, { conflictPolicy: "Adopt" });
  await scene.apply([...names.map((one) => map(name, one, { a: "2" })), deployment(name, "web")]);
  await status(scene, name, ({ syncStats }) => syncStats.conflicts === 3 && syncStats.failedSyncs === 1);
  assert.equal((await failure(scene, name, "Deployment", "web")).class, "Immutable");
  assert.deepEqual(await theirs(), before);
}

/** Its controllers in DR write the status whenever they like. */
function withoutStatus({ status: _status, metadata, ...object }: Printed): Printed {
  const { resourceVersion: _version, managedFields, annotations: _annotations, ...rest } = metadata;
  const managers = managedFields?.map(({ manager }: Printed) => manager).filter((one: string) =>
    one !== "kube-controller-manager"
  );
  return { ...object, metadata: { ...rest, managers } };
}

async function drifted(safety: SafetyScene): Promise<void> {
  const name = "drift";
  const { scene } = safety;
  await safety.mirror(name, ["a", "b"], { driftPolicy: "Report" });
  for (const one of ["a", "b"]) await edit(scene, name, one, { name: "edited" });
  const report = ({ reports }: Printed) => reports?.filter(({ reason }: Printed) => reason === "Drifted");
  const told = await status(scene, name, (status) => report(status).length === 2);
  assert.match(report(told)[0].message, /^data\.name was changed in the DR cluster/);
  assert.deepEqual([told.syncStats.drifted, told.syncStats.successfulSyncs, told.failures], [2, 0, []]);
  assert.equal(conditionOf({ status: told }, "Synced")?.reason, "Drifted");
  const before = await safety.dr.get("configmaps", name, "a");
  await safety.annotate(name, "dr-syncer.io/sync-now=drift");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "drift");
  assert.deepEqual(await safety.dr.get("configmaps", name, "a"), before);
  // Taken back by hand, and overtaken by the source.
  await edit(scene, name, "b", { name: "b" });
  await status(scene, name, ({ syncStats }) => syncStats.drifted === 1);
  await scene.apply(configMaps(name, ["a"], { name: "new" }));
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "new");
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
  await edit(scene, name, "b", { name: "edited" });
  await status(scene, name, ({ syncStats }) => syncStats.drifted === 1);
}

async function driftedStill(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const before = await safety.dr.get("configmaps", "drift", "b");
  assert.equal(before.data.name, "edited");
  await scene.controller.stop();
  await scene.startController();
  await safety.mark("drift", "marker");
  await status(scene, "drift", ({ syncStats }) => syncStats.drifted === 1 && syncStats.successfulSyncs === 2);
  assert.deepEqual(await safety.dr.get("configmaps", "drift", "b"), before);
}

async function owned(safety: SafetyScene): Promise<void> {
  const name = "owned";
  const { scene } = safety;
  await safety.mirror(name, ["a", "b"], {
    deletion: { grace: "0s", budget: { count: 9, percent: 100, window: "1m" } },
  });
  await inDr(safety, name, [map(name, "operator", {})]);
  const { metadata: { uid } } = await safety.dr.get("configmaps", name, "operator");
  const claim = { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "operator", uid, controller: true }] };
  for (const one of ["a", "b"]) await edit(scene, name, one, { name: "theirs" }, claim);
  const count = ({ reports }: Printed) => reports?.filter(({ reason }: Printed) => reason === "OwnedByDR").length;
  const told = await status(scene, name, (status) => count(status) === 2);
  assert.match(told.reports[0].message, /ConfigMap operator of the DR cluster owns it: it is not written/);
  const before = [await safety.dr.get("configmaps", name, "a"), await safety.dr.get("configmaps", name, "b")];
  await scene.apply(configMaps(name, ["a"], { name: "changed" }));
  await scene.source.kubectl(["delete", "configmap", "b", "-n", name]);
  await safety.mark(name, "marker");
  await safety.annotate(name, "dr-syncer.io/sync-now=owned");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "owned");
  assert.deepEqual(
    [await safety.dr.get("configmaps", name, "a"), await safety.dr.get("configmaps", name, "b")],
    before,
  );
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
  // Let go, it is ours again.
  await edit(scene, name, "a", {}, { ownerReferences: null });
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "changed");
  await status(scene, name, (status) => count(status) === 0);
}

async function disputed(safety: SafetyScene): Promise<void> {
  const name = "dispute";
  const { scene } = safety;
  await safety.mirror(name, ["a"]);
  for (let round = 0; round < 5; round++) {
    await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "a");
    await edit(scene, name, "a", { name: "never", round: String(round) });
  }
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "a");
  await edit(scene, name, "a", { name: "never" });
  const find = ({ reports }: Printed) => reports?.find(({ reason }: Printed) => reason === "OwnedByDR");
  const told = find(await status(scene, name, find));
  assert.match(told.message, /changes data\.name back each time/);
  const before = await safety.dr.get("configmaps", name, "a");
  await safety.mark(name, "marker");
  assert.deepEqual(await safety.dr.get("configmaps", name, "a"), before);
  await scene.apply(configMaps(name, ["a"], { name: "new" }));
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "new");
  await status(scene, name, (status) => find(status) === undefined);
}

async function defaultAccount(safety: SafetyScene): Promise<void> {
  const account = (namespace: string, imagePullSecrets: object[]) => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace },
    imagePullSecrets,
  });
  const { scene } = safety;
  for (const name of ["account", "account-taken"]) {
    await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], scene.dr);
    await safety.dr.until("serviceaccounts", name, "default");
  }
  await scene.apply([account("account-taken", [{ name: "theirs" }])], scene.dr);
  const theirs = await safety.dr.get("serviceaccounts", "account-taken", "default");
  for (const name of ["account", "account-taken"]) {
    await scene.replicate(name);
    await scene.apply([account(name, [{ name: "registry" }])]);
  }
  const copy = await safety.dr.until(
    "serviceaccounts",
    "account",
    "default",
    ({ metadata }) => metadata.labels?.[MANAGED_BY],
  );
  assert.deepEqual(copy.imagePullSecrets, [{ name: "registry" }]);
  await safety.source.condition("replications", "account", { type: "Synced", status: "True" });
  await safety.source.condition("replications", "account-taken", { type: "Conflict", status: "True" });
  assert.deepEqual(await safety.dr.get("serviceaccounts", "account-taken", "default"), theirs);
}

async function edit(scene: Scene, namespace: string, name: string, data: object, metadata: object = {}): Promise<void> {
  const patch = JSON.stringify({ metadata, data });
  await scene.dr.kubectl(["patch", "configmap", name, "-n", namespace, "--type=merge", "-p", patch]);
}
