import assert from "node:assert/strict";
import { conditionOf, configMaps, CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import { type Printed, replication } from "./scene.ts";

const LEASE = "dr-syncer";
const ROLE = "dr-syncer.io/role";

Deno.test("a DR namespace is written only while its fence Lease says that it is our Standby", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  await safety.scene.startController([], "one");
  // What another namespace gets tells that the controller works on.
  await safety.mirror("beacon", ["first"]);
  await together(t, {
    "the Lease names holder, epoch, role and how far the copies reach": () => describesItself(safety),
    "role Active: nothing is written; Standby again: it converges": () => activated(safety),
    "a higher epoch: Fenced, nothing is written": () => staleEpoch(safety),
    "a Lease that was deleted is not made anew while copies exist": () => leaseDeleted(safety),
    "a Lease that another installation holds: Fenced": () => heldByOther(safety),
    "a Lease held by another installation from the start: not one object is written": () => takenBefore(safety),
  });
  await t.step("a new process does not take a lost fence either", () => fencedAfterRestart(safety));
  await t.step("of two Replications that write one target the younger is refused", () => twoWriters(safety));
});

async function describesItself(safety: SafetyScene): Promise<void> {
  const startedMs = Date.now();
  await safety.mirror("fence-self", ["a"]);
  const lease = await safety.dr.until(
    "leases",
    "fence-self",
    LEASE,
    ({ spec }) => spec.renewTime !== undefined,
  );
  const { holderIdentity, leaseTransitions, renewTime } = lease.spec;
  const { metadata } = await safety.source.namespace("kube-system");
  assert.equal(holderIdentity, `${metadata.uid.slice(0, 8)}/${CONTROL}`);
  assert.equal(lease.metadata.annotations[ROLE], "Standby");
  assert.ok(Date.parse(renewTime) >= startedMs - 2_000 && Date.parse(renewTime) <= Date.now(), renewTime);
  const { status } = await safety.source.get("replications", CONTROL, "fence-self");
  assert.equal(status.role, "Standby");
  assert.equal(status.epoch, leaseTransitions);
  assert.equal(leaseTransitions, 1);
}

async function activated(safety: SafetyScene): Promise<void> {
  const name = "fence-active";
  await safety.mirror(name, ["a", "b"], { deletion: { grace: "1s", budget: { percent: 100 } } });
  const quiet = await changeLease(safety, name, ["annotate", "--overwrite", `${ROLE}=Active`], (replication) => {
    return replication.status.role === "Active" && conditionOf(replication, "Ready").status === "False";
  });
  const ready = conditionOf(quiet.replication, "Ready");
  assert.equal(ready.reason, "NotStandby");
  assert.match(ready.message, /Active/);
  await nothingIsWritten(safety, name, quiet.before);
  await safety.scene.dr.kubectl(["annotate", "--overwrite", "lease", LEASE, "-n", name, `${ROLE}=Standby`]);
  await converges(safety, name);
  assert.equal((await safety.source.get("replications", CONTROL, name)).status.role, "Standby");
}

async function staleEpoch(safety: SafetyScene): Promise<void> {
  const name = "fence-epoch";
  await safety.mirror(name, ["a", "b"]);
  const args = ["patch", "--type=merge", "-p", '{"spec":{"leaseTransitions":2}}'];
  const quiet = await changeLease(safety, name, args, isFenced);
  const fenced = conditionOf(quiet.replication, "Fenced");
  assert.match(fenced.message, /epoch 2.* knows 1/);
  assert.equal(conditionOf(quiet.replication, "Ready").status, "False");
  await nothingIsWritten(safety, name, quiet.before);
  await safety.scene.dr.kubectl([
    "patch",
    "lease",
    LEASE,
    "-n",
    name,
    "--type=merge",
    "-p",
    '{"spec":{"leaseTransitions":1}}',
  ]);
  await converges(safety, name);
}

async function leaseDeleted(safety: SafetyScene): Promise<void> {
  const name = "fence-deleted";
  await safety.mirror(name, ["a", "b"]);
  const quiet = await changeLease(safety, name, ["delete"], isFenced);
  const fenced = conditionOf(quiet.replication, "Fenced");
  assert.match(fenced.message, /gone while copies exist/);
  await nothingIsWritten(safety, name, quiet.before);
  assert.equal(await safety.dr.get("leases", name, LEASE), undefined);
}

async function heldByOther(safety: SafetyScene): Promise<void> {
  const name = "fence-other";
  await safety.mirror(name, ["a", "b"]);
  const args = ["patch", "--type=merge", "-p", '{"spec":{"holderIdentity":"somebody/else"}}'];
  const quiet = await changeLease(safety, name, args, isFenced);
  assert.match(conditionOf(quiet.replication, "Fenced").message, /held by somebody\/else/);
  await nothingIsWritten(safety, name, quiet.before);
  assert.equal((await safety.dr.get("leases", name, LEASE)).spec.holderIdentity, "somebody/else");
}

async function takenBefore(safety: SafetyScene): Promise<void> {
  const name = "fence-taken";
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: LEASE, namespace: name, annotations: { [ROLE]: "Standby" } },
    spec: { holderIdentity: "somebody/else", leaseTransitions: 1 },
  };
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await safety.scene.apply([namespace, lease], safety.scene.dr);
  await safety.scene.apply([namespace, ...configMaps(name, ["a"])]);
  await safety.scene.replicate(name);
  const fenced = await safety.source.condition("replications", name, { type: "Fenced", status: "True" });
  assert.equal(fenced.status.phase, "Failed");
  await beacon(safety, name);
  assert.deepEqual(await safety.dr.list("configmaps", name), []);
}

async function fencedAfterRestart(safety: SafetyScene): Promise<void> {
  const name = "fence-deleted";
  const before = await safety.dr.versions("configmaps", name);
  await safety.scene.controller.stop("SIGKILL");
  await safety.scene.startController([], "one");
  // A new generation, though nobody serves the webhook yet.
  for (const paused of [true, false]) {
    const patch = JSON.stringify({ spec: { paused } });
    const args = ["patch", "replications.dr-syncer.io", name, "-n", CONTROL, "--type=merge", "-p", patch];
    await safety.scene.source.kubectl(args);
  }
  const judged = await safety.source.until(
    "replications",
    CONTROL,
    name,
    ({ metadata, status }) => status.observedGeneration === metadata.generation,
  );
  assert.ok(isFenced(judged));
  await nothingIsWritten(safety, name, before);
  assert.equal(await safety.dr.get("leases", name, LEASE), undefined);
}

/** With the hook in place, the second is denied; the reconciler has to see to it alone. */
async function twoWriters(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.controller.stop();
  const { stdout } = await scene.source.kubectl(["get", "validatingwebhookconfiguration", "-o", "name"]);
  assert.equal(stdout.includes("dr-syncer-validate"), false, "nobody serves it any more");
  const names = ["two-older", "two-younger"];
  await scene.apply(names.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })));
  for (const name of names) {
    await scene.apply(configMaps(name, [`of-${name}`]));
    const spec = { destinationCluster: scene.dr.name, sourceNamespace: name, destinationNamespace: "two-target" };
    await scene.apply([replication(name, spec)]);
  }
  await scene.startController([], "one");
  const refused = await safety.source.condition("replications", "two-younger", {
    type: "Valid",
    status: "False",
    reason: "TargetTaken",
  });
  assert.match(conditionOf(refused, "Valid").message, /dr-syncer-system\/two-older/);
  await safety.dr.until("configmaps", "two-target", "of-two-older");
  await safety.source.condition("replications", "two-older", { type: "Synced", status: "True" });
  assert.deepEqual(Object.keys(await safety.dr.versions("configmaps", "two-target")), ["of-two-older"]);
  await scene.source.kubectl(["delete", "replications.dr-syncer.io", "two-older", "-n", CONTROL]);
  await safety.source.condition("replications", "two-younger", { type: "Valid", status: "True" });
}

function isFenced(replication: Printed): boolean {
  return conditionOf(replication, "Fenced")?.status === "True";
}

/** Changes the Lease with kubectl and waits until the status says what it should; answers the copies before that. */
async function changeLease(
  safety: SafetyScene,
  namespace: string,
  [verb = "", ...args]: string[],
  condition: (replication: Printed) => boolean,
): Promise<{ before: Record<string, string>; replication: Printed }> {
  const before = await safety.dr.versions("configmaps", namespace);
  await safety.scene.dr.kubectl([verb, "lease", LEASE, "-n", namespace, ...args]);
  const replication = await safety.source.until("replications", CONTROL, namespace, condition);
  return { before, replication };
}

/** Writes of every sort in the source reach no copy, though the controller works on. */
async function nothingIsWritten(
  safety: SafetyScene,
  namespace: string,
  before: Record<string, string>,
): Promise<void> {
  await safety.scene.apply(configMaps(namespace, ["a", "new"], { changed: "yes" }));
  await safety.deleteSource(namespace, ["b"]);
  await safety.scene.dr.kubectl(["label", "configmap", "a", "-n", namespace, "edited=yes", "--overwrite"]);
  const { a } = await safety.dr.versions("configmaps", namespace);
  await beacon(safety, namespace);
  assert.deepEqual(await safety.dr.versions("configmaps", namespace), { ...before, a });
}

/** A write that must arrive, in a namespace whose fence is open. */
async function beacon(safety: SafetyScene, name: string): Promise<void> {
  await safety.mark("beacon", `after-${name}`);
}

async function converges(safety: SafetyScene, namespace: string): Promise<void> {
  await safety.dr.until("configmaps", namespace, "new", undefined, 60_000);
  await safety.dr.until("configmaps", namespace, "a", ({ data }) => data.changed === "yes");
  await safety.source.condition("replications", namespace, { type: "Ready", status: "True" });
}
