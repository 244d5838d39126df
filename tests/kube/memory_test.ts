/**
 * What lists of large objects leave behind: no memory outside of the JavaScript heap.
 *
 * @module
 */
import assert from "node:assert/strict";
import { listAll } from "../../kube/list_all.ts";
import { readMemory } from "../bench/process_figures.ts";
import { makeLarge } from "../bench/objects.ts";
import { CONFIG_MAPS, connect } from "../e2e/webhook_scene.ts";
import { startCluster } from "../rig/cluster.ts";

const OBJECTS = 60;
/** A page of 25 MiB as bytes, text and objects takes 230 where nobody hurries the collector; kept by the chunk, the two took 1,150. */
const MOST_MIB = 600;

Deno.test("two lists of large objects take a few pages of memory", async () => {
  await using cluster = await startCluster({ name: "memory" });
  const client = connect(cluster.kubeconfig);
  try {
    for (let index = 0; index < OBJECTS; index++) {
      await client.create(CONFIG_MAPS, makeLarge("default", `large-${index}`, index));
    }
    const before = await readMemory(Deno.pid);
    for (let time = 0; time < 2; time++) {
      let listed = 0;
      for await (const { items } of listAll(client, CONFIG_MAPS, { namespace: "default" })) listed += items.length;
      assert.ok(listed >= OBJECTS);
    }
    const grownMiB = (await readMemory(Deno.pid)).anonymousMiB - before.anonymousMiB;
    assert.ok(grownMiB < MOST_MIB, `${Math.round(grownMiB)} MiB`);
  } finally {
    client.close();
  }
});
