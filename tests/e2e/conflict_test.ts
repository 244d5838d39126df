import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { conditionOf, configMaps, CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import type { Printed } from "./scene.ts";

const MANAGED_BY = "dr-syncer.io/managed-by";

Deno.test("what is not ours stays as it is; what is ours stays as the source has it", async (t) => {
  await using safety = await startSafetyScene();
  await together(t, {
    "an unmanaged object of the same name stays byte for byte, and Conflict names it": () => unmanaged(safety),
    "a copy that names another origin is not ours": () => foreignOrigin(safety),
    "a copy edited by a person is corrected with one write an edit": () => edited(safety),
    "a copy deleted by a person comes back": () => deletedInDr(safety),
    "a key that leaves the source leaves the copy": () => keyRemoved(safety),
    "a copy whose label was taken off is let alone, until the label is back": () => labelTakenOff(safety),
  });
});

async function unmanaged(safety: SafetyScene): Promise<void> {
  const name = "con-unmanaged";
  const { scene } = safety;
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], scene.dr);
  await scene.apply(configMaps(name, ["taken"], { whose: "theirs" }), scene.dr);
  const theirs = await safety.dr.get("configmaps", name, "taken");
  await scene.replicate(name);
  await scene.apply([...configMaps(name, ["taken"], { whose: "ours", more: "yes" }), ...configMaps(name, ["free"])]);
  const conflicting = await safety.source.condition("replications", name, { type: "Conflict", status: "True" });
  const conflict = conditionOf(conflicting, "Conflict");
  assert.equal(conflict.reason, "NotOurs");
  assert.match(conflict.message, /\bconfigmaps\/taken\b/);
  assert.doesNotMatch(conflict.message, /\bfree\b/);
  assert.equal(conflicting.status.syncStats.conflicts, 1);
  const failure = conflicting.status.failures.find((failure: Printed) => failure.name === "taken");
  assert.equal(failure.class, "Conflict");
  await safety.event(name, "configmaps/taken");
  await scene.apply(configMaps(name, ["taken"], { whose: "ours", more: "again" }));
  await safety.annotate(name, "dr-syncer.io/sync-now=1");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "1");
  await scene.source.kubectl(["delete", "configmap", "taken", "-n", name]);
  await safety.mark(name, "marker");
  assert.deepEqual(await safety.dr.get("configmaps", name, "taken"), theirs);
  // Out of the way: the next pass brings the copy.
  await scene.apply(configMaps(name, ["taken"], { whose: "ours" }));
  await scene.dr.kubectl(["delete", "configmap", "taken", "-n", name]);
  await safety.annotate(name, "dr-syncer.io/sync-now=2");
  await safety.dr.until("configmaps", name, "taken", ({ data }) => data.whose === "ours");
  await safety.source.condition("replications", name, { type: "Conflict", status: "False" });
}

async function foreignOrigin(safety: SafetyScene): Promise<void> {
  const name = "con-foreign";
  const { scene } = safety;
  await safety.mirror(name, ["a"]);
  const copy = await safety.dr.get("configmaps", name, "a");
  const { metadata: { labels, annotations } } = copy;
  // As if somebody had copied our copy: the label alone proves nothing.
  await scene.apply([{
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "b", namespace: name, labels, annotations },
    data: { whose: "theirs" },
  }], scene.dr);
  const theirs = await safety.dr.get("configmaps", name, "b");
  await scene.apply(configMaps(name, ["b"]));
  const conflicting = await safety.source.condition("replications", name, { type: "Conflict", status: "True" });
  assert.match(conditionOf(conflicting, "Conflict").message, /\bconfigmaps\/b\b/);
  await scene.source.kubectl(["delete", "configmap", "b", "-n", name]);
  await safety.annotate(name, "dr-syncer.io/sync-now=1");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "1");
  await safety.mark(name, "marker");
  assert.deepEqual(await safety.dr.get("configmaps", name, "b"), theirs);
}

async function edited(safety: SafetyScene): Promise<void> {
  const name = "con-edited";
  const { scene } = safety;
  await safety.mirror(name, ["a", "b"]);
  const untouched = await safety.dr.get("configmaps", name, "b");
  const writes = () => writesOf(safety, name);
  const before = await writes();
  for (const edit of ["1", "2", "3"]) {
    const patch = JSON.stringify({ data: { name: `edit ${edit}` } });
    const args = ["patch", "configmap", "a", "-n", name, "--type=merge", "-p", patch, "-o", "json"];
    const { stdout } = await scene.dr.kubectl(args);
    await safety.dr.until("configmaps", name, "a", ({ data, metadata }) => {
      return data.name === "a" && metadata.resourceVersion !== JSON.parse(stdout).metadata.resourceVersion;
    });
  }
  // Two more writes, and each is counted: the echo of the last correction has been looked at by then.
  for (const marker of ["marker-1", "marker-2"]) {
    const counted = await writes();
    await safety.mark(name, marker);
    await waitFor("the marker's write is counted", async () => await writes() > counted, { deadlineMs: 10_000 });
  }
  assert.equal(await writes() - before, 5, "three corrections and two markers");
  assert.deepEqual(await safety.dr.get("configmaps", name, "b"), untouched);
}

async function deletedInDr(safety: SafetyScene): Promise<void> {
  const name = "con-deleted";
  await safety.mirror(name, ["a"]);
  const copy = await safety.dr.get("configmaps", name, "a");
  await safety.scene.dr.kubectl(["delete", "configmap", "a", "-n", name]);
  const back = await safety.dr.until("configmaps", name, "a");
  assert.notEqual(back.metadata.uid, copy.metadata.uid);
  assert.deepEqual(back.data, { name: "a" });
}

async function keyRemoved(safety: SafetyScene): Promise<void> {
  const name = "con-key";
  const { scene } = safety;
  await scene.replicate(name);
  const labels = { stays: "yes", goes: "yes" };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: name, labels } };
  await scene.apply([{ ...object, data: { stays: "1", goes: "2" } }]);
  const created = await safety.dr.until("configmaps", name, "a");
  assert.deepEqual(created.data, { stays: "1", goes: "2" });
  const patch = '{"data":{"goes":null},"metadata":{"labels":{"goes":null}}}';
  await scene.source.kubectl(["patch", "configmap", "a", "-n", name, "--type=merge", "-p", patch]);
  const updated = await safety.dr.until("configmaps", name, "a", ({ data }) => !("goes" in data));
  assert.deepEqual(updated.data, { stays: "1" });
  assert.equal(updated.metadata.labels.stays, "yes");
  assert.equal("goes" in updated.metadata.labels, false);
  assert.equal(updated.metadata.uid, created.metadata.uid);
}

async function labelTakenOff(safety: SafetyScene): Promise<void> {
  const name = "con-label";
  const { scene } = safety;
  await safety.mirror(name, ["a"]);
  const { metadata } = await safety.dr.get("configmaps", name, "a");
  await scene.dr.kubectl(["label", "configmap", "a", "-n", name, `${MANAGED_BY}-`]);
  const theirs = await safety.dr.get("configmaps", name, "a");
  await safety.source.condition("replications", name, { type: "Conflict", status: "True" });
  await scene.apply(configMaps(name, ["a"], { name: "changed" }));
  await safety.mark(name, "marker");
  assert.deepEqual(await safety.dr.get("configmaps", name, "a"), theirs);
  await scene.dr.kubectl(["label", "configmap", "a", "-n", name, `${MANAGED_BY}=${metadata.labels[MANAGED_BY]}`]);
  await safety.dr.until("configmaps", name, "a", ({ data }) => data.name === "changed", 10_000);
  await safety.source.condition("replications", name, { type: "Conflict", status: "False" });
}

/** Writes of ConfigMaps that the controller counts for a Replication. */
async function writesOf(safety: SafetyScene, name: string): Promise<number> {
  const labels = { replication: `${CONTROL}/${name}`, kind: "configmaps" };
  const counts = ["create", "update"].map((operation) =>
    safety.scene.controller.metric("dr_syncer_writes_total", { ...labels, class: operation })
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
