import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KeptCluster } from "./kept.ts";
import { findRigPaths } from "./paths.ts";
import { clusterNames, parseRequest } from "./task.ts";

const denoDir = Deno.env.get("DENO_DIR") ?? join(dirname(dirname(findRigPaths().cacheDir)), "deno");

/** Runs the task with a cache folder of its own, in which only the built programs are the usual ones. */
async function runTask(cacheHome: string, args: string[], variables: Record<string, string> = {}) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-env=HOME,XDG_CACHE_HOME,KUBEBUILDER_ASSETS",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-net=127.0.0.1",
      fileURLToPath(new URL("task.ts", import.meta.url)),
      ...args,
    ],
    // Deno's own cache moves with XDG_CACHE_HOME too, unless it is named.
    env: { XDG_CACHE_HOME: cacheHome, DENO_DIR: denoDir, ...variables },
  }).output();
  const decoder = new TextDecoder();
  return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
}

async function withCacheHome(action: (cacheHome: string) => Promise<void>): Promise<void> {
  const cacheHome = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(cacheHome, "dr-syncer"));
    await Deno.symlink(findRigPaths().cacheDir, join(cacheHome, "dr-syncer/rig"));
    await action(cacheHome);
  } finally {
    await runTask(cacheHome, ["down"]);
    await Deno.remove(cacheHome, { recursive: true });
  }
}

async function listRun(cacheHome: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(join(cacheHome, "dr-syncer/run")))).map((entry) => entry.name);
}

Deno.test("up starts clusters that stay, status shows them, down leaves nothing", async () => {
  await withCacheHome(async (cacheHome) => {
    const up = await runTask(cacheHome, ["up", "--dr-version", "1.30"]);
    assert.equal(up.code, 0, up.stderr);
    assert.match(
      up.stdout,
      /^NAME +VERSION +SERVER +STATE +KUBECONFIG\nsource +1\.36\.3 .*\ndr +1\.30\.14 .*\n\nTry: /,
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
];

for (const [args, message] of wrong) {
  Deno.test(`a wrong command line is refused: rig ${args.join(" ")}`, () => {
    assert.throws(() => parseRequest(args), { name: "UsageError", message });
  });
}

Deno.test("a command line is read with its defaults", () => {
  assert.deepEqual(parseRequest(["up"]), { command: "up", clusters: 2, drVersion: undefined, json: false });
  assert.deepEqual(parseRequest(["--json", "down"])?.json, true);
  assert.equal(parseRequest(["up", "--help"]), undefined);
  assert.deepEqual(clusterNames(4), ["source", "dr", "dr2", "dr3"]);
});
