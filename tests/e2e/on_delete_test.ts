/**
 * The end of a Replication: what becomes of its standby, and that its deletion never hangs.
 */
import assert from "node:assert/strict";
import { connectDr, installDr } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { conditionOf, configMaps, CONTROL, numbered } from "./api.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import { type Printed, replication } from "./scene.ts";

const FINALIZER = "dr-syncer.io/teardown";
const MANAGED_BY = "dr-syncer.io/managed-by";
const STANDBY_QUOTA = "dr-syncer-standby";
const RELEASED_BY = "dr-syncer.io/released-by";
const ORIGIN = "dr-syncer.io/origin";
const HASH = "dr-syncer.io/desired-hash";
const LEASE = "dr-syncer";
const ROLE = "dr-syncer.io/role";

Deno.test("a Replication is deleted", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  await safety.scene.startController([], "one");
  await together(t, {
    "Orphan: copies stay without our label; created anew, it takes them back": () => orphaned(safety),
    "Orphan: what was given up may become another Replication's": () => handedOver(safety),
    "Delete: copies go, all else in the namespace stays as it is": () => deleted(safety),
    "role Active: nothing is touched": () => active(safety),
    "fenced: nothing is touched": () => fenced(safety),
    "RemoteCluster deleted before: nothing is touched": () => remoteGone(safety),
    "paused: its standby is given up all the same": () => paused(safety),
    "never started: it just goes": () => neverStarted(safety),
  });
  await t.step("workloads go before configuration; kill -9 in the middle is made up for", () => killed(safety));
  await t.step("DR is away and comes back: the deletion goes on", () => awayAndBack(safety));
  await t.step("DR stays away: it is let go after the bound", () => awayForGood(safety));
  await t.step("its own namespace goes: nothing is deleted in DR", () => ownNamespaceGone(safety));
});

/** A namespace with something of every sort, mirrored. Answers the copies' labels and annotations. */
async function mirrorAll(safety: SafetyScene, name: string, spec: Record<string, unknown> = {}): Promise<void> {
  await safety.scene.apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    deployment(name),
    claim(name),
  ]);
  await safety.mirror(name, ["a", "b"], spec);
  await safety.dr.until("persistentvolumeclaims", name, "data");
  const { metadata } = await safety.source.get("replications", CONTROL, name);
  assert.deepEqual(metadata.finalizers, [FINALIZER]);
}

async function orphaned(safety: SafetyScene): Promise<void> {
  const name = "od-orphan";
  const startedMs = Date.now() - 2_000;
  await mirrorAll(safety, name);
  await safety.dr.until("configmaps", name, "a");
  const before = await safety.scene.get(safety.scene.dr, "deployment", "web", name);
  assert.equal(before.metadata.annotations["dr-syncer.io/original-replicas"], "3");
  await safety.scene.until(safety.scene.dr, "resourcequota", STANDBY_QUOTA, name);
  await deleteReplication(safety, name);
  const quota = await safety.scene.get(safety.scene.dr, "resourcequota", STANDBY_QUOTA, name);
  assert.equal(quota, undefined, "what is put to use now may have Pods");
  assert.equal((await eventOf(safety, name, "StandbyOrphaned")).type, "Normal");
  const { metadata, spec } = await safety.scene.get(safety.scene.dr, "deployment", "web", name);
  const id = before.metadata.labels[MANAGED_BY];
  assert.equal(MANAGED_BY in (metadata.labels ?? {}), false);
  assert.deepEqual(metadata.annotations, { ...before.metadata.annotations, [RELEASED_BY]: id });
  assert.deepEqual([metadata.uid, spec], [before.metadata.uid, before.spec]);
  assert.deepEqual(await labelled(safety, name), [], "no copy of any kind");
  assert.equal(MANAGED_BY in (await safety.dr.namespace(name)).metadata.labels, false);
  const lease = await safety.dr.get("leases", name, LEASE);
  assert.deepEqual([lease.spec.holderIdentity ?? "", lease.spec.leaseTransitions], ["", 1]);
  assert.equal(lease.metadata.annotations[ROLE], "Standby");
  assert.ok(Date.parse(lease.spec.renewTime) > startedMs, "it still tells how far the copies reach");
  await takenBack(safety, name, id);
}

/** The same ends again: every copy is ours again, but the one that somebody made his own meanwhile. */
async function takenBack(safety: SafetyScene, name: string, id: string): Promise<void> {
  const { scene } = safety;
  await scene.dr.kubectl(["annotate", "configmap", "b", "-n", name, `${RELEASED_BY}-`]);
  const before = await safety.dr.list("configmaps", name);
  await scene.apply([replication(name, { destinationCluster: "dr", sourceNamespace: name })]);
  await safety.source.condition("replications", name, { type: "Conflict", status: "True" });
  const a = await safety.dr.until("configmaps", name, "a", ({ metadata }) => metadata.labels?.[MANAGED_BY] === id);
  assert.equal(RELEASED_BY in a.metadata.annotations, false);
  await safety.dr.until("persistentvolumeclaims", name, "data", ({ metadata }) => metadata.labels?.[MANAGED_BY] === id);
  const { status } = await safety.source.until(
    "replications",
    CONTROL,
    name,
    ({ status }) => status.syncStats?.pending === 0 && status.syncStats.conflicts === 1,
  );
  assert.deepEqual([status.syncStats.failedSyncs, status.epoch], [0, 2]);
  const after = await safety.dr.list("configmaps", name);
  const uids = (list: Printed[]) => list.map(({ metadata }) => metadata.uid);
  assert.deepEqual(uids(after), uids(before), "no copy was made anew");
  const b = (list: Printed[]) => list.find(({ metadata }) => metadata.name === "b");
  assert.deepEqual(b(after), b(before));
  const writes = scene.controller.lines.filter(({ logger, properties }) =>
    logger.includes("audit") && properties.replication === `${CONTROL}/${name}` && properties.name === "a" &&
    properties.kind === "configmaps"
  );
  assert.deepEqual(writes.map(({ properties }) => properties.operation), ["create", "release", "reclaim"]);
  // A key that leaves the source leaves a copy that was taken back, too.
  const patch = '{"data":{"name":null,"other":"value"}}';
  await scene.source.kubectl(["patch", "configmap", "a", "-n", name, "--type=merge", "-p", patch]);
  const changed = await safety.dr.until("configmaps", name, "a", ({ data }) => data.other === "value");
  assert.deepEqual(changed.data, { other: "value" });
}

async function handedOver(safety: SafetyScene): Promise<void> {
  const [name, other, target] = ["od-first", "od-second", "od-shared"];
  await safety.scene.replicate(name, { destinationNamespace: target });
  await safety.scene.apply(configMaps(name, ["a"]));
  await safety.dr.until("configmaps", target, "a");
  await deleteReplication(safety, name);
  await safety.scene.replicate(other, { destinationNamespace: target, conflictPolicy: "Adopt" });
  await safety.scene.apply(configMaps(other, ["a"], { from: other }));
  const taken = await safety.dr.until("configmaps", target, "a", ({ data }) => data.from === other);
  assert.match(taken.metadata.annotations[ORIGIN], /od-second/);
  assert.equal(RELEASED_BY in taken.metadata.annotations, false);
}

async function deleted(safety: SafetyScene): Promise<void> {
  const name = "od-delete";
  const { scene } = safety;
  await mirrorAll(safety, name, { onDelete: "Delete" });
  const { metadata } = await safety.dr.get("configmaps", name, "a");
  // As if somebody had copied our copy: the label alone proves nothing.
  const { labels, annotations } = metadata;
  const forged = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "forged", namespace: name, labels, annotations },
  };
  await scene.apply([forged, ...configMaps(name, ["foreign"])], scene.dr);
  const before = {
    forged: await safety.dr.get("configmaps", name, "forged"),
    foreign: await safety.dr.get("configmaps", name, "foreign"),
  };
  const claimBefore = await safety.dr.get("persistentvolumeclaims", name, "data");
  await deleteReplication(safety, name);
  const event = await eventOf(safety, name, "StandbyDeleted");
  assert.equal(event.type, "Warning");
  assert.match(event.note, /1 objects with our label, but without proof/);
  assert.deepEqual(Object.keys(await safety.dr.versions("configmaps", name)), ["foreign", "forged"]);
  assert.deepEqual({
    forged: await safety.dr.get("configmaps", name, "forged"),
    foreign: await safety.dr.get("configmaps", name, "foreign"),
  }, before);
  assert.equal(await scene.get(scene.dr, "deployment", "web", name), undefined);
  const kept = await safety.dr.get("persistentvolumeclaims", name, "data");
  assert.deepEqual([kept.metadata.uid, kept.spec], [claimBefore.metadata.uid, claimBefore.spec]);
  assert.equal(MANAGED_BY in (kept.metadata.labels ?? {}), false);
  assert.ok(kept.metadata.annotations[HASH]);
  assert.equal(MANAGED_BY in (await safety.dr.namespace(name)).metadata.labels, false);
  assert.equal(await safety.dr.get("leases", name, LEASE), undefined);
  assert.equal((await safety.source.list("configmaps", name)).length, 2, "the source is what it was");
}

async function active(safety: SafetyScene): Promise<void> {
  const name = "od-active";
  await safety.mirror(name, ["a", "b"], { onDelete: "Delete" });
  await safety.scene.dr.kubectl(["annotate", "--overwrite", "lease", LEASE, "-n", name, `${ROLE}=Active`]);
  await untouched(safety, name, /^NotStandby: .*the DR namespace is Active/);
}

async function fenced(safety: SafetyScene): Promise<void> {
  const name = "od-fenced";
  await safety.mirror(name, ["a", "b"], { onDelete: "Delete" });
  const patch = '{"spec":{"holderIdentity":"somebody/else"}}';
  await safety.scene.dr.kubectl(["patch", "lease", LEASE, "-n", name, "--type=merge", "-p", patch]);
  await untouched(safety, name, /^Fenced: .*held by somebody\/else/);
}

async function remoteGone(safety: SafetyScene): Promise<void> {
  const name = "od-remote";
  await connectDr(safety.scene.source, name, (await installDr(safety.scene.dr)).kubeconfig);
  await safety.mirror(name, ["a", "b"], { onDelete: "Delete", destinationCluster: name });
  await safety.scene.source.kubectl(["delete", "remoteclusters.dr-syncer.io", name, "-n", CONTROL]);
  await untouched(safety, name, /^RemoteClusterMissing: /);
}

async function paused(safety: SafetyScene): Promise<void> {
  const name = "od-paused";
  await safety.mirror(name, ["a"], { onDelete: "Delete" });
  const args = ["patch", "replications.dr-syncer.io", name, "-n", CONTROL, "--type=merge"];
  await safety.scene.source.kubectl([...args, "-p", '{"spec":{"paused":true}}']);
  await safety.source.condition("replications", name, { type: "Ready", status: "False", reason: "Paused" });
  await deleteReplication(safety, name);
  assert.deepEqual(await safety.dr.list("configmaps", name), []);
}

async function neverStarted(safety: SafetyScene): Promise<void> {
  const name = "od-never";
  await safety.scene.replicate(name, { destinationCluster: "nowhere" });
  await safety.source.condition("replications", name, { type: "Ready", status: "False" });
  const { metadata } = await safety.source.get("replications", CONTROL, name);
  assert.equal(metadata.finalizers, undefined);
  await deleteReplication(safety, name);
}

/** A workload that somebody holds in DR keeps what it may need, and a process that dies meanwhile changes nothing. */
async function killed(safety: SafetyScene): Promise<void> {
  const name = "od-killed";
  const { scene } = safety;
  await mirrorAll(safety, name, { onDelete: "Delete" });
  await scene.apply(configMaps(name, numbered("more", 30)));
  await safety.dr.until("configmaps", name, "more-29");
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
  const hold = (finalizers: string[]) => {
    const patch = JSON.stringify({ metadata: { finalizers } });
    return scene.dr.kubectl(["patch", "deployment", "web", "-n", name, "--type=merge", "-p", patch]);
  };
  await hold(["example.com/hold"]);
  const before = await safety.dr.versions("configmaps", name);
  await deleteReplication(safety, name, false);
  const waiting = { type: "Ready", status: "False", reason: "DeletionWaits" } as const;
  const { status } = await safety.source.condition("replications", name, waiting);
  assert.equal(status.phase, "Deleting");
  assert.match(conditionOf({ status }, "Ready").message, /deployments.apps\/web/);
  assert.ok((await scene.get(scene.dr, "deployment", "web", name)).metadata.deletionTimestamp);
  assert.deepEqual(await safety.dr.versions("configmaps", name), before);
  await scene.controller.stop("SIGKILL");
  await hold([]);
  await scene.startController([], "one");
  await safety.source.untilGone("replications", CONTROL, name);
  assert.deepEqual(await safety.dr.list("configmaps", name), []);
  assert.equal(await safety.dr.get("leases", name, LEASE), undefined);
}

async function awayAndBack(safety: SafetyScene): Promise<void> {
  const name = "od-away";
  const { dr } = safety.scene;
  await safety.mirror(name, ["a", "b"]);
  await dr.stopApiServer();
  await deleteReplication(safety, name, false);
  const waiting = { type: "Ready", status: "False", reason: "DeletionWaits" } as const;
  const held = await safety.source.condition("replications", name, waiting);
  assert.match(conditionOf(held, "Ready").message, /nothing moves for 600 s/);
  assert.deepEqual(held.metadata.finalizers, [FINALIZER]);
  await dr.startApiServer();
  await safety.source.untilGone("replications", CONTROL, name);
  assert.deepEqual(await labelled(safety, name), []);
}

async function awayForGood(safety: SafetyScene): Promise<void> {
  const name = "od-lost";
  const { scene } = safety;
  await safety.mirror(name, ["a", "b"], { onDelete: "Delete" });
  const before = await safety.dr.versions("configmaps", name);
  await scene.controller.stop();
  await scene.startController(["--teardown-timeout", "3s"], "one");
  await safety.source.condition("replications", name, { type: "Ready", status: "True" });
  await scene.dr.stopApiServer();
  await deleteReplication(safety, name);
  const event = await eventOf(safety, name, "StandbyLeft");
  assert.equal(event.type, "Warning");
  assert.match(event.note, /^GaveUp: /);
  await scene.dr.startApiServer();
  assert.deepEqual(await safety.dr.versions("configmaps", name), before);
}

/** Last: the control namespace is Terminating from here on (nobody empties it: there is no controller manager). */
async function ownNamespaceGone(safety: SafetyScene): Promise<void> {
  const name = "od-own";
  await safety.mirror(name, ["a", "b"], { onDelete: "Delete" });
  await safety.scene.source.kubectl(["delete", "namespace", CONTROL, "--wait=false"]);
  await deleteReplication(safety, name);
  const kept = await safety.dr.list("configmaps", name);
  assert.deepEqual(kept.map(({ metadata }) => metadata.name), ["a", "b"]);
  assert.deepEqual(await labelled(safety, name), []);
}

/** It goes, an Event tells why its standby stays, and not one copy nor the Lease was written. */
async function untouched(safety: SafetyScene, name: string, why: RegExp): Promise<void> {
  const before = { copies: await safety.dr.versions("configmaps", name), lease: await leaseOf(safety, name) };
  await deleteReplication(safety, name);
  const event = await eventOf(safety, name, "StandbyLeft");
  assert.equal(event.type, "Warning");
  assert.match(event.note, why);
  assert.deepEqual(
    { copies: await safety.dr.versions("configmaps", name), lease: await leaseOf(safety, name) },
    before,
  );
}

async function eventOf(safety: SafetyScene, name: string, reason: string): Promise<Printed> {
  const look = async () => (await safety.source.events("Replication", name)).find((event) => event.reason === reason);
  return await waitFor(`Event ${reason} of ${name}`, look, { deadlineMs: 60_000 });
}

/** Less what proof of life writes. */
async function leaseOf(safety: SafetyScene, namespace: string): Promise<Printed> {
  const { metadata, spec } = await safety.dr.get("leases", namespace, LEASE);
  return {
    uid: metadata.uid,
    role: metadata.annotations[ROLE],
    holder: spec.holderIdentity,
    epoch: spec.leaseTransitions,
  };
}

/** Copies of any of these kinds that still have our label. */
async function labelled(safety: SafetyScene, namespace: string): Promise<string[]> {
  const kinds = "configmaps,secrets,serviceaccounts,persistentvolumeclaims,deployments,services";
  const args = ["get", kinds, "-n", namespace, "-l", MANAGED_BY, "-o", "name"];
  const { stdout } = await safety.scene.dr.kubectl(args);
  return stdout.split("\n").filter((line) => line !== "");
}

async function deleteReplication(safety: SafetyScene, name: string, untilGone = true): Promise<void> {
  await safety.scene.source.kubectl(["delete", "replications.dr-syncer.io", name, "-n", CONTROL, "--wait=false"]);
  if (!untilGone) return;
  const last = () => safety.scene.controller.rawLines.filter((line) => line.includes(name)).slice(-10).join("\n");
  const isGone = async () => await safety.source.get("replications", CONTROL, name) === undefined;
  await waitFor(`Replication ${name} gone`, isGone, { deadlineMs: 90_000, describe: last });
}

function deployment(namespace: string): object {
  const labels = { app: "web" };
  const containers = [{ name: "web", image: "registry.example.com/web:1" }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: { replicas: 3, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}

function claim(namespace: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
}
