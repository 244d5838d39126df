import assert from "node:assert/strict";
import { parse } from "yaml";
import { waitFor } from "../wait.ts";
import { readBlocks } from "./guide_shell.ts";
import { numbersIn } from "./volumes_numbers.ts";
import {
  agentObjects,
  APP,
  ATTIC,
  attic,
  database,
  DEADLINE_MS,
  inDatabase,
  restartController,
  startVolumeScene,
  syncNow,
  untilNoAgents,
  untilVolume,
  volumeOf,
  withReader,
} from "./volumes_scene.ts";

const NAME = "shop";
/** Its own group on what is made in it, another owner, a link, a hole, an odd name. */
const TREE = "mkdir -p /data/tree/d && chown 12345:54321 /data/tree/d && chmod 2775 /data/tree/d && " +
  "ln -s ../log /data/tree/link && truncate -s 50M /data/tree/hole && printf x >'/data/tree/a b'";
const LIST = "cd /data/tree && find . -printf '%y %m %U:%G %s %p %l\\n' | sort";

Deno.test("data of volumes", async (t) => {
  await using scene = await startVolumeScene();
  const { source, dr } = scene;
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: APP } }, database, attic]);
  await source.kubectl(["rollout", "status", "-n", APP, "statefulset/database", "--timeout=90s"], {
    deadlineMs: 100_000,
  });
  await inDatabase(scene, TREE);

  await t.step("what an application writes is in DR after the first sync", async () => {
    const written = numbersIn(await inDatabase(scene, "cat /data/log")).length;
    const examples = (await readBlocks()).filter(({ page }) => page === "docs/guide/volumes.md");
    assert.equal(examples.length, 1, "an example of the guide that is not run");
    await scene.replicate(APP, parse(examples[0]?.text ?? "").spec, NAME);
    const volume = await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    assert.equal(volume.path, "Direct");
    assert.ok(volume.files >= 3 && volume.bytes > 50 * 1_048_576, JSON.stringify(volume));
    await scene.condition(NAME, "VolumesSynced", "True", "AllSynced");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      const copied = numbersIn(await run("cat /data/log")).length;
      assert.ok(copied >= written, `${written} were written, ${copied} are in DR`);
      assert.equal(await run(LIST), await inDatabase(scene, LIST));
    });
  });

  await t.step("a sync on demand brings what was written since", async () => {
    const before = await volumeOf(scene, NAME);
    const written = numbersIn(await inDatabase(scene, "cat /data/log")).length;
    const askedMs = Date.now();
    await syncNow(scene, NAME, "one");
    await untilVolume(scene, NAME, ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) > askedMs);
    assert.notEqual(before?.syncedUpTo, undefined);
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      assert.ok(numbersIn(await run("cat /data/log")).length >= written);
    });
  });

  await t.step("an emptied source is held until a person approves, and DR keeps its data", async () => {
    await inDatabase(scene, "touch /tmp/stop; sleep 0.3; cp -a /data /tmp/kept; rm -rf /data/*");
    await syncNow(scene, NAME, "two");
    const held = await untilVolume(scene, NAME, ({ phase }) => phase === "Held");
    assert.equal(held.reason, "SourceShrank");
    await scene.condition(NAME, "VolumesSynced", "False", "Held");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => assert.ok(numbersIn(await run("cat /data/log")).length > 0));
    const object = await scene.get(source, "replications.dr-syncer.io", NAME, "dr-syncer-system");
    const [hold] = object.status.holds;
    assert.equal(hold.volume, "data-database-0");
    const args = ["annotate", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system"];
    await source.kubectl([...args, `dr-syncer.io/approve=${hold.id}`]);
    await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    await untilNoAgents(scene);
    await withReader(dr, async (run) => assert.equal((await run("ls /data")).trim(), ""));
  });

  const patch = async (body: object) => {
    const args = ["patch", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system", "--type=merge", "-p"];
    await source.kubectl([...args, JSON.stringify(body)]);
  };

  await t.step("a volume that takes long keeps no other waiting", async () => {
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
    assert.equal((await volumeOf(scene, NAME))?.phase, "Syncing");
  });

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
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      const digest = "sha256sum </data/large";
      assert.equal(await run(digest), await inDatabase(scene, digest));
    });
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
    await withReader(dr, async (run) => assert.ok(numbersIn(await run("cat /data/log")).length > 0));
  });
});
