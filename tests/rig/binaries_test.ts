import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { type BuildProgress, ensureBinaries, MissingRequirement } from "./binaries.ts";
import { cacheKeyOf, defaultModule, findModule, linkerFlagsOf, moduleOf } from "./versions.ts";

async function inTemporaryFolder(action: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await action(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A program that answers as Go does, but is quick: what is tested is everything around it. */
async function writeGo(directory: string, version: string, build: string): Promise<string> {
  const path = join(directory, "go");
  const script = `#!/bin/sh\n[ "$1" = env ] && { echo ${version}; exit 0; }\n` +
    `while [ "$1" != -o ]; do shift; done\nout=$2\n${build}\n`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return path;
}

const pathsIn = (cacheDir: string, assetsDir?: string) => ({ cacheDir, runDir: cacheDir, assetsDir });

Deno.test("without Go, one sentence says what to install", async () => {
  await inTemporaryFolder(async (directory) => {
    const ensure = ensureBinaries(undefined, ["etcd"], { paths: pathsIn(directory), go: "/nowhere/go" });
    await assert.rejects(ensure, (error: Error) => {
      assert.ok(error instanceof MissingRequirement);
      assert.match(
        error.message,
        /^Cannot build etcd [\d.]+ as there is no Go here: install Go 1\.26\.0 or newer[^\n]*$/,
      );
      return true;
    });
  });
});

Deno.test("a Go that is too old is named, a newer one is not", async () => {
  await inTemporaryFolder(async (directory) => {
    for (const [version, isTooOld] of [["go1.25.9", true], ["go1.9", true], ["go1.26.0", false], ["go1.100", false]]) {
      const go = await writeGo(directory, String(version), "exit 1");
      const ensure = ensureBinaries(undefined, ["etcd"], { paths: pathsIn(join(directory, "cache")), go });
      await assert.rejects(ensure, isTooOld ? /as Go [\d.]+ is too old: install Go/ : /`go build` failed/);
    }
  });
});

Deno.test("a failing build tells the last lines of Go's output, and leaves nothing that looks built", async () => {
  await inTemporaryFolder(async (directory) => {
    const go = await writeGo(directory, "go1.26.8", "echo half >$out; echo no space left on device >&2; exit 1");
    const options = { paths: pathsIn(join(directory, "cache")), go };
    await assert.rejects(ensureBinaries("1.30", ["kube-apiserver"], options), /no space left on device/);
    await assert.rejects(ensureBinaries("1.30", ["kube-apiserver"], options), /no space left on device/);
  });
});

Deno.test("two builds at once build each program once, and tell how they go on", async () => {
  await inTemporaryFolder(async (directory) => {
    const log = join(directory, "log");
    const go = await writeGo(directory, "go1.26.8", `echo built >>${log}; sleep 0.3; echo x >$out`);
    const told: BuildProgress[] = [];
    const options = {
      paths: pathsIn(join(directory, "cache")),
      go,
      onProgress: (progress: BuildProgress) => told.push(progress),
    };
    const names = ["etcd", "kubectl"] as const;
    const [first, second] = await Promise.all([0, 1].map(() => ensureBinaries(undefined, names, options)));
    assert.deepEqual(first, second);
    assert.equal(await Deno.readTextFile(first!.kubectl), "x\n");
    assert.equal((await Deno.readTextFile(log)).trim().split("\n").length, 2);
    const done = told.filter((progress) => progress.state === "done");
    assert.deepEqual(done.map(({ what, position, count }) => `${what} ${position}/${count}`), [
      "etcd 3.6.16 1/2",
      "kubectl 1.36.3 2/2",
    ]);
  });
});

Deno.test("the lock of a build that was killed stops nobody", async () => {
  await inTemporaryFolder(async (directory) => {
    const started = join(directory, "started");
    const go = await writeGo(
      directory,
      "go1.26.8",
      `[ -e ${started} ] && { echo x >$out; exit; }; echo $$ >${started}.new; mv ${started}.new ${started}; exec sleep 60`,
    );
    const cacheDir = join(directory, "cache");
    const script = `import { ensureBinaries } from ${JSON.stringify(import.meta.resolve("./binaries.ts"))};
      const paths = ${JSON.stringify(pathsIn(cacheDir))};
      await ensureBinaries(undefined, ["etcd"], { paths, go: ${JSON.stringify(go)} });`;
    const killed = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-lock", script] }).spawn();
    const build = await waitFor("the first build", () => Deno.readTextFile(started), { deadlineMs: 20_000 });
    killed.kill("SIGKILL");
    await killed.status;
    const found = await ensureBinaries(undefined, ["etcd"], { paths: pathsIn(cacheDir), go });
    Deno.kill(Number(build), "SIGKILL");
    assert.equal(await Deno.readTextFile(found.etcd), "x\n");
  });
});

Deno.test("KUBEBUILDER_ASSETS serves the default version, as far as it goes", async () => {
  await inTemporaryFolder(async (directory) => {
    const assets = join(directory, "assets");
    await Deno.mkdir(assets);
    for (const name of ["etcd", "kube-apiserver", "kubectl"]) await Deno.writeTextFile(join(assets, name), "");
    const options = { paths: pathsIn(directory, assets), go: "/nowhere/go" };
    const found = await ensureBinaries(undefined, ["etcd", "kube-apiserver"], options);
    assert.deepEqual(found, { "etcd": join(assets, "etcd"), "kube-apiserver": join(assets, "kube-apiserver") });
    await assert.rejects(ensureBinaries("1.30", ["kube-apiserver"], options), /Cannot build kube-apiserver 1\.30\.14/);
    const controllers = ensureBinaries(undefined, ["kube-controller-manager"], options);
    await assert.rejects(controllers, /Cannot build kube-controller-manager 1\.36\.3/);
  });
});

Deno.test("a version is found by whole parts, and an unknown one lists what there is", () => {
  assert.equal(findModule().version, "1.36.3");
  for (const version of ["1.30", "v1.30", "1.30.14"]) assert.equal(findModule(version).version, "1.30.14");
  assert.throws(() => findModule("1.3"), /Cannot run Kubernetes 1\.3 as the rig has only 1\.36\.3, 1\.30\.14/);
});

Deno.test("only the API server of an older version is its own", () => {
  const oldest = findModule("1.30");
  assert.equal(moduleOf("kube-apiserver", oldest), oldest);
  assert.equal(moduleOf("kubectl", oldest), defaultModule);
  assert.match(linkerFlagsOf(oldest), /gitVersion=v1\.30\.14 .*gitMajor=1 .*gitMinor=30$/);
});

Deno.test("each module has a folder of its own in the cache", async () => {
  const modules = [defaultModule, findModule("1.30"), moduleOf("etcd", defaultModule)];
  const keys = await Promise.all(modules.map(cacheKeyOf));
  assert.equal(new Set(keys).size, 3);
  for (const key of keys) assert.match(key, /^(kubernetes|etcd)-[\d.]+-[0-9a-f]{12}$/);
});
