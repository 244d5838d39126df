/**
 * What lists of large objects leave behind: no memory outside of the JavaScript heap.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readMemory } from "../bench/process_figures.ts";
import { makeLarge } from "../bench/objects.ts";
import { CONFIG_MAPS, connect } from "../e2e/webhook_scene.ts";
import { TextLineStream } from "../line_stream.ts";
import { controllerEnvironment, controllerPermissions } from "../permissions.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";

const OBJECTS = 60;
/** A page of 25 MiB as bytes, text and objects, twice, takes 25 as a rule; kept by the chunk, the two took 1,240. */
const MOST_MIB = 200;
const DEADLINE_MS = 120_000;
const script = new URL("./lister_process.ts", import.meta.url).pathname;

Deno.test("two lists of large objects take a few pages of memory", async () => {
  await using cluster = await startCluster({ name: "memory" });
  await fill(cluster);
  await using lister = startLister(cluster.kubeconfigPath);
  assert.equal(await lister.hear(), "ready");
  const before = await readMemory(lister.pid);
  for (let time = 0; time < 2; time++) {
    await lister.ask();
    assert.ok(Number(await lister.hear()) >= OBJECTS);
  }
  const grownMiB = (await readMemory(lister.pid)).anonymousMiB - before.anonymousMiB;
  assert.ok(grownMiB < MOST_MIB, `${Math.round(grownMiB)} MiB`);
});

async function fill(cluster: Cluster): Promise<void> {
  const client = connect(cluster.kubeconfig);
  try {
    for (let index = 0; index < OBJECTS; index++) {
      await client.create(CONFIG_MAPS, makeLarge("default", `large-${index}`, index));
    }
  } finally {
    client.close();
  }
}

/** A process that lists, with the controller's flags and environment: both decide how soon memory is given back. */
function startLister(kubeconfigPath: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...controllerPermissions, script, kubeconfigPath],
    env: controllerEnvironment,
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
  const asks = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  return {
    pid: child.pid,
    /** The next line; undefined when it has ended. */
    hear: async () => (await lines.read()).value,
    ask: () => asks.write(new TextEncoder().encode("\n")),
    async [Symbol.asyncDispose]() {
      await asks.close();
      await lines.cancel();
      await child.status;
    },
  };
}
