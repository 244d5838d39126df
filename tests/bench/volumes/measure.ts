/**
 * Measures the passes of agents against the plain command and against raw ssh, on the same trees in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { PassRequestInput } from "../../../agent/protocol.ts";
import type { PassReport } from "../../../agent/report.ts";
import { shell } from "../../agent/folder.ts";
import { lastGoodOf } from "../../agent/scene.ts";
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
export type CaseName = (typeof CASE_NAMES)[number];

/** One measurement of each case that was asked for. */
export type Timings = Readonly<Partial<Record<CaseName, Timing>>>;

const CIPHER = "aes128-gcm@openssh.com";

/** All cases, in the order in which one leaves what the next needs. */
export const CASE_NAMES = ["largeFile", "smallLan", "unchangedLan", "firstWan", "unchangedWan", "dirtyWan"] as const;

/** Measures the cases that are asked for once. `onStep` hears what is going on. */
export async function measure(
  stage: Stage,
  amounts: Amounts,
  cases: ReadonlySet<CaseName>,
  onStep: (what: string) => void,
): Promise<Timings> {
  const { sourcePath } = stage.scene;
  const timings: Partial<Record<CaseName, Timing>> = {};
  let hasTree = false;
  for (const name of CASE_NAMES.filter((name) => cases.has(name))) {
    onStep(name);
    if (name === "largeFile") {
      await clear(sourcePath);
      // Random bytes: the plain command's compression gains nothing on them, as on most large files of our days.
      await shell('head -c "$2"M /dev/urandom >"$1/large"', sourcePath, String(amounts.largeMiB));
      timings[name] = { ...await fromNothing(stage, "lan"), sshSeconds: await rawSsh(stage) };
      continue;
    }
    if (!hasTree) {
      await clear(sourcePath);
      await makeTree(sourcePath, amounts.files);
      hasTree = true;
    }
    timings[name] = await smallFiles(stage, name, amounts);
  }
  return timings;
}

async function smallFiles(stage: Stage, name: Exclude<CaseName, "largeFile">, amounts: Amounts): Promise<Timing> {
  const way = name.endsWith("Lan") ? "lan" : "wan";
  if (name === "smallLan" || name === "firstWan") return await fromNothing(stage, way);
  await copyLocally(stage);
  if (name !== "dirtyWan") return await both(stage, way);
  // As an agent that stays does it: the last pass is a moment ago, and its connection open.
  await stage.scene.restartTarget();
  const lastGood = lastGoodOf(await pass(stage, way));
  await change(stage.scene.sourcePath, amounts);
  const plainSeconds = await timed(() => plain(stage, way));
  const oursSeconds = await timed(async () => {
    const { changesOnly } = await pass(stage, way, { lastGood, changesOnly: true });
    assert.ok(changesOnly, "the pass looked at everything");
  });
  await assertEqual(stage);
  return { plainSeconds, oursSeconds };
}

/** Both copies become what the source is, times included, whatever was measured before. */
async function copyLocally({ scene, plainTarget }: Stage): Promise<void> {
  for (const copy of [scene.targetPath, plainTarget]) {
    await shell('rsync -aHAX --delete --exclude=/.dr-syncer/ "$1/" "$2/"', scene.sourcePath, copy);
  }
}

async function fromNothing(stage: Stage, way: Way): Promise<Timing> {
  await clear(stage.scene.targetPath);
  await clear(stage.plainTarget);
  return await both(stage, way);
}

async function both(stage: Stage, way: Way): Promise<Timing> {
  const plainSeconds = await timed(() => plain(stage, way));
  // Each pass makes its connection, as the plain command does.
  await stage.scene.restartTarget();
  const oursSeconds = await timed(() => pass(stage, way));
  await assertEqual(stage);
  return { plainSeconds, oursSeconds };
}

async function pass(stage: Stage, way: Way, over: Partial<PassRequestInput> = {}): Promise<PassReport> {
  const report = await stage.scene.pass({ source: stage.sourceBy(way), ...over });
  assert.equal(report.outcome.kind, "good", JSON.stringify(report.outcome));
  return report;
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

/** Folders of a hundred files of 512 bytes to 2 KiB: each another text, which compresses to a half as texts do. */
async function makeTree(path: string, files: number): Promise<void> {
  const random = new Uint8Array(1_024);
  for (let index = 0; index < files; index++) {
    const folder = `${path}/${Math.floor(index / 100)}`;
    if (index % 100 === 0) await Deno.mkdir(folder);
    const bytes = crypto.getRandomValues(random).subarray(0, 256 + index * 37 % 768);
    await Deno.writeTextFile(`${folder}/${index}`, bytes.toHex());
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
