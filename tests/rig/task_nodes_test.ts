import assert from "node:assert/strict";
import type { KeptCluster } from "./kept.ts";
import { listRun, runTask, withCacheHome } from "./run_task.ts";

Deno.test("up --nodes starts a cluster whose node stays, status shows it, down leaves nothing", async () => {
  await withCacheHome(async (cacheHome) => {
    const up = await runTask(cacheHome, ["up", "--nodes", "--clusters", "1"]);
    assert.equal(up.code, 0, up.stderr);
    assert.match(up.stdout, /^NAME +VERSION +SERVER +NODE .*\nsource +\S+ +https:\/\/(\S+):6443 +\1 +ready /);
    const read = async () => JSON.parse((await runTask(cacheHome, ["status", "--json"])).stdout) as KeptCluster[];
    const [source] = await read();
    assert.equal(source?.state, "ready");
    const readNumber = () => Deno.readLink(`/run/dr-syncer-rig/${source.node?.split(".")[3]}`).catch(() => "free");
    assert.equal(await readNumber(), source.directory);
    assert.equal((await runTask(cacheHome, ["down"])).stdout, "Removed source.\n");
    assert.deepEqual(await listRun(cacheHome), []);
    assert.notEqual(await readNumber(), source.directory);
  });
});
