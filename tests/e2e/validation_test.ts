import assert from "node:assert/strict";
import { customDefinition } from "../custom_definition.ts";
import { connectDr, installDr, installSource } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { conditionOf, configMaps, CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import { type Printed, replication } from "./scene.ts";

const TYPE = "replications.dr-syncer.io";

Deno.test("what can never be right is denied; what may yet appear warns and heals", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  const { scene } = safety;
  await scene.startController([], "one");
  // The source itself as a RemoteCluster, for cycles and ends that are the same.
  await connectDr(scene.source, "self", (await installDr(scene.source)).kubeconfig);
  await safety.source.condition("remoteclusters", "self", { type: "Reachable", status: "True" });
  await safety.mirror("val-held", ["a"]);
  await served(safety);
  await together(t, {
    "schedules": () => schedules(safety),
    "both ends the same, cycles, targets that overlap": () => ends(safety),
    "protected namespaces": () => protectedNamespaces(safety),
    "our kinds outside the control namespace": () => outsideControlNamespace(safety),
    "immutable fields": () => immutable(safety),
    "unknown fields, values out of range": () => schema(safety),
    "a RemoteCluster that does not exist yet": () => clusterLater(safety),
    "a Secret that does not exist yet": () => secretLater(safety),
    "a kind that does not exist yet": () => typeLater(safety),
  });
  await t.step("pausing and finalizer removal need no controller", () => controllerDown(safety));
  await t.step("a tenant may ask for its own namespace only", () => tenants(safety));
});

async function schedules(safety: SafetyScene): Promise<void> {
  const scheduled = (schedule: string, more: object = {}) =>
    denied(safety, "val-cron", { replicationMode: "Scheduled", schedule, ...more });
  says(await scheduled("61 * * * *"), 'spec.schedule: "61 * * * *"', "write 5 fields");
  says(await scheduled("0 2 * *"), 'spec.schedule: "0 2 * *"', "write 5 fields");
  says(await scheduled("0 0 30 2 *"), 'spec.schedule: "0 0 30 2 *"', "never fires");
  says(await scheduled("0 2 * * *", { timeZone: "Mars/Olympus" }), 'spec.timeZone: "Mars/Olympus"', "IANA name");
  const volumes = { pvc: { trigger: { schedule: "0 24 * * *" } } };
  says(await denied(safety, "val-cron", volumes), 'spec.pvc.trigger.schedule: "0 24 * * *"', "write 5 fields");
  says(await denied(safety, "val-cron", { schedule: "0 2 * * *" }), "spec.schedule", "replicationMode: Scheduled");
  says(await denied(safety, "val-cron", { replicationMode: "Scheduled" }), "spec.schedule: (empty)", "defaultSchedule");
  await accepted(safety, "val-cron", { replicationMode: "Scheduled", schedule: "0 2 * * MON-FRI" });
  const { code, stderr } = await patch(safety, "val-cron", { spec: { schedule: "0 0 31 4,6 *" } });
  assert.notEqual(code, 0);
  says(stderr, 'spec.schedule: "0 0 31 4,6 *"', "never fires");
}

async function ends(safety: SafetyScene): Promise<void> {
  const same = await denied(safety, "val-same", { destinationCluster: "self" });
  says(same, 'spec.destinationNamespace: "val-same"', "the same namespace of the same cluster", "name another");
  const overlapping = { sourceNamespace: "val-overlap", destinationNamespace: "val-held" };
  const taken = await denied(safety, "val-overlap", overlapping);
  says(taken, 'spec.destinationNamespace: "val-held"', "dr-syncer-system/val-held", "name another destination");
  const back = { sourceCluster: "dr", destinationCluster: "self", sourceNamespace: "val-held" };
  const cycle = await denied(safety, "val-cycle", back);
  says(cycle, 'spec.sourceNamespace: "val-held"', "dr-syncer-system/val-held", "delete one of these");
  await accepted(safety, "val-prod", { sourceNamespace: "val-held-prod", destinationNamespace: "val-held-prod" });
}

async function protectedNamespaces(safety: SafetyScene): Promise<void> {
  for (const sourceNamespace of ["kube-system", "openshift-monitoring", CONTROL]) {
    const stderr = await denied(safety, "val-source", { sourceNamespace });
    says(stderr, `spec.sourceNamespace: "${sourceNamespace}"`, "never mirrored", "name another namespace");
  }
  for (const destinationNamespace of ["kube-public", "openshift-logging", CONTROL]) {
    const stderr = await denied(safety, "val-destination", { destinationNamespace });
    says(stderr, `spec.destinationNamespace: "${destinationNamespace}"`, "never written");
  }
}

async function outsideControlNamespace(safety: SafetyScene): Promise<void> {
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "val-out" } }]);
  const object = inNamespace("val-out", "mine", { destinationCluster: "dr", sourceNamespace: "val-out" });
  const remote = { ...object, kind: "RemoteCluster", spec: { kubeconfigSecretRef: { name: "dr-kubeconfig" } } };
  for (const wanted of [object, remote]) {
    const { code, stderr } = await create(safety, wanted);
    assert.notEqual(code, 0);
    says(stderr, 'metadata.namespace: "val-out"', "only in the control namespace", `create it in namespace ${CONTROL}`);
  }
}

async function immutable(safety: SafetyScene): Promise<void> {
  await accepted(safety, "val-fixed", { destinationNamespace: "val-fixed-dr" });
  const changes = [
    { destinationCluster: "self" },
    { sourceNamespace: "val-other" },
    { destinationNamespace: "val-other" },
    { destinationNamespace: null },
    { sourceCluster: "dr" },
  ];
  for (const spec of changes) {
    const { code, stderr } = await patch(safety, "val-fixed", { spec });
    assert.notEqual(code, 0, JSON.stringify(spec));
    const [field] = Object.keys(spec);
    says(stderr, `spec.${field}`, `${field} is immutable`, "create another Replication");
  }
  assert.equal((await patch(safety, "val-fixed", { spec: { scaleToZero: false } })).code, 0);
}

async function schema(safety: SafetyScene): Promise<void> {
  says(await denied(safety, "val-schema", { scheduel: "0 2 * * *" }), "spec.scheduel");
  says(await denied(safety, "val-schema", { deletion: { budget: { percent: 101 } } }), "spec.deletion.budget.percent");
  says(await denied(safety, "val-schema", { deletion: { grace: "soon" } }), "spec.deletion.grace");
  says(await denied(safety, "val-schema", { replicationMode: "Sometimes" }), "spec.replicationMode", "Continuous");
}

async function clusterLater(safety: SafetyScene): Promise<void> {
  const name = "val-cluster";
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...configMaps(name, ["a"])]);
  const warning = await accepted(safety, name, { destinationCluster: "val-later" });
  says(warning, 'Warning: spec.destinationCluster: "val-later"', "no RemoteCluster of this name", "create it");
  const invalid = await safety.source.condition("replications", name, { type: "Valid", status: "False" });
  assert.equal(conditionOf(invalid, "Valid").reason, "ClusterMissing");
  await connectDr(safety.scene.source, "val-later", await drKubeconfig(safety));
  await safety.dr.until("configmaps", name, "a");
  await safety.source.condition("replications", name, { type: "Valid", status: "True" });
}

async function secretLater(safety: SafetyScene): Promise<void> {
  const name = "val-secret";
  const remote = {
    ...inNamespace(CONTROL, name, { kubeconfigSecretRef: { name: "val-secret-kubeconfig" } }),
    kind: "RemoteCluster",
  };
  const { code, stderr } = await create(safety, remote);
  assert.equal(code, 0, stderr);
  says(stderr, 'Warning: spec.kubeconfigSecretRef.name: "val-secret-kubeconfig"', "create it with the kubeconfig");
  const invalid = { type: "KubeconfigValid", status: "False" as const, reason: "SecretMissing" };
  await safety.source.condition("remoteclusters", name, invalid);
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...configMaps(name, ["a"])]);
  const warning = await waitFor("a warning of the unusable RemoteCluster", async () => {
    const object = replication("val-secret-warned", { destinationCluster: name, sourceNamespace: "val-nowhere" });
    const { stderr } = await create(safety, object, "--dry-run=server");
    return stderr.includes("cannot be used") && stderr;
  }, { deadlineMs: 10_000, pollMs: 200 });
  says(warning, `Warning: spec.destinationCluster: "${name}"`, "correct Secret val-secret-kubeconfig");
  await accepted(safety, name, { destinationCluster: name });
  const reason = "KubeconfigInvalid";
  await safety.source.condition("replications", name, { type: "Valid", status: "False", reason });
  await connectDr(safety.scene.source, name, await drKubeconfig(safety));
  await safety.dr.until("configmaps", name, "a");
  await safety.source.condition("replications", name, { type: "Valid", status: "True" });
}

async function typeLater(safety: SafetyScene): Promise<void> {
  const name = "val-type";
  const group = "val.example.com";
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...configMaps(name, ["a"])]);
  const warning = await accepted(safety, name, { resourceTypes: ["configmaps", `Gadget.${group}`] });
  says(warning, `Warning: spec.resourceTypes: "Gadget.${group}"`, "serves no such namespaced kind", "spelling");
  // What is right about it works meanwhile.
  await safety.dr.until("configmaps", name, "a");
  const reason = "TypeUnknown";
  await safety.source.condition("replications", name, { type: "Valid", status: "False", reason });
  await safety.scene.apply([customDefinition({ kind: "Gadget", group: group })]);
  await safety.source.condition("replications", name, { type: "Valid", status: "True" });
  await waitFor("the gadget is stored", async () => {
    const gadget = { apiVersion: `${group}/v1`, kind: "Gadget", metadata: { name: "g", namespace: name } };
    return (await create(safety, gadget)).code === 0;
  }, { deadlineMs: 10_000, pollMs: 200 });
  await waitFor("the gadget in DR", async () => {
    return await safety.scene.get(safety.scene.dr, `gadgets.${group}`, "g", name) !== undefined;
  }, { deadlineMs: 40_000, pollMs: 500 });
}

async function controllerDown(safety: SafetyScene): Promise<void> {
  const name = "val-held";
  const { scene } = safety;
  const kept = await patch(safety, "val-prod", { metadata: { finalizers: ["example.com/keep"] } });
  assert.equal(kept.code, 0, kept.stderr);
  await scene.controller.stop("SIGKILL");
  const refused = await patch(safety, name, { spec: { scaleToZero: false } });
  assert.notEqual(refused.code, 0, "the webhook is not in the way, so that this test shows nothing");
  const paused = await patch(safety, name, { spec: { paused: true } });
  assert.equal(paused.code, 0, paused.stderr);
  await scene.source.kubectl(["delete", TYPE, "val-prod", "-n", CONTROL, "--wait=false"]);
  const released = await patch(safety, "val-prod", { metadata: { finalizers: null } });
  assert.equal(released.code, 0, released.stderr);
  assert.equal(await safety.source.get("replications", CONTROL, "val-prod"), undefined);
  await scene.apply(configMaps(name, ["while-paused"]));
  await scene.startController([], "one");
  await safety.source.condition("replications", name, { type: "Ready", status: "False", reason: "Paused" });
  await safety.mark("val-cluster", "after-paused");
  assert.equal(await safety.dr.get("configmaps", name, "while-paused"), undefined);
  assert.equal((await patch(safety, name, { spec: { paused: false } })).code, 0);
  await safety.dr.until("configmaps", name, "while-paused");
}

async function tenants(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.controller.stop();
  await installSource(scene.source, "overlays/tenant-mode");
  await scene.startController(["--tenant-mode"], "one");
  await served(safety);
  const allowed = ["patch", "remoteclusters.dr-syncer.io", "dr", "-n", CONTROL, "--type=merge", "-p"];
  await scene.source.kubectl([...allowed, '{"spec":{"allowedNamespaces":["tenant-a"]}}']);
  const names = ["tenant-a", "tenant-b"];
  await scene.apply(names.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })));
  const asked = async (namespace: string, spec: object) => {
    const own = { destinationCluster: "dr", sourceNamespace: namespace, crds: "Never" };
    const { code, stderr } = await create(safety, inNamespace(namespace, "mine", { ...own, ...spec }));
    assert.notEqual(code, 0, JSON.stringify(spec));
    return stderr;
  };
  await waitFor("the hook knows what dr allows", async () => {
    return !(await asked("tenant-a", { crds: "IfMissing" })).includes("does not allow");
  }, { deadlineMs: 10_000, pollMs: 200 });
  const foreign = await asked("tenant-a", { sourceNamespace: "tenant-b" });
  says(foreign, 'spec.sourceNamespace: "tenant-b"', "its own namespace only", "set it to tenant-a");
  says(await asked("tenant-a", { crds: "IfMissing" }), 'spec.crds: "IfMissing"', "set it to Never");
  says(await asked("tenant-a", { sourceCluster: "dr" }), 'spec.sourceCluster: "dr"', "remove the field");
  const elsewhere = await asked("tenant-a", { destinationNamespace: "tenant-b" });
  says(elsewhere, 'spec.destinationNamespace: "tenant-b"', "does not allow", "spec.allowedDestinations");
  says(await asked("tenant-b", {}), 'spec.destinationCluster: "dr"', "does not allow namespace tenant-b");
  const own = { destinationCluster: "dr", sourceNamespace: "tenant-a", crds: "Never" };
  await scene.apply([inNamespace("tenant-a", "mine", own), ...configMaps("tenant-a", ["a"])]);
  await safety.dr.until("configmaps", "tenant-a", "a");
  await safety.source.until("replications", "tenant-a", "mine", (object) => {
    return conditionOf(object, "Ready")?.status === "True";
  });
}

/** Waits until the API server asks the controller, and the controller knows the world. */
async function served(safety: SafetyScene): Promise<void> {
  const same = replication("val-probe", { destinationCluster: "self", sourceNamespace: "val-probe" });
  await waitFor("the webhook denies", async () => {
    const { stderr } = await create(safety, same, "--dry-run=server");
    return stderr.includes("spec.destinationNamespace");
  }, { deadlineMs: 30_000, pollMs: 200 });
}

function create({ scene }: SafetyScene, object: object, ...args: string[]) {
  const stdin = JSON.stringify(object);
  return scene.source.kubectl(["create", "-f", "-", ...args], { stdin, allowFailure: true });
}

/** Creates a Replication to DR of the namespace of its own name, which must fail; answers kubectl's words. */
async function denied(safety: SafetyScene, name: string, spec: object): Promise<string> {
  const object = replication(name, { destinationCluster: "dr", sourceNamespace: name, ...spec });
  const { code, stderr } = await create(safety, object);
  assert.notEqual(code, 0, `accepted: ${JSON.stringify(spec)}`);
  assert.equal(await safety.source.get("replications", CONTROL, name), undefined);
  return stderr;
}

/** The same, which must work; answers kubectl's warnings. */
async function accepted(safety: SafetyScene, name: string, spec: object): Promise<string> {
  const object = replication(name, { destinationCluster: "dr", sourceNamespace: name, ...spec });
  const { code, stderr } = await create(safety, object);
  assert.equal(code, 0, stderr);
  return stderr;
}

function patch({ scene }: SafetyScene, name: string, body: object) {
  const args = ["patch", TYPE, name, "-n", CONTROL, "--type=merge", "-p", JSON.stringify(body)];
  return scene.source.kubectl(args, { allowFailure: true });
}

function says(text: string, ...parts: string[]): void {
  for (const part of parts) assert.ok(text.includes(part), `"${part}" is not in: ${text}`);
}

function drKubeconfig({ scene }: SafetyScene): Promise<string> {
  return scene.dr.kubeconfigFor({ namespace: CONTROL, serviceAccount: "dr-syncer-dr" });
}

function inNamespace(namespace: string, name: string, spec: object): Printed {
  return { apiVersion: "dr-syncer.io/v1alpha1", kind: "Replication", metadata: { name, namespace }, spec };
}
