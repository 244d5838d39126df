import assert from "node:assert/strict";
import type { Hold } from "../../agent/guards.ts";
import type { PassReport } from "../../agent/report.ts";
import { startTarget } from "./agents.ts";
import { Commander } from "./commander.ts";
import { namesIn, shell } from "./folder.ts";
import { rawClient } from "./raw_client.ts";
import { lastGoodOf, VolumeScene } from "./scene.ts";
import { describeTree, makeFiles } from "./tree.ts";

const FILES = 400;

function holdsOf({ outcome }: PassReport): readonly Hold[] {
  assert.equal(outcome.kind, "held", JSON.stringify(outcome));
  return outcome.kind === "held" ? outcome.holds : [];
}

/** What the plain command does to a copy of the target: it ends well, and this many entries are left. */
async function withoutGuard(scene: VolumeScene): Promise<number> {
  const copy = `${scene.folder.path}/unguarded`;
  await shell('cp -a "$1" "$2"; rm -rf "$2/.dr-syncer"', scene.targetPath, copy);
  const { rsync } = await rawClient(scene);
  const { code, stderr } = await rsync(["-aHAXS", "--delete", "source::volume/", `${copy}/`]);
  assert.equal(code, 0, stderr);
  return Number(await shell('find "$1" -mindepth 1 | wc -l', copy));
}

/** Two agents, a good pass behind them; the source is mounted, so that it can be unmounted. */
async function afterGoodPass(): Promise<{ scene: VolumeScene; first: PassReport; before: string[] }> {
  const scene = await VolumeScene.prepare();
  try {
    await shell('mount -t tmpfs tmpfs "$1"', scene.sourcePath);
    await makeFiles(scene.sourcePath, FILES, 50);
    await scene.startAgents();
    const first = await scene.pass();
    assert.equal(first.outcome.kind, "good", JSON.stringify(first.outcome));
    return { scene, first, before: await describeTree(scene.targetPath) };
  } catch (error) {
    await scene[Symbol.asyncDispose]();
    throw error;
  }
}

/** What happens to the source, and as what it is held; whether a new pod sees it; what the plain command would leave. */
const hazards: [string, string, string[], boolean, number][] = [
  ["emptied", 'find "$1" -mindepth 1 -delete', ["SourceShrank"], false, 0],
  ["unmounted", 'umount -l "$1"', ["SourceChanged", "SourceShrank"], true, 0],
  [
    "another volume of the same size",
    'cp -a "$1" "$1.copy"; umount -l "$1"; mount -t tmpfs tmpfs "$1"; cp -a "$1.copy/." "$1"; echo other >"$1/0/0"',
    [
      "SourceChanged",
    ],
    true,
    FILES + 4,
  ],
  ["shrunk by 60 %", 'cd "$1"; rm -r 0 1; find 2 -type f | head -n 40 | xargs rm', ["SourceShrank"], false, 162],
];

for (const [name, script, types, inNewPod, left] of hazards) {
  Deno.test(`a source that is ${name} is held, and the target stays as it is`, async () => {
    const { scene, first, before } = await afterGoodPass();
    await using _ = scene;
    await shell(script, scene.sourcePath);
    if (inNewPod) await scene.restartSource();
    const lastGood = lastGoodOf(first);
    const holds = holdsOf(await scene.pass({ lastGood }));
    assert.deepEqual(holds.map(({ type }) => type), types);
    assert.deepEqual(await describeTree(scene.targetPath), before);
    assert.equal(await withoutGuard(scene), left, "this is what the guard is for");
    // Approving something else, or a part of it, releases nothing.
    const approvals = ["0123456789ab", ...holds.slice(1).map(({ id }) => id)];
    assert.equal(holdsOf(await scene.pass({ lastGood, approvals })).length, 1);
    assert.deepEqual(await describeTree(scene.targetPath), before);
    const released = await scene.pass({ lastGood, approvals: holds.map(({ id }) => id) });
    assert.equal(released.outcome.kind, "good", JSON.stringify(released.outcome));
    assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  });
}

Deno.test("a mass delete is held and released by its own id, for that pass and that set only", async () => {
  const { scene, first, before } = await afterGoodPass();
  await using _ = scene;
  const policy = { count: 10, percent: 5 };
  const lastGood = lastGoodOf(first);
  await shell('rm -r "$1/0"; echo changed >"$1/1/100"', scene.sourcePath);
  const [hold] = holdsOf(await scene.pass({ policy, lastGood }));
  assert.deepEqual([hold?.type, hold?.count, hold?.sample.length], ["MassDelete", 101, 20]);
  assert.deepEqual(await describeTree(scene.targetPath), before, "nothing may be overwritten, either");

  await shell('rm "$1/1/101"', scene.sourcePath);
  const [grown] = holdsOf(await scene.pass({ policy, lastGood, approvals: [hold?.id ?? ""] }));
  assert.equal(grown?.count, 102);
  assert.deepEqual(await describeTree(scene.targetPath), before);

  const released = await scene.pass({ policy, lastGood, approvals: [grown?.id ?? ""] });
  assert.equal(released.outcome.kind, "good");
  assert.equal(released.stats?.deleted, 102);
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));

  await shell('rm -r "$1/2"', scene.sourcePath);
  assert.equal(holdsOf(await scene.pass({ policy, approvals: [grown?.id ?? ""] })).length, 1);
});

Deno.test("rsync's own bound would have overwritten files and deleted some before it stopped", async () => {
  const { scene, before } = await afterGoodPass();
  await using _ = scene;
  await shell('rm -r "$1/0"; echo changed >"$1/1/100"', scene.sourcePath);
  const { rsync } = await rawClient(scene);
  const { code } = await rsync([
    "-aHAXS",
    "--delete",
    "--max-delete=10",
    "--exclude=/.dr-syncer/",
    "source::volume/",
    `${scene.targetPath}/`,
  ]);
  assert.equal(code, 25);
  assert.notDeepEqual(await describeTree(scene.targetPath), before);
});

Deno.test("a source root that is exchanged under a running agent is refused by the source itself", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 5, 10);
  await shell('mv "$1" "$1.old"; mkdir "$1"; echo other >"$1/file"', scene.sourcePath);
  const { outcome } = await scene.pass();
  assert.ok(outcome.kind === "failed" && outcome.reason === "GuardRefused", JSON.stringify(outcome));
  assert.match(outcome.message, /not the one that this agent started with/);
  assert.deepEqual(await namesIn(scene.targetPath), [".dr-syncer"]);
});

Deno.test("a target that is too small is told before anything is written; without the guard, files are lost", async () => {
  await using scene = await VolumeScene.prepare();
  await shell('mount -t tmpfs -o size=16m tmpfs "$1"', scene.targetPath);
  await shell('head -c 6000000 /dev/urandom >"$1/kept"; cp "$1/kept" "$1/removed"', scene.sourcePath);
  await scene.startAgents();
  await scene.pass();
  await shell('rm "$1/removed"; head -c 12000000 /dev/urandom >"$1/new"', scene.sourcePath);
  const before = await describeTree(scene.targetPath);
  const { outcome, isDirty } = await scene.pass();
  assert.ok(outcome.kind === "failed" && outcome.class === "disk", JSON.stringify(outcome));
  assert.equal(outcome.reason, "TargetFull");
  assert.equal(isDirty, false);
  assert.deepEqual(await describeTree(scene.targetPath), before);
  const { rsync } = await rawClient(scene);
  const plain = await rsync(["-a", "--delete", "--exclude=/.dr-syncer/", "source::volume/", `${scene.targetPath}/`]);
  assert.equal(plain.code, 11);
  assert.ok(!await exists(`${scene.targetPath}/removed`), "this is what the guard is for");
});

Deno.test("a target that fills up during a pass loses nothing, and the pass goes on once there is room", async () => {
  await using scene = await VolumeScene.prepare();
  await shell('mount -t tmpfs -o size=16m tmpfs "$1"', scene.targetPath);
  await makeFiles(scene.sourcePath, 200, 40_000, "a");
  await scene.startAgents();
  await scene.pass();
  await makeFiles(scene.sourcePath, 199, 150_000, "b");
  await shell('rm "$1/1/199"', scene.sourcePath);
  const report = await scene.pass();
  assert.ok(report.outcome.kind === "failed" && report.outcome.class === "disk", JSON.stringify(report.outcome));
  assert.equal(report.isDirty, true);
  assert.ok(await exists(`${scene.targetPath}/1/199`), "deleted although the pass did not end well");
  for (let index = 0; index < 200; index++) {
    const text = await Deno.readTextFile(`${scene.targetPath}/${Math.floor(index / 100)}/${index}`);
    assert.ok(text === "a".repeat(40_000) || text === "b".repeat(150_000), `file ${index} is neither old nor new`);
  }
  await shell('mount -o remount,size=64m "$1"', scene.targetPath);
  await scene.restartTarget();
  const again = await scene.pass();
  assert.deepEqual([again.outcome.kind, again.wasDirty, again.isDirty], ["good", true, false]);
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("a target with too few inodes is told before anything is written", async () => {
  await using scene = await VolumeScene.prepare();
  await shell('mount -t tmpfs -o size=16m,nr_inodes=60 tmpfs "$1"', scene.targetPath);
  await makeFiles(scene.sourcePath, 100, 10);
  await scene.startAgents();
  const { outcome } = await scene.pass();
  assert.ok(outcome.kind === "failed" && outcome.reason === "TargetFull", JSON.stringify(outcome));
  assert.match(outcome.message, /inodes/);
});

Deno.test("a pass of an epoch that is over is refused", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 1, 10);
  await scene.pass({ epoch: 2 });
  const { outcome } = await scene.pass({ epoch: 1 });
  assert.ok(outcome.kind === "failed" && outcome.reason === "Fenced", JSON.stringify(outcome));
});

Deno.test("a second agent on the same target is kept out while a pass runs", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 10, 1_000_000);
  await scene.commander.send({ type: "start", pass: scene.request({ bandwidthKiBps: 1_000 }) });
  await scene.commander.event("progress", ({ step }) => step === "Transferring");
  const folders = { ...scene.folders("target"), runPath: `${scene.folder.path}/other-run` };
  await using _other = await startTarget(folders);
  await using commander = new Commander(folders);
  await commander.send({ type: "start", pass: scene.request() });
  const { outcome } = await commander.event("finished");
  assert.ok(outcome.kind === "failed" && outcome.reason === "Busy", JSON.stringify(outcome));
});

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
