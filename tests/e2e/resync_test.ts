import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient, KubeObject } from "../../kube/types.ts";
import { NAMESPACES } from "../../reconciler/builtin_types.ts";
import { systemClock } from "../../reconciler/clock.ts";
import { Fence } from "../../reconciler/fence.ts";
import { fenceLeaseStore } from "../../reconciler/fence_lease.ts";
import { DeletionLedger } from "../../reconciler/intents.ts";
import type { MirroredKind } from "../../reconciler/kinds.ts";
import { Memory } from "../../reconciler/memory.ts";
import { mirrorKey } from "../../reconciler/mirror.ts";
import type { MirrorContext } from "../../reconciler/mirror_context.ts";
import { KeyedQueue } from "../../reconciler/queue.ts";
import { resyncKind } from "../../reconciler/resync.ts";
import { CONFIG_MAPS } from "../kube/follower.ts";
import { addressOf } from "../kube/watched_cluster.ts";
import { startCluster } from "../rig/cluster.ts";

const KIND: MirroredKind = { name: "configmaps", source: CONFIG_MAPS, target: CONFIG_MAPS, tier: 1, selected: true };

/** One source and one DR namespace of a real cluster, mirrored by hand. */
class Scene {
  readonly memory = new Memory();
  readonly queue = new KeyedQueue(systemClock);
  readonly tombstones = new Set<string>();
  readonly context: MirrorContext;

  private constructor(readonly client: KubeClient, readonly name: string, fence: Fence, tracked: boolean) {
    const { memory, tombstones } = this;
    this.context = {
      identity: {
        replicationId: "0123456789ab",
        sourceClusterId: "source",
        destinationClusterId: "dr",
        sourceNamespace: name,
        destinationNamespace: `${name}-dr`,
      },
      options: {
        scaleToZero: true,
        rbacObjects: "Mirror",
        helmReleases: "Skip",
        trackingKeys: [],
        crds: "Never",
        conflictPolicy: "Abort",
        driftPolicy: "Correct",
        immutableFieldPolicy: "Report",
        deletion: { policy: "Mirror", graceMs: 0, budget: { count: 9, percent: 100, windowMs: 600_000 } },
      },
      source: client,
      target: client,
      memory,
      fence,
      ledger: new DeletionLedger({ startWallMs: Date.now(), count: 0 }, () => Promise.resolve()),
      clock: systemClock,
      signal: new AbortController().signal,
      bodiesAreTracked: tracked,
      tombstones,
      mayWrite: () => fence.open,
      kinds: () => new Map([["configmaps", KIND]]),
      kindListed: () => true,
      sourceNamespaceState: () => Promise.resolve("Present"),
      sourceIdentityKnown: () => true,
      missingKind: () => Promise.reject(new Error("the kind is there")),
      isYoung: () => false,
      targetSchema: () => undefined,
      usedRules: new Set(),
      adaptation: () => ({}),
      audit: () => {},
    };
  }

  static async make(client: KubeClient, name: string, tracked = true): Promise<Scene> {
    for (const namespace of [name, `${name}-dr`]) {
      await client.create(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    }
    const fence = new Fence(fenceLeaseStore(client, `${name}-dr`, {}), "holder", undefined, systemClock);
    await fence.acquire(() => Promise.resolve(false), {});
    return new Scene(client, name, fence, tracked);
  }

  /** A full pass; answers what it did, by name. */
  async pass(): Promise<string[]> {
    await resyncKind(KIND, this.context, this.queue);
    const done: string[] = [];
    for (let item = this.queue.take(); item !== undefined; item = this.queue.take()) {
      const outcome = await mirrorKey(item, this.context);
      done.push(`${item.key.split("/")[1]} ${outcome.type === "Written" ? outcome.operation : outcome.type}`);
      this.queue.done(item.key);
    }
    return done;
  }

  write(name: string, value: string): Promise<KubeObject> {
    const metadata = { name, namespace: this.name };
    return this.client.apply(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } }, {
      fieldManager: "test",
    });
  }

  async copy(name: string): Promise<string | undefined> {
    const { items } = await this.client.list(CONFIG_MAPS, { namespace: `${this.name}-dr` });
    const found = items.find((item) => item.metadata.name === name);
    return found === undefined ? undefined : (found.data as { value?: string }).value;
  }
}

Deno.test("a full pass finds what no watch has told", async (t) => {
  await using cluster = await startCluster({ name: "resync" });
  const transport = createTransport(addressOf(cluster));
  const client = createKubeClient(transport);

  await t.step("objects are created, changed and deleted; with nothing changed nothing is done", async () => {
    const scene = await Scene.make(client, "basic");
    await scene.write("a", "1");
    await scene.write("b", "1");
    assert.deepEqual(await scene.pass(), ["a create", "b create"]);
    assert.deepEqual(await scene.pass(), []);
    await scene.write("a", "2");
    await client.delete(CONFIG_MAPS, { namespace: "basic", name: "b" });
    assert.deepEqual(await scene.pass(), ["a update", "b delete"]);
    assert.deepEqual([await scene.copy("a"), await scene.copy("b"), await scene.pass()], ["2", undefined, []]);
  });

  await t.step("a copy that vanished is made again although memory believes in it", async () => {
    const scene = await Scene.make(client, "vanished");
    await scene.write("a", "1");
    await scene.pass();
    await client.delete(CONFIG_MAPS, { namespace: "vanished-dr", name: "a" });
    assert.deepEqual(await scene.pass(), ["a create"]);
    await client.delete(CONFIG_MAPS, { namespace: "vanished-dr", name: "a" });
    // Also when the key waits already.
    scene.queue.add("configmaps/a");
    assert.deepEqual(await scene.pass(), ["a create"]);
  });

  await t.step("an object that was deleted in a gap of the watch is noticed after the relist", async () => {
    const scene = await Scene.make(client, "gap");
    await scene.write("a", "1");
    await scene.write("b", "1");
    await scene.pass();
    await client.delete(CONFIG_MAPS, { namespace: "gap", name: "a" });
    scene.memory.distrustSource("configmaps");
    assert.deepEqual(await scene.pass(), ["a delete"]);
  });

  await t.step("a source whose resourceVersions went back is followed where no watch tells", async () => {
    const scene = await Scene.make(client, "restored", false);
    await scene.write("a", "1");
    await scene.pass();
    const entry = scene.memory.ensure("configmaps/a");
    entry.sourceResourceVersion = `${Number(entry.sourceResourceVersion) + 1_000_000}`;
    await scene.write("a", "2");
    assert.deepEqual(await scene.pass(), ["a update"]);
    assert.equal(await scene.copy("a"), "2");
  });

  await t.step("what was listed before a deletion was seen is read again, not written", async () => {
    const scene = await Scene.make(client, "tombstone");
    const { metadata } = await scene.write("a", "old");
    scene.tombstones.add("configmaps/a");
    await resyncKind(KIND, scene.context, scene.queue);
    assert.equal(scene.queue.take()?.body, undefined);
    scene.queue.clear();
    scene.tombstones.clear();
    await resyncKind(KIND, scene.context, scene.queue);
    assert.equal(scene.queue.take()?.body?.metadata.uid, metadata.uid);
  });

  await t.step("an ignored object loses its copy, and an edit of a copy is undone", async () => {
    const scene = await Scene.make(client, "edits");
    await scene.write("a", "1");
    await scene.write("b", "1");
    await scene.pass();
    const ignore = { metadata: { labels: { "dr-syncer.io/ignore": "true" } } };
    await client.patch(CONFIG_MAPS, { namespace: "edits", name: "a" }, { type: "merge", body: ignore });
    const edit = { data: { value: "by hand" } };
    await client.patch(CONFIG_MAPS, { namespace: "edits-dr", name: "b" }, { type: "merge", body: edit });
    assert.deepEqual(await scene.pass(), ["a delete", "b update"]);
    assert.deepEqual([await scene.copy("a"), await scene.copy("b"), await scene.pass()], [undefined, "1", []]);
  });
  transport.close();
});
