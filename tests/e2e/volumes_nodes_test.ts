import assert from "node:assert/strict";
import { parse } from "yaml";
import { waitFor } from "../wait.ts";
import { blocksOf } from "./guide_shell.ts";
import { numbersIn } from "./volumes_numbers.ts";
import {
  agentKeys,
  agentObjects,
  APP,
  ATTIC,
  attic,
  CLAIM,
  database,
  DEADLINE_MS,
  inDatabase,
  restartController,
  runRunbook,
  startVolumeScene,
  syncNow,
  untilEvent,
  untilNoAgents,
  untilStats,
  untilVolume,
  volumeOf,
  withReader,
} from "./volumes_scene.ts";

const NAME = "shop";
/** Its own group on what is made in it, another owner, a link, a hole, an odd name. */
const TREE = "mkdir -p /data/tree/d && chown 12345:54321 /data/tree/d && chmod 2775 /data/tree/d && " +
  "ln -s ../log /data/tree/link && truncate -s 50M /data/tree/hole && printf x >'/data/tree/a b'";
const LIST = "cd /data/tree && find . -printf '%y %m %U:%G %s %p %l\\n' | sort";

/** Another byte in the copy; length and times stay, to the nanosecond. */
const ROT =
  "cd /data/tree && touch -r 'a b' /tmp/time && printf y | dd of='a b' conv=notrunc && touch -r /tmp/time 'a b'";

Deno.test("data of volumes", async (t) => {
  await using scene = await startVolumeScene();
  const { source, dr } = scene;
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: APP } }, database, attic]);
  await source.kubectl(["rollout", "status", "-n", APP, "statefulset/database", "--timeout=90s"], {
    deadlineMs: 100_000,
  });
  await inDatabase(scene, TREE);

  const examples = await blocksOf("docs/guide/volumes.md");
  assert.equal(examples.length, 3, "an example of the guide that is not run");
  const [syncing, scheduled, verified] = examples.map(({ text }) => parse(text));

  await t.step("what an application writes is in DR after the first sync", async () => {
    const written = numbersIn(await inDatabase(scene, "cat /data/log")).length;
    await scene.replicate(APP, syncing.spec, NAME);
    const volume = await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    assert.equal(volume.path, "Direct");
    assert.ok(volume.files >= 3 && volume.bytes > 50 * 1_048_576, JSON.stringify(volume));
    await scene.condition(NAME, "VolumesSynced", "True", "AllSynced");
    await untilEvent(scene, "VolumeSynced", new RegExp(`volume ${CLAIM} is in DR for the first time`));
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      const copied = numbersIn(await run("cat /data/log")).length;
      assert.ok(copied >= written, `${written} were written, ${copied} are in DR`);
      assert.equal(await run(LIST), await inDatabase(scene, LIST));
    });
  });

  const metric = (name: string, labels: Record<string, string> = {}) => {
    return scene.controller.metric(`dr_syncer_pvc_sync_${name}`, { volume: CLAIM, ...labels });
  };

  await t.step("metrics tell how old the data is, and what its passes were", async () => {
    const { lastGoodSyncTime, syncedUpTo } = await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    assert.equal(await metric("last_good_seconds"), Date.parse(lastGoodSyncTime) / 1_000);
    assert.equal(await metric("synced_up_to_seconds"), Date.parse(syncedUpTo) / 1_000);
    assert.ok(await metric("passes_total", { outcome: "good" }) >= 1);
    assert.ok(await metric("transferred_bytes_total") >= 50 * 1_048_576);
    assert.ok(await metric("duration_seconds") > 0);
    assert.deepEqual([await metric("running"), await metric("held")], [0, 0]);
    const columns = ["get", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system", "-o", "wide", "--no-headers"];
    assert.match((await source.kubectl(columns)).stdout, / 2 +2 +AllSynced\s*$/);
  });

  await t.step("a sync on demand brings what was written since", async () => {
    const before = await volumeOf(scene, NAME);
    const written = numbersIn(await inDatabase(scene, "cat /data/log")).length;
    const passes = await metric("passes_total");
    const askedMs = Date.now();
    await syncNow(scene, NAME, "one");
    await untilVolume(scene, NAME, ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) > askedMs);
    assert.notEqual(before?.syncedUpTo, undefined);
    await untilStats(scene, NAME, ({ lastManualSync }) => lastManualSync === "one");
    assert.equal(await metric("passes_total"), passes + 1, "one sync, one pass");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      assert.ok(numbersIn(await run("cat /data/log")).length >= written);
    });
  });

  const patch = async (body: object) => {
    const args = ["patch", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system", "--type=merge", "-p"];
    await source.kubectl([...args, JSON.stringify(body)]);
  };

  await t.step("passes by schedule compare contents, and mend what has rotted in DR", async () => {
    await withReader(dr, (run) => run(ROT));
    await patch(scheduled);
    const { nextSyncTime: daily } = await untilStats(scene, NAME, (stats) => stats.nextSyncTime !== undefined);
    assert.match(new Date(daily).toLocaleTimeString("de", { timeZone: "Europe/Berlin" }), /^(02|14):00:00$/);
    await patch(verified);
    await patch({ spec: { pvc: { trigger: { schedule: "* * * * *" } } } });
    const { nextSyncTime } = await untilStats(scene, NAME, ({ nextSyncTime: next }) => next && next !== daily);
    const { differing, verifiedFiles, files } = await untilVolume(
      scene,
      NAME,
      ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) >= Date.parse(nextSyncTime),
    );
    assert.deepEqual([differing, verifiedFiles], [1, files]);
    await untilEvent(scene, "VolumeDiffered", /1 files in DR .*: tree\/a b$/);
    assert.equal(await metric("differing_files_total"), 1);
    const patchedMs = Date.now();
    await patch({ spec: { timeZone: null, pvc: { trigger: null } } });
    await untilVolume(scene, NAME, ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) > patchedMs);
    await untilNoAgents(scene);
    await withReader(dr, async (run) => assert.equal(await run("cat '/data/tree/a b'"), "x"));
  });

  await t.step("an emptied source is held until a person approves, and DR keeps its data", async () => {
    await inDatabase(scene, "touch /tmp/stop; sleep 0.3; cp -a /data /tmp/kept; rm -rf /data/*");
    await syncNow(scene, NAME, "two");
    const held = await untilVolume(scene, NAME, ({ phase }) => phase === "Held");
    assert.equal(held.reason, "SourceShrank");
    await untilEvent(scene, "VolumeHeld", /the source holds 0 entries/);
    await scene.condition(NAME, "VolumesSynced", "False", "Held");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => assert.ok(numbersIn(await run("cat /data/log")).length > 0));
    const object = await scene.get(source, "replications.dr-syncer.io", NAME, "dr-syncer-system");
    const [hold] = object.status.holds;
    assert.equal(hold.volume, "data-database-0");
    // One of its commands releases what is held.
    await runRunbook(scene);
    await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => assert.equal((await run("ls /data")).trim(), ""));
  });

  await t.step("a volume that takes long keeps no other waiting", async () => {
    // The runbook has asked for a sync, too.
    const synced = await scene.get(source, "replications.dr-syncer.io", NAME, "dr-syncer-system");
    const earlier = synced.metadata.annotations["dr-syncer.io/sync-now"];
    await untilStats(scene, NAME, ({ lastManualSync }) => lastManualSync === earlier);
    await inDatabase(scene, "cp -a /tmp/kept/. /data; head -c 20000000 /dev/urandom >/data/large; rm /tmp/stop");
    const patchedMs = Date.now();
    await patch({ spec: { pvc: { bandwidthLimit: "100Ki" } } });
    await untilVolume(scene, NAME, ({ phase, percent }) => phase === "Syncing" && percent > 0);
    await untilVolume(
      scene,
      NAME,
      ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) > patchedMs,
      ATTIC,
    );
    const askedMs = Date.now();
    await syncNow(scene, NAME, "three");
    await untilVolume(scene, NAME, ({ syncedUpTo }) => Date.parse(syncedUpTo) > askedMs, ATTIC);
    // Objects are done; of the volumes one is not, and has not lost what it was.
    await scene.condition(NAME, "VolumesSynced", "True", "AllSynced");
    const { status } = await scene.get(source, "replications.dr-syncer.io", NAME, "dr-syncer-system");
    assert.deepEqual([status.lastManualSync, status.volumeStats.lastManualSync], ["three", earlier]);
    assert.equal((await volumeOf(scene, NAME))?.phase, "Syncing");
    assert.equal(await metric("running"), 1);
  });

  await t.step(
    "each Secret of an agent holds what its side needs, and no private key is in both clusters",
    async () => {
      const [inSource, inDr] = await Promise.all([source, dr].map((cluster) => agentKeys(cluster)));
      assert.deepEqual(Object.keys(inSource ?? {}).sort(), ["client-keys", "host-key"]);
      assert.deepEqual(Object.keys(inDr ?? {}).sort(), ["client-key", "host-keys"]);
      const isPrivate = (text = "") => text.includes("PRIVATE KEY");
      assert.deepEqual([inSource?.["host-key"], inSource?.["client-keys"]].map(isPrivate), [true, false]);
      assert.deepEqual([inDr?.["client-key"], inDr?.["host-keys"]].map(isPrivate), [true, false]);
    },
  );

  await t.step("a pass ends when its namespace is activated, and begins anew when it is a standby again", async () => {
    const role = async (value: string) => {
      await dr.kubectl(["annotate", "--overwrite", "lease", "dr-syncer", "-n", APP, `dr-syncer.io/role=${value}`]);
    };
    assert.ok((await agentObjects(scene)).length > 0);
    await role("Active");
    await untilNoAgents(scene);
    await scene.condition(NAME, "VolumesSynced", "Unknown", "NotRunning");
    await role("Standby");
    await scene.condition(NAME, "VolumesSynced", "True", "AllSynced", DEADLINE_MS);
    await untilVolume(scene, NAME, ({ phase, percent }) => phase === "Syncing" && percent > 0);
  });

  await t.step("a controller that is killed in mid-pass leaves nothing: the next one takes over", async () => {
    const left = await agentObjects(scene);
    assert.ok(left.length >= 7, left.join(", "));
    await scene.controller.stop("SIGKILL");
    await restartController(scene);
    await waitFor("the agents of the killed one gone", async () => {
      const now = await agentObjects(scene);
      return !left.some((object) => now.includes(object));
    }, { deadlineMs: DEADLINE_MS });
    await patch({ spec: { pvc: { bandwidthLimit: null } } });
    await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    // What was asked of the killed one is made up for.
    await untilStats(scene, NAME, ({ lastManualSync }) => lastManualSync === "three");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      const digest = "sha256sum </data/large";
      assert.equal(await run(digest), await inDatabase(scene, digest));
    });
  });

  await t.step("a namespace that allows no agents is told by the policy that refuses them", async () => {
    const label = "pod-security.kubernetes.io/enforce";
    await source.kubectl(["label", "namespace", APP, `${label}=restricted`]);
    await syncNow(scene, NAME, "refused");
    const { message, phase } = await untilVolume(scene, NAME, ({ reason }) => reason === "Denied");
    assert.match(message, /violates PodSecurity "restricted/);
    assert.equal(phase, "Failed");
    await untilNoAgents(scene);
    await source.kubectl(["label", "namespace", APP, `${label}-`]);
    await syncNow(scene, NAME, "allowed");
    await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
  });

  await t.step("a Pod in DR that uses the claim keeps passes away", async () => {
    await withReader(dr, async () => {
      await syncNow(scene, NAME, "four");
      const { message } = await untilVolume(scene, NAME, ({ reason }) => reason === "TargetInUse");
      assert.match(message, /Pod reader uses the claim in DR/);
    });
  });

  await t.step("nothing but the data is left after the Replication is deleted", async () => {
    await inDatabase(scene, "head -c 20000000 /dev/urandom >/data/large");
    await patch({ spec: { pvc: { bandwidthLimit: "100Ki" } } });
    await untilVolume(scene, NAME, ({ phase, percent }) => phase === "Syncing" && percent > 0);
    await source.kubectl(["delete", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system", "--timeout=90s"], {
      deadlineMs: 100_000,
    });
    await untilNoAgents(scene);
    assert.equal(await scene.get(dr, "configmap", "dr-syncer-volumes", APP), undefined);
    await waitFor("no series of its volumes", async () => {
      return !/^dr_syncer_pvc_sync_.*\{/m.test(await (await fetch(`${scene.controller.healthUrl}/metrics`)).text());
    }, { deadlineMs: DEADLINE_MS });
    await withReader(dr, async (run) => assert.ok(numbersIn(await run("cat /data/log")).length > 0));
  });
});
