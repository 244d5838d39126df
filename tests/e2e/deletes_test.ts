import assert from "node:assert/strict";
import { conditionOf, configMaps, CONTROL, numbered } from "./api.ts";
import type { Printed } from "./scene.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";

const ORIGIN = "dr-syncer.io/origin";
const ORPHANED_AT = "dr-syncer.io/orphaned-at";

/** A budget that never holds anything, so that the guard under test stands alone. */
const NO_BUDGET = { percent: 100 };

Deno.test("no copy is deleted in DR before every guard agrees", async (t) => {
  // Only the controller manager makes namespaces and claims really go.
  await using safety = await startSafetyScene({ source: { controllerManager: true }, controller: false });
  await safety.scene.startController([], "one");
  // First what is about time, while few have work: a slow machine must not pass for a grace.
  await together(t, {
    "a deleted object's copy goes after the grace, not before": () => goesAfterGrace(safety),
    "deleted and re-created within the grace: the copy survives": () => recreated(safety),
    "the ignore label set later works like a deletion": () => ignored(safety),
    "a copy that lost our label meanwhile is not deleted": () => labelTakenOff(safety),
  });
  await together(t, {
    "30 % at once: held with id and Event; the approval releases exactly that set": () => heldByBudget(safety),
    "an approval does not reach a set that has grown since": () => grownSet(safety),
    "an approval that was used releases no later set of the same names": () => usedApproval(safety),
    "a namespace whose five ConfigMaps are deleted: held": () => heldWhenEmptied(safety),
    "Jobs that finish are no deletions: their copies go, and nothing is held": () => finishedJobs(safety),
    "policy Retain keeps the copy": () => retained(safety),
    "a PersistentVolumeClaim is marked and never deleted": () => orphanedClaim(safety),
    "a source namespace that goes leaves DR alone; its return needs an approval": () => namespaceGone(safety),
  });
  await t.step("kill -9 amid held deletes: still held, and the window counts on", () => crash(safety));
});

async function goesAfterGrace(safety: SafetyScene): Promise<void> {
  await safety.mirror("del-grace", ["a", "b"], { deletion: { grace: "8s" } });
  const startedMs = performance.now();
  await safety.deleteSource("del-grace", ["a"]);
  await safety.dr.untilGone("configmaps", "del-grace", "a");
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs >= 8_000, `the copy went after ${tookMs} ms`);
  assert.ok(await safety.dr.get("configmaps", "del-grace", "b"));
  const { status } = await safety.source.until(
    "replications",
    CONTROL,
    "del-grace",
    ({ status }) => status?.syncStats?.deleted === 1,
  );
  assert.equal(status.deletions.count, 1);
}

async function heldByBudget(safety: SafetyScene): Promise<void> {
  const names = numbered("cm", 20);
  const deleted = names.slice(0, 6);
  await safety.mirror("del-budget", names, { deletion: { grace: "2s" } });
  const before = await safety.dr.versions("configmaps", "del-budget");
  await safety.deleteSource("del-budget", deleted);
  const hold = await safety.hold("del-budget", "Budget", 6);
  assert.deepEqual(hold.sample, deleted.map((name) => `configmaps/${name}`));
  const blocked = await safety.source.condition("replications", "del-budget", {
    type: "DeletionBlocked",
    status: "True",
    reason: "Budget",
  });
  assert.match(conditionOf(blocked, "DeletionBlocked").message, new RegExp(`dr-syncer.io/approve: ${hold.id}`));
  const event = await safety.event("del-budget", `hold ${hold.id} on 6 deletes`);
  assert.equal(event.type, "Warning");
  for (const name of deleted) assert.ok(event.note.includes(`configmaps/${name}`), event.note);
  await safety.mark("del-budget", "marker");
  const { marker: _, ...after } = await safety.dr.versions("configmaps", "del-budget");
  assert.deepEqual(after, before, "copies were touched");
  await safety.annotate("del-budget", `dr-syncer.io/approve=${hold.id}`);
  for (const name of deleted) await safety.dr.untilGone("configmaps", "del-budget", name);
  await safety.source.condition("replications", "del-budget", { type: "DeletionBlocked", status: "False" });
  const left = Object.keys(await safety.dr.versions("configmaps", "del-budget")).sort();
  assert.deepEqual(left, [...names.slice(6), "marker"].sort());
}

async function grownSet(safety: SafetyScene): Promise<void> {
  const names = numbered("cm", 20);
  await safety.mirror("del-grown", names, { deletion: { grace: "1s" } });
  await safety.deleteSource("del-grown", names.slice(0, 6));
  const first = await safety.hold("del-grown", "Budget", 6);
  await safety.deleteSource("del-grown", ["cm-6"]);
  const grown = await safety.hold("del-grown", "Budget", 7);
  assert.notEqual(grown.id, first.id);
  // A new set, a new Event: somebody has to be able to find the id.
  await safety.event("del-grown", grown.id);
  await safety.annotate("del-grown", `dr-syncer.io/approve=${first.id}`, "dr-syncer.io/sync-now=1");
  await safety.source.until("replications", CONTROL, "del-grown", ({ status }) => status.lastManualSync === "1");
  await safety.mark("del-grown", "marker");
  assert.equal((await safety.dr.list("configmaps", "del-grown")).length, 21);
  await safety.annotate("del-grown", `dr-syncer.io/approve=${grown.id}`);
  for (const name of names.slice(0, 7)) await safety.dr.untilGone("configmaps", "del-grown", name);
  assert.equal((await safety.dr.list("configmaps", "del-grown")).length, 14);
}

async function usedApproval(safety: SafetyScene): Promise<void> {
  const deletion = { grace: "1s", budget: { count: 100 } };
  await safety.mirror("del-used", ["a", "b"], { deletion });
  await safety.deleteSource("del-used", ["a", "b"]);
  const first = await safety.hold("del-used", "KindEmptied", 2);
  await safety.annotate("del-used", `dr-syncer.io/approve=${first.id}`);
  for (const name of ["a", "b"]) await safety.dr.untilGone("configmaps", "del-used", name);
  await safety.scene.apply(configMaps("del-used", ["a", "b"]));
  for (const name of ["a", "b"]) await safety.dr.until("configmaps", "del-used", name);
  await safety.deleteSource("del-used", ["a", "b"]);
  const second = await safety.hold("del-used", "KindEmptied", 2);
  assert.notEqual(second.id, first.id);
  assert.deepEqual(Object.keys(await safety.dr.versions("configmaps", "del-used")), ["a", "b"]);
}

async function heldWhenEmptied(safety: SafetyScene): Promise<void> {
  const names = numbered("cm", 5);
  await safety.mirror("del-emptied", names, { deletion: { grace: "1s", budget: { count: 100 } } });
  const before = await safety.dr.versions("configmaps", "del-emptied");
  await safety.deleteSource("del-emptied", names);
  const hold = await safety.hold("del-emptied", "KindEmptied", 5);
  await safety.event("del-emptied", hold.id);
  await safety.scene.apply([{
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "marker", namespace: "del-emptied" },
  }]);
  await safety.dr.until("secrets", "del-emptied", "marker");
  assert.deepEqual(await safety.dr.versions("configmaps", "del-emptied"), before);
}

async function retained(safety: SafetyScene): Promise<void> {
  await safety.mirror("del-retain", ["a", "b"], { deletion: { policy: "Retain", grace: "0s" } });
  const before = await safety.dr.versions("configmaps", "del-retain");
  await safety.deleteSource("del-retain", ["a"]);
  await safety.annotate("del-retain", "dr-syncer.io/sync-now=1");
  await safety.source.until("replications", CONTROL, "del-retain", ({ status }) => status.lastManualSync === "1");
  await safety.mark("del-retain", "marker");
  const { marker: _, ...after } = await safety.dr.versions("configmaps", "del-retain");
  assert.deepEqual(after, before);
}

async function orphanedClaim(safety: SafetyScene): Promise<void> {
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace: "del-claim" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  await safety.mirror("del-claim", ["a"], { deletion: { grace: "1s", budget: NO_BUDGET } });
  await safety.scene.apply([claim]);
  const copy = await safety.dr.until("persistentvolumeclaims", "del-claim", "data");
  await safety.scene.source.kubectl(["delete", "pvc", "data", "-n", "del-claim"]);
  const isMarked = ({ metadata }: { metadata: { annotations: Record<string, string> } }) =>
    metadata.annotations[ORPHANED_AT] !== undefined;
  const marked = await safety.dr.until("persistentvolumeclaims", "del-claim", "data", isMarked);
  assert.equal(marked.metadata.uid, copy.metadata.uid);
  assert.equal(marked.metadata.deletionTimestamp, undefined);
  assert.ok(Math.abs(Date.parse(marked.metadata.annotations[ORPHANED_AT]) - Date.now()) < 60_000);
  await safety.scene.apply([claim]);
  const back = await safety.dr.until("persistentvolumeclaims", "del-claim", "data", (object) => !isMarked(object));
  assert.equal(back.metadata.uid, copy.metadata.uid);
}

async function recreated(safety: SafetyScene): Promise<void> {
  await safety.mirror("del-again", ["a", "b", "c"], { deletion: { grace: "8s" } });
  const copy = await safety.dr.get("configmaps", "del-again", "a");
  const [wanted] = configMaps("del-again", ["a"], { round: "2" });
  await safety.scene.source.kubectl(["replace", "--force", "-f", "-"], { stdin: JSON.stringify(wanted) });
  const again = await safety.source.get("configmaps", "del-again", "a");
  await safety.deleteSource("del-again", ["b"]);
  const updated = await safety.dr.until("configmaps", "del-again", "a", ({ data }) => data?.round === "2");
  // Its grace ends after that of the first deletion.
  await safety.dr.untilGone("configmaps", "del-again", "b");
  const after = await safety.dr.get("configmaps", "del-again", "a");
  assert.equal(after?.metadata.uid, copy.metadata.uid, "the copy was created anew");
  assert.equal(after.metadata.resourceVersion, updated.metadata.resourceVersion);
  assert.equal(JSON.parse(after.metadata.annotations[ORIGIN]).uid, again.metadata.uid);
}

async function ignored(safety: SafetyScene): Promise<void> {
  await safety.mirror("del-ignore", ["a", "b"], { deletion: { grace: "8s" } });
  const startedMs = performance.now();
  await safety.scene.source.kubectl(["label", "configmap", "a", "-n", "del-ignore", "dr-syncer.io/ignore=true"]);
  await safety.dr.untilGone("configmaps", "del-ignore", "a");
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs >= 8_000, `the copy went after ${tookMs} ms`);
  assert.ok(await safety.source.get("configmaps", "del-ignore", "a"), "the source object stays");
  assert.ok(await safety.dr.get("configmaps", "del-ignore", "b"));
  await safety.scene.source.kubectl(["label", "configmap", "a", "-n", "del-ignore", "dr-syncer.io/ignore-"]);
  await safety.dr.until("configmaps", "del-ignore", "a");
}

async function namespaceGone(safety: SafetyScene): Promise<void> {
  const name = "del-namespace";
  // The rest of what a namespace holds comes and goes with it.
  const resourceTypes = ["configmaps"];
  await safety.mirror(name, ["a", "b", "c"], { deletion: { grace: "1s", budget: NO_BUDGET }, resourceTypes });
  const before = await safety.dr.versions("configmaps", name);
  await safety.scene.source.kubectl(["delete", "namespace", name]);
  assert.equal(await safety.source.namespace(name), undefined);
  const degraded = { type: "Degraded", status: "True" as const };
  await safety.source.condition("replications", name, { ...degraded, reason: "SourceNamespaceGone" });
  const gone = await safety.hold(name, "SourceNamespaceGone", 3);
  // Whatever somebody approves now: a namespace that is gone is no reason to empty its standby.
  await safety.annotate(name, `dr-syncer.io/approve=${gone.id}`, "dr-syncer.io/sync-now=1");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "1");
  assert.deepEqual(await safety.dr.versions("configmaps", name), before);
  await safety.scene.apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    ...configMaps(name, ["a", "fresh"]),
  ]);
  await safety.dr.until("configmaps", name, "fresh");
  const hold = await safety.hold(name, "SourceNamespaceRecreated", 2);
  assert.deepEqual(hold.sample, ["configmaps/b", "configmaps/c"]);
  await safety.source.condition("replications", name, { ...degraded, reason: "SourceNamespaceRecreated" });
  assert.equal((await safety.dr.list("configmaps", name)).length, 4);
  await safety.annotate(name, `dr-syncer.io/approve=${hold.id}`);
  for (const object of ["b", "c"]) await safety.dr.untilGone("configmaps", name, object);
  assert.deepEqual(Object.keys(await safety.dr.versions("configmaps", name)), ["a", "fresh"]);
}

async function labelTakenOff(safety: SafetyScene): Promise<void> {
  await safety.mirror("del-label", ["a", "b", "c"], { deletion: { grace: "8s" } });
  await safety.deleteSource("del-label", ["a"]);
  await safety.scene.dr.kubectl(["label", "configmap", "a", "-n", "del-label", "dr-syncer.io/managed-by-"]);
  await safety.deleteSource("del-label", ["b"]);
  const copy = await safety.dr.get("configmaps", "del-label", "a");
  await safety.dr.untilGone("configmaps", "del-label", "b");
  assert.deepEqual(await safety.dr.get("configmaps", "del-label", "a"), copy);
}

async function crash(safety: SafetyScene): Promise<void> {
  const name = "del-crash";
  const names = numbered("cm", 20);
  await safety.mirror(name, names, { deletion: { grace: "1s" } });
  await safety.deleteSource(name, ["cm-0", "cm-1"]);
  for (const gone of ["cm-0", "cm-1"]) await safety.dr.untilGone("configmaps", name, gone);
  await safety.deleteSource(name, names.slice(2, 7));
  const hold = await safety.hold(name, "Budget", 5);
  const { deletions } = (await safety.source.get("replications", CONTROL, name)).status;
  assert.equal(deletions.count, 2);
  await safety.scene.controller.stop("SIGKILL");
  await safety.deleteSource(name, ["cm-7"]);
  await safety.scene.startController([], "one");
  // One more than before: this hold is the new process's own.
  const after = await safety.hold(name, "Budget", 6);
  assert.notEqual(after.id, hold.id);
  assert.deepEqual((await safety.source.get("replications", CONTROL, name)).status.deletions, deletions);
  await safety.mark(name, "marker");
  assert.equal((await safety.dr.list("configmaps", name)).length, 19);
}

/** Jobs that the source's own controller ends; one half is gone before the grace is over, as their time to live says. */
async function finishedJobs(safety: SafetyScene): Promise<void> {
  const name = "del-jobs";
  const jobs = numbered("job", 8);
  const job = (name_: string, index: number) => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: name_, namespace: name },
    spec: {
      // Without Pods it goes on until its deadline.
      parallelism: 0,
      ...(index % 2 === 0 ? { ttlSecondsAfterFinished: 0 } : {}),
      template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "registry.example.com/a:1" }] } },
    },
  });
  await safety.mirror(name, numbered("cm", 20), { deletion: { grace: "8s" } });
  await safety.scene.apply(jobs.map(job));
  for (const one of jobs) await safety.dr.until("jobs", name, one);
  await safety.scene.source.kubectl([
    "patch",
    "jobs",
    ...jobs,
    "-n",
    name,
    "-p",
    '{"spec":{"activeDeadlineSeconds":1}}',
  ]);
  await safety.deleteSource(name, ["cm-0"]);
  for (const one of jobs) await safety.dr.untilGone("jobs", name, one);
  await safety.dr.untilGone("configmaps", name, "cm-0");
  const deleted = ({ status }: Printed) => status.syncStats.deleted === jobs.length + 1;
  const { status } = await safety.source.until("replications", CONTROL, name, deleted);
  assert.equal(status.deletions.count, 1);
  const left = (await safety.source.list("jobs", name)).map(({ metadata }) => metadata.name);
  assert.deepEqual(left, jobs.filter((_, index) => index % 2 === 1));
  const events = (await safety.source.events("Replication", name)).map(({ note }) => note);
  assert.deepEqual(events.filter((note) => note.includes("hold")), []);
}
