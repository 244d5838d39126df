/**
 * Measures the passes of agents against the plain command and against raw ssh, on the same trees in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { shell } from "../../agent/folder.ts";
import type { Stage, Way } from "./stage.ts";

/** Seconds that each way of copying took. */
export interface Timing {
  readonly oursSeconds: number;
  /** `rsync -avz` over ssh as it comes. */
  readonly plainSeconds: number;
  /** `ssh … cat` with our cipher. */
  readonly sshSeconds?: number;
}

/** How much is copied. */
export interface Amounts {
  readonly largeMiB: number;
  readonly files: number;
  readonly changedFiles: number;
}

/** Everything that is measured. */
export type CaseName = "largeFile" | "smallLan" | "unchangedLan" | "firstWan" | "unchangedWan" | "dirtyWan";

/** One measurement of each case. */
export type Timings = Readonly<Record<CaseName, Timing>>;

const CIPHER = "aes128-gcm@openssh.com";

/** Measures everything once. `onStep` hears what is going on. */
export async function measure(stage: Stage, amounts: Amounts, onStep: (what: string) => void): Promise<Timings> {
  const { sourcePath } = stage.scene;
  onStep(`one file of ${amounts.largeMiB} MiB`);
  await clear(sourcePath);
  await shell('head -c "$2"M /dev/urandom >"$1/large"', sourcePath, String(amounts.largeMiB));
  const largeFile = { ...await fromNothing(stage, "lan"), sshSeconds: await rawSsh(stage) };
  onStep(`${amounts.files} files, near`);
  await clear(sourcePath);
  await makeTree(sourcePath, amounts.files);
  const smallLan = await fromNothing(stage, "lan");
  onStep("the same, nothing changed");
  const unchangedLan = await both(stage, "lan");
  onStep("the same from nothing, far");
  const firstWan = await fromNothing(stage, "wan");
  onStep("the same, nothing changed, far");
  const unchangedWan = await both(stage, "wan");
  onStep(`the same, ${amounts.changedFiles} files changed, far`);
  await change(sourcePath, amounts);
  const dirtyWan = await both(stage, "wan");
  return { largeFile, smallLan, unchangedLan, firstWan, unchangedWan, dirtyWan };
}

async function fromNothing(stage: Stage, way: Way): Promise<Timing> {
  await clear(stage.scene.targetPath);
  await clear(stage.plainTarget);
  return await both(stage, way);
}

async function both(stage: Stage, way: Way): Promise<Timing> {
  const plainSeconds = await timed(() => plain(stage, way));
  const oursSeconds = await timed(() => pass(stage, way));
  await assertEqual(stage);
  return { plainSeconds, oursSeconds };
}

async function pass(stage: Stage, way: Way): Promise<void> {
  // More streams only help where one waits more than it sends.
  const { outcome } = await stage.scene.pass({ source: stage.sourceBy(way), channels: way === "wan" ? 4 : 1 });
  assert.equal(outcome.kind, "good", JSON.stringify(outcome));
}

async function plain(stage: Stage, way: Way): Promise<void> {
  const rsh = `--rsh=ssh ${stage.plainSsh(way).join(" ")}`;
  await run("/usr/bin/rsync", ["-avz", rsh, `root@127.0.0.1:${stage.scene.sourcePath}/`, `${stage.plainTarget}/`]);
}

/** The large file through ssh alone, into the same memory. */
async function rawSsh(stage: Stage): Promise<number> {
  await clear(stage.plainTarget);
  const words = ["-c", CIPHER, ...stage.plainSsh("lan"), "root@127.0.0.1", `cat ${stage.scene.sourcePath}/large`];
  return await timed(() => shell('out="$1"; shift; exec ssh "$@" >"$out"', `${stage.plainTarget}/large`, ...words));
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return (performance.now() - startMs) / 1_000;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const options = { stdin: "null", stdout: "null", stderr: "piped" } as const;
  const { code, stderr } = await new Deno.Command(program, { args: [...args], ...options }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

async function clear(path: string): Promise<void> {
  await shell('find "$1" -mindepth 1 -maxdepth 1 ! -name .dr-syncer -exec rm -rf {} +', path);
}

/** Folders of a hundred files of up to 2 KiB. */
async function makeTree(path: string, files: number): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(2_048));
  for (let index = 0; index < files; index++) {
    const folder = `${path}/${Math.floor(index / 100)}`;
    if (index % 100 === 0) await Deno.mkdir(folder);
    await Deno.writeFile(`${folder}/${index}`, bytes.subarray(0, 512 + index * 37 % 1_536));
  }
}

async function change(path: string, { files, changedFiles }: Amounts): Promise<void> {
  for (let count = 0; count < changedFiles; count++) {
    const index = Math.floor(count * files / changedFiles);
    await Deno.writeTextFile(`${path}/${Math.floor(index / 100)}/${index}`, `changed ${count} ${performance.now()}`);
  }
}

/** Both copies are what the source is: nothing was saved by not copying. */
async function assertEqual(stage: Stage): Promise<void> {
  for (const copy of [stage.scene.targetPath, stage.plainTarget]) {
    const args = ["-rn", "--delete", "--size-only", "--exclude=/.dr-syncer/", "--out-format=%n"];
    const { stdout } = await new Deno.Command("/usr/bin/rsync", {
      args: [...args, `${stage.scene.sourcePath}/`, `${copy}/`],
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "", `${copy} differs`);
  }
}
