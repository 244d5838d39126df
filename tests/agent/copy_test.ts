import assert from "node:assert/strict";
import { namesIn, shell } from "./folder.ts";
import { lastGoodOf, VolumeScene } from "./scene.ts";
import { allocatedBytes, describeTree, makeFiles, makeOddTree } from "./tree.ts";

/** Another first byte in every file that holds something and has one name; its times stay. */
const ROT = `cd "$1"; find . -path ./.dr-syncer -prune -o -type f -links 1 -size +0 -exec sh -c '
  for file; do
    touch -r "$file" "$0/time"; printf "\\377" | dd of="$file" bs=1 conv=notrunc status=none; touch -r "$0/time" "$file"
  done' "$2" {} +`;
const COUNT_ROTTEN = `cd "$1"; find . \\( -path ./.dr-syncer -o -path ./lost+found \\) -prune -o ` +
  `-type f -links 1 -size +0 -printf x | wc -c`;

Deno.test("a copy is equal in everything, and the next pass moves nothing", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  const first = await scene.pass();
  assert.deepEqual(first.outcome, { kind: "good", rescan: false });
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.ok(await allocatedBytes(`${scene.targetPath}/sparse`) < 1_000_000, "the sparse file was filled up");
  assert.equal(first.source?.count.devices, 2);
  assert.deepEqual([first.wasDirty, first.isDirty], [false, false]);

  const second = await scene.pass({ lastGood: lastGoodOf(first) });
  assert.deepEqual(second.outcome, { kind: "good", rescan: false });
  assert.deepEqual([second.stats?.transferredFiles, second.stats?.created, second.stats?.deleted], [0, 0, 0]);
  assert.equal(second.stats?.transferredBytes, 0);
});

Deno.test("a first copy in several streams is equal in everything, too", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  await shell('cd "$1"; rm "hard again" dir/hard empty/other-name; mkdir -p deep/a/b', scene.sourcePath);
  await makeFiles(`${scene.sourcePath}/deep/a`, 4_500, 100);
  const first = await scene.pass({ channels: 4 });
  assert.deepEqual(first.outcome, { kind: "good", rescan: false });
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.ok((first.stats?.transferredFiles ?? 0) >= 4_500);
  assert.equal(scene.source.output().split("Accepted publickey").length - 1, 1, "the streams share a connection");
  const sessions = scene.source.output().split("Starting session").length - 1;
  assert.equal(sessions, 7, "a census, the shares, four streams, and one for what comes last");
  const second = await scene.pass({ channels: 4 });
  assert.deepEqual([second.stats?.transferredFiles, second.stats?.created], [0, 0]);
});

Deno.test("files of several names are copied by one stream", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  await makeFiles(scene.sourcePath, 1_500, 100);
  const { outcome } = await scene.pass({ channels: 4 });
  assert.deepEqual(outcome, { kind: "good", rescan: false });
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("several streams copy nothing that is excluded, and what vanishes meanwhile ends no first copy", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 1_500, 100);
  const { outcome } = await scene.pass({ channels: 4, excludes: ["/3/"] });
  assert.deepEqual(outcome, { kind: "good", rescan: false });
  assert.deepEqual((await namesIn(scene.targetPath)).includes("3"), false);

  await shell('rm -rf "$1"/*', scene.targetPath);
  const stop = new AbortController();
  const writing = changeUntil(scene.sourcePath, stop.signal);
  const { outcome: meanwhile } = await scene.pass({ channels: 4 });
  stop.abort();
  await writing;
  assert.ok(
    meanwhile.kind === "good" || (meanwhile.kind === "failed" && meanwhile.class === "partial"),
    JSON.stringify(meanwhile),
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("changes of every kind arrive", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  await scene.pass();
  await shell(
    `cd "$1"; echo more >>plain; rm -r dir/sub; rm link; mkdir link; echo in >link/file; rm fifo; echo file >fifo
     chmod 600 random; chown 1:2 empty; setfattr -x user.note plain; setfacl -b plain; mv random moved; rm 'hard again'
     rm -r setgid; echo file >setgid; truncate -s 100 sparse; touch -d 1999-01-01 empty-file`,
    scene.sourcePath,
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("a change that keeps size and time is found by a pass that compares contents", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 3, 100);
  await scene.pass();
  await shell(
    'cd "$1/0"; then="$(stat -c %y 1)"; printf b | dd of=1 bs=1 conv=notrunc status=none; touch -d "$then" 1',
    scene.sourcePath,
  );
  await scene.pass();
  assert.notDeepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  await scene.pass({ checksum: true });
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("a comparison of contents tells which copies were others, and mends them", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 3, 100);
  await shell(`echo one >"$1"/'odd $(touch x);'`, scene.sourcePath);
  const first = await scene.pass({ checksum: true });
  assert.deepEqual([first.outcome.kind, first.compared], ["good", undefined], "nothing was there to be compared");
  await shell(
    `cd "$1"; for file in 0/1 odd*; do
       touch -r "$file" "$2/time"; printf z | dd of="$file" bs=1 conv=notrunc status=none; touch -r "$2/time" "$file"
     done
     echo longer >0/2`,
    scene.targetPath,
    scene.folder.path,
  );
  await shell('echo edited >"$1/0/0"', scene.sourcePath);
  const second = await scene.pass({ checksum: true });
  assert.deepEqual(second.outcome, { kind: "good", rescan: false });
  assert.equal(second.compared?.differing, 2, JSON.stringify(second.compared));
  assert.deepEqual([...second.compared?.sample ?? []].sort(), ["0/1", "odd $(touch x);"].sort());
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.deepEqual((await scene.pass({ checksum: true })).compared, { files: 4, differing: 0, sample: [] });
  assert.equal((await scene.pass()).compared, undefined, "an ordinary pass compares nothing");
});

Deno.test("a sample is compared whatever its names are, and mended; what was not picked stays as it is", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  const first = await scene.pass({ sample: { files: 1_000, bytes: 1e9 } });
  assert.deepEqual([first.outcome.kind, first.compared], ["good", undefined], "nothing was there to be compared");
  await shell(ROT, scene.targetPath, scene.folder.path);
  const some = await scene.pass({ sample: { files: 3, bytes: 1e9 } });
  assert.equal(some.compared?.files, 3);
  const mended = some.compared?.differing ?? 0;
  const whole = await scene.pass({ sample: { files: 1_000, bytes: 1e9 } });
  assert.deepEqual(whole.outcome, { kind: "good", rescan: false });
  // Every file that has one name and holds something.
  const rotten = Number(await shell(COUNT_ROTTEN, scene.sourcePath));
  assert.equal(mended + (whole.compared?.differing ?? 0), rotten, JSON.stringify([some.compared, whole.compared]));
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.deepEqual([whole.wasDirty, whole.isDirty], [false, false]);
  // By length and time there is nothing to do now; mending must not leave folders with other times.
  await shell(ROT, scene.targetPath, scene.folder.path);
  const again = await scene.pass({ sample: { files: 1_000, bytes: 1e9 } });
  assert.equal(again.compared?.differing, rotten);
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.equal((await scene.pass({ sample: { files: 1_000, bytes: 1e9 } })).compared?.differing, 0);
});

Deno.test("an edit of the same length in the same second arrives", async () => {
  await using scene = await VolumeScene.start();
  await shell('echo one >"$1/file"; touch -d "2026-01-01 00:00:00.25" "$1/file"', scene.sourcePath);
  await scene.pass();
  await shell('echo two >"$1/file"; touch -d "2026-01-01 00:00:00.75" "$1/file"', scene.sourcePath);
  await scene.pass();
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/file`), "two\n");
});

Deno.test("what is excluded is neither copied nor deleted", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 2, 10);
  await shell(
    'cd "$1"; mkdir "cache a"; echo no >"cache a/x"; cd "$2"; mkdir "cache a"; echo mine >"cache a/y"',
    scene.sourcePath,
    scene.targetPath,
  );
  await scene.pass({ excludes: ["/cache a/"] });
  assert.deepEqual(await namesIn(`${scene.targetPath}/cache a`), ["y"]);
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/0/1`), "a".repeat(10));
});

Deno.test("a tree that changes during passes is equal once it rests, and no pass is worse than partial", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 500, 2_000);
  const stop = new AbortController();
  const writing = changeUntil(scene.sourcePath, stop.signal);
  const reports = [];
  for (let pass = 0; pass < 6; pass++) reports.push(await scene.pass());
  stop.abort();
  assert.ok(await writing > 100, "hardly anything changed");
  for (const { outcome } of reports) {
    assert.ok(
      outcome.kind === "good" || (outcome.kind === "failed" && outcome.class === "partial"),
      JSON.stringify(outcome),
    );
  }
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

/** Creates, changes, renames and deletes; answers with how often. */
async function changeUntil(path: string, signal: AbortSignal): Promise<number> {
  let changes = 0;
  for (; !signal.aborted; changes++) {
    const file = `${path}/${changes % 5}/${(changes * 7) % 500}`;
    const other = `${path}/new-${changes % 50}`;
    await Deno.writeTextFile(file, "b".repeat(changes % 5_000));
    await Deno.writeTextFile(other, String(changes));
    if (changes % 3 === 0) await Deno.rename(other, `${path}/moved-${changes % 20}`);
    if (changes % 3 === 1) await Deno.remove(other);
  }
  return changes;
}
