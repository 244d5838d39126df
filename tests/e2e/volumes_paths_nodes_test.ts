import assert from "node:assert/strict";
import { failuresOf, lostPasses, setWalls, startPathScene } from "./volumes_paths_scene.ts";
import {
  APP,
  CLAIM,
  database,
  inDatabase,
  restartController,
  syncNow,
  untilNoAgents,
  untilVolume,
  withReader,
} from "./volumes_scene.ts";

const NAME = "shop";
/** Bytes of a file that takes some seconds through the tunnel. */
const LARGE = 30_000_000;
const CUT_BYTES = 8 * 1_048_576;
const LIST = "cd /data && find . -path ./.dr-syncer -prune -o -printf '%y %m %U:%G %s %p %l\\n' | sort";
const DIGEST = "sha256sum </data/large";

Deno.test("paths of volumes", async (t) => {
  await using paths = await startPathScene();
  const { scene, proxy } = paths;
  const { source, dr } = scene;
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: APP } }, database]);
  await source.kubectl(["rollout", "status", "-n", APP, "statefulset/database", "--timeout=90s"], {
    deadlineMs: 100_000,
  });
  // What is compared afterwards does not change meanwhile.
  await inDatabase(
    scene,
    "touch /tmp/stop; mkdir /data/d; chown 12345 /data/d; ln -s d /data/link; ln /data/log /data/d/l",
  );
  const writeLarge = () => inDatabase(scene, `head -c ${LARGE} /dev/urandom >/data/large`);
  await writeLarge();

  /** Asks for a pass and waits until it has ended well. */
  const sync = async (value: string) => {
    const askedMs = Date.now();
    await syncNow(scene, NAME, value);
    return await untilVolume(
      scene,
      NAME,
      ({ phase, syncedUpTo }) => phase === "Synced" && Date.parse(syncedUpTo) > askedMs,
    );
  };
  const patch = async (pvc: object) => {
    const args = ["patch", "replications.dr-syncer.io", NAME, "-n", "dr-syncer-system", "--type=merge", "-p"];
    await source.kubectl([...args, JSON.stringify({ spec: { pvc } })]);
  };
  const assertEqual = async () => {
    await untilNoAgents(scene);
    await withReader(dr, async (run) => {
      assert.equal(await run(LIST), await inDatabase(scene, LIST));
      assert.equal(await run(DIGEST), await inDatabase(scene, DIGEST));
    });
  };

  await t.step("where nothing of the source can be reached, data comes through the API servers", async () => {
    await scene.replicate(APP, { pvc: { syncData: true } }, NAME);
    const { path } = await untilVolume(scene, NAME, ({ phase }) => phase === "Synced");
    assert.equal(path, "Tunnel");
    assert.ok(failuresOf(scene, "Direct", CLAIM) > 0);
    await assertEqual();
  });

  await t.step("the next pass does not try again what did not work", async () => {
    const before = failuresOf(scene, "Direct", CLAIM);
    assert.equal((await sync("one")).path, "Tunnel");
    assert.equal(failuresOf(scene, "Direct", CLAIM), before);
  });

  await t.step("a tunnel that is cut over and over brings everything all the same, in one pass", async () => {
    await writeLarge();
    proxy.resetAfter(CUT_BYTES);
    const { path } = await sync("two");
    proxy.resetAfter(undefined);
    assert.equal(path, "Tunnel");
    assert.ok(failuresOf(scene, "Tunnel", CLAIM) >= 2);
    assert.deepEqual(lostPasses(scene), []);
    await assertEqual();
  });

  await t.step("a tunnel that falls silent is noticed, and the pass goes on from where it was", async () => {
    await writeLarge();
    await patch({ bandwidthLimit: "2Mi" });
    const before = failuresOf(scene, "Tunnel", CLAIM);
    const passing = sync("three");
    await untilVolume(scene, NAME, ({ phase, percent }) => phase === "Syncing" && percent > 30);
    proxy.freeze({ above: 4 * 1_048_576 });
    const { path } = await passing;
    proxy.thaw();
    assert.equal(path, "Tunnel");
    assert.ok(failuresOf(scene, "Tunnel", CLAIM) > before);
    assert.deepEqual(lostPasses(scene), []);
    await assertEqual();
    await patch({ bandwidthLimit: null });
  });

  await t.step("what is held at once stays small, however much comes", () => {
    const held = scene.controller.lines.map(({ properties }) => Number(properties.peakHeldBytes ?? 0));
    assert.ok(Math.max(...held) > 0 && Math.max(...held) <= 262_144, held.join());
  });

  await t.step("where the source can be reached again, a controller that knows of nothing goes straight", async () => {
    await setWalls(scene, false);
    await scene.controller.stop("SIGTERM");
    await restartController(scene);
    await writeLarge();
    assert.equal((await sync("four")).path, "Direct");
    await assertEqual();
  });
});
