import assert from "node:assert/strict";
import { join } from "node:path";
import type { KeptCluster } from "./kept.ts";
import { listRun, runTask, withCacheHome } from "./run_task.ts";
import { clusterNames, parseRequest } from "./task.ts";

Deno.test("up starts clusters that stay, status shows them, down leaves nothing", async () => {
  await withCacheHome(async (cacheHome) => {
    const up = await runTask(cacheHome, ["up", "--dr-version", "1.30"]);
    assert.equal(up.code, 0, up.stderr);
    assert.match(
      up.stdout,
      /^NAME +VERSION +SERVER +NODE +STATE +KUBECONFIG\nsource +1\.36\.3 .*\ndr +1\.30\.14 .*\n\nTry: /,
    );
    const clusters = JSON.parse((await runTask(cacheHome, ["status", "--json"])).stdout) as KeptCluster[];
    assert.deepEqual(clusters.map(({ name, state }) => `${name} ${state}`), ["source ready", "dr ready"]);
    const [line] = up.stdout.split("Try: ").slice(1);
    const tried = await new Deno.Command("sh", { args: ["-c", line ?? ""] }).output();
    assert.match(new TextDecoder().decode(tried.stdout), /kube-system/);
    const again = JSON.parse((await runTask(cacheHome, ["up", "--json"])).stdout) as KeptCluster[];
    assert.deepEqual(again, clusters);
    const other = await runTask(cacheHome, ["up", "--dr-version", "1.36"]);
    assert.match(other.stderr, /Cannot start dr with 1\.36\.3 as it runs 1\.30\.14: run `deno task rig down` first/);
    assert.equal((await runTask(cacheHome, ["down"])).stdout, "Removed source, dr.\n");
    assert.deepEqual(await listRun(cacheHome), []);
    assert.equal((await runTask(cacheHome, ["status", "--json"])).stdout, "[]\n");
  });
});

Deno.test("up without Go and without built programs says what to install", async () => {
  const cacheHome = await Deno.makeTempDir();
  try {
    const bin = join(cacheHome, "bin");
    await Deno.mkdir(bin);
    await Deno.symlink("/bin/sh", join(bin, "sh"));
    const { code, stderr } = await runTask(cacheHome, ["up"], { PATH: bin, KUBEBUILDER_ASSETS: "" });
    assert.equal(code, 1);
    assert.match(stderr, /^error: Cannot build .* as there is no Go here: install Go 1\.26\.0 or newer[^\n]*\n$/);
  } finally {
    await Deno.remove(cacheHome, { recursive: true });
  }
});

const wrong: [string[], RegExp][] = [
  [[], /use up, down or status/],
  [["start"], /Cannot run the command "start"/],
  [["up", "source"], /Cannot use the argument "source"/],
  [["up", "--clusters", "0"], /--clusters is a number from 1 to 9/],
  [["up", "--fast"], /--fast/],
  [["up", "--nodes", "--dr-version", "1.30"], /only the newest version has nodes/],
];

for (const [args, message] of wrong) {
  Deno.test(`a wrong command line is refused: rig ${args.join(" ")}`, () => {
    assert.throws(() => parseRequest(args), { name: "UsageError", message });
  });
}

Deno.test("a command line is read with its defaults", () => {
  const usual = { command: "up", clusters: 2, drVersion: undefined, nodes: false, json: false };
  assert.deepEqual(parseRequest(["up"]), usual);
  assert.deepEqual(parseRequest(["up", "--nodes"]), { ...usual, nodes: true });
  assert.deepEqual(parseRequest(["--json", "down"])?.json, true);
  assert.equal(parseRequest(["up", "--help"]), undefined);
  assert.deepEqual(clusterNames(4), ["source", "dr", "dr2", "dr3"]);
});
