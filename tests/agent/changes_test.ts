import assert from "node:assert/strict";
import { MAX_CHANGES } from "../../agent/changes.ts";
import { isSameClock, readClock } from "../../agent/moment.ts";
import type { PassRequestInput } from "../../agent/protocol.ts";
import type { PassReport } from "../../agent/report.ts";
import { namesIn, shell } from "./folder.ts";
import { changeAtRandom, randomOf } from "./random_changes.ts";
import { lastGoodOf, VolumeScene } from "./scene.ts";
import { describeTree, makeFiles, makeOddTree } from "./tree.ts";

/** A pass over what has changed since another one. */
async function passAfter(
  scene: VolumeScene,
  last: PassReport,
  over: Partial<PassRequestInput> = {},
): Promise<PassReport> {
  return await scene.pass({ lastGood: lastGoodOf(last), changesOnly: true, ...over });
}

async function assertEqual(scene: VolumeScene): Promise<void> {
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
}

function assertGood({ outcome }: PassReport): void {
  assert.equal(outcome.kind, "good", JSON.stringify(outcome));
}

/** A pass after which nothing that is there is new: what was made just before a pass is listed once more. */
async function passWhenOld(scene: VolumeScene): Promise<PassReport> {
  assertGood(await scene.pass());
  await shell('echo x >"$1/newest"', scene.sourcePath);
  const report = await scene.pass();
  assertGood(report);
  return report;
}

Deno.test("the clock of this kernel is read as it is", async () => {
  const nowMs = Date.now();
  const [first, second] = [
    await readClock(nowMs, new AbortController().signal),
    await readClock(nowMs, AbortSignal.any([])),
  ];
  assert.match(first.boot, /^[0-9a-f-]{36}$/);
  assert.ok(first.bootTime > 0 && first.bootTime < nowMs / 1_000);
  assert.equal(first.seconds, nowMs / 1_000);
  assert.ok(isSameClock(first, second));
});

Deno.test("after random changes, passes over changes alone leave equal trees", async () => {
  await using scene = await VolumeScene.start();
  await makeOddTree(scene.sourcePath);
  await makeFiles(scene.sourcePath, 300, 200);
  let last = await passWhenOld(scene);
  for (let seed = 1; seed <= 25; seed++) {
    const done = await changeAtRandom(scene.sourcePath, randomOf(seed), 1 + seed);
    const before = last;
    last = await passAfter(scene, before);
    if (last.outcome.kind === "held") {
      const approvals = last.outcome.holds.map(({ id }) => id);
      last = await passAfter(scene, before, { approvals });
    }
    assertGood(last);
    assert.equal(last.changesOnly, true, `seed ${seed} needed a look at everything`);
    assert.deepEqual(
      await describeTree(scene.targetPath),
      await describeTree(scene.sourcePath),
      `seed ${seed}: ${done.join("; ")}`,
    );
  }
});

Deno.test("what is not told is not looked at, and nothing told is no work", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 300, 200);
  await shell('find "$1" -type f -exec touch {} +', scene.sourcePath);
  // All are as new as can be: files of the ticks before a pass are compared once more in the next one.
  const first = await passWhenOld(scene);
  // Somebody's change in the target shows which files the pass has compared.
  await shell('echo other >"$1/1/150"', scene.targetPath);
  await shell('echo changed >"$1/2/250"', scene.sourcePath);
  const second = await passAfter(scene, first);
  assertGood(second);
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/2/250`), "changed\n");
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/1/150`), "other\n");
  assert.equal(second.stats?.transferredFiles, 1);
  assert.equal(second.stats?.entries, 304);
  const third = await scene.pass({ lastGood: lastGoodOf(second) });
  assertGood(third);
  assert.equal(third.changesOnly, undefined);
  await assertEqual(scene);
});

Deno.test("folders that vanish, move and take each other's place arrive, however old what they hold", async () => {
  await using scene = await VolumeScene.start();
  await shell(
    `cd "$1"; for name in gone moved old newer deep/a/b swapped; do mkdir -p $name/sub; echo $name >$name/sub/file; done
     ln old/sub/file old/sub/link; setfattr -n user.note -v x moved/sub`,
    scene.sourcePath,
  );
  const first = await passWhenOld(scene);
  await shell(
    `cd "$1"; rm -r gone; mv moved deep/moved; mv old was-old; mv newer old; mv deep/a a; mkdir deep/a
     mv swapped/sub sub; mv sub/file swapped/sub; rmdir sub`,
    scene.sourcePath,
  );
  const second = await passAfter(scene, first);
  assertGood(second);
  assert.equal(second.changesOnly, true);
  await assertEqual(scene);
});

Deno.test("a write through a mapping is a change like others", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 8192 /dev/zero >"$1/mapped"; touch -d 2001-01-01 "$1/mapped"', scene.sourcePath);
  const first = await scene.pass();
  const script = `import mmap,sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as view: view[5000] = 120`;
  await shell('python3 -c "$1" "$2/mapped"', script, scene.sourcePath);
  const second = await passAfter(scene, first);
  assertGood(second);
  assert.equal(second.stats?.transferredFiles, 1);
  await assertEqual(scene);
});

Deno.test("what cannot be told leads to a look at everything", async (t) => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 20, 10);
  const first = await scene.pass();
  const lastGood = lastGoodOf(first);
  assert.ok(lastGood?.seenUntil);
  const { seenUntil } = lastGood;
  const cases: [string, Partial<PassRequestInput>][] = [
    ["another boot", { lastGood: { ...lastGood, seenUntil: { ...seenUntil, boot: "another" } } }],
    ["a clock that was set", {
      lastGood: { ...lastGood, seenUntil: { ...seenUntil, bootTime: seenUntil.bootTime - 1 } },
    }],
    ["no moment", { lastGood: { ...lastGood, seenUntil: undefined } }],
    ["excluded names", { excludes: ["/cache/"] }],
    ["contents to be compared", { checksum: true }],
  ];
  for (const [what, over] of cases) {
    await t.step(what, async () => {
      await shell('date +%N >>"$1/0/1"; echo other >"$2/0/2"', scene.sourcePath, scene.targetPath);
      const report = await passAfter(scene, first, over);
      assertGood(report);
      assert.equal(report.changesOnly, undefined);
      await assertEqual(scene);
    });
  }
  await t.step("what was excluded then is looked for now", async () => {
    const excluding = await scene.pass({ excludes: ["/0/3"] });
    assert.equal(excluding.seenUntil, undefined);
  });
});

Deno.test("more changes than a list holds lead to a look at everything", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 10, 10);
  const first = await scene.pass();
  await makeFiles(scene.sourcePath, MAX_CHANGES + 1_000, 1);
  const second = await passAfter(scene, first);
  assert.equal(second.changesOnly, true, "new folders are listed, not what they hold");
  const third = await passWhenOld(scene);
  // Files whose folders have not changed since: each is a name of its own.
  await shell('find "$1" -type f -exec touch {} +', scene.sourcePath);
  const fourth = await passAfter(scene, third);
  assertGood(fourth);
  assert.equal(fourth.changesOnly, undefined);
  await assertEqual(scene);
});

Deno.test("a target that was left half-written is looked at as a whole", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 5, 10);
  const first = await scene.pass();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const request = scene.request({ bandwidthKiBps: 2_000, lastGood: lastGoodOf(first), changesOnly: true });
  await scene.commander.send({ type: "start", pass: request });
  await scene.commander.event("progress", ({ progress }) => (progress?.bytes ?? 0) > 0);
  await scene.commander.send({ type: "stop", passId: request.passId });
  const stopped = await scene.commander.event("finished", ({ passId }) => passId === request.passId);
  assert.equal(stopped.isDirty, true);
  assert.equal(stopped.seenUntil, undefined);
  const again = await passAfter(scene, first);
  assertGood(again);
  assert.deepEqual([again.wasDirty, again.changesOnly], [true, undefined]);
  await assertEqual(scene);
});

Deno.test("a mass delete is held, whatever was asked for", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 400, 50);
  const first = await scene.pass();
  const before = await describeTree(scene.targetPath);
  const policy = { count: 10, percent: 5 };
  await shell('rm -r "$1/0"; echo changed >"$1/1/100"', scene.sourcePath);
  const { outcome, changesOnly } = await passAfter(scene, first, { policy });
  assert.equal(changesOnly, true);
  assert.ok(outcome.kind === "held", JSON.stringify(outcome));
  const [hold] = outcome.holds;
  assert.deepEqual([hold?.type, hold?.count, hold?.sample.length], ["MassDelete", 101, 20]);
  assert.deepEqual(await describeTree(scene.targetPath), before);
  assertGood(await passAfter(scene, first, { policy, approvals: [hold?.id ?? ""] }));
  await assertEqual(scene);
});

Deno.test("a source that is another volume, or has shrunk, is held, and released it is looked at as a whole", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 400, 50);
  const first = await scene.pass();
  const before = await describeTree(scene.targetPath);
  // Copied with its times: nothing in it is newer than the last pass but what came since.
  await shell('mv "$1" "$1.old"; mkdir "$1"; cp -a "$1.old/0" "$1/"', scene.sourcePath);
  await scene.restartSource();
  const held = await passAfter(scene, first);
  assert.ok(held.outcome.kind === "held", JSON.stringify(held.outcome));
  const { holds } = held.outcome;
  assert.deepEqual(holds.map(({ type }) => type), ["SourceChanged", "SourceShrank"]);
  assert.deepEqual(await describeTree(scene.targetPath), before);
  const released = await passAfter(scene, first, { approvals: holds.map(({ id }) => id) });
  assertGood(released);
  assert.equal(released.changesOnly, undefined);
  await assertEqual(scene);
});

/** Makes a source that is not ours any more: it answers with the list in the file that is returned, while there is one. */
async function makeLiar(scene: VolumeScene): Promise<string> {
  const lie = `${scene.folder.path}/lie`;
  const script = `${scene.folders("source").runPath}/session.sh`;
  const text = await Deno.readTextFile(script);
  const lying = text.replace(/'changes'\) (exec (.*) changes) ;;/, (_, honest, control) => {
    const answer = `${control} census | sed "s|}$|,\\"changes\\":\\"$(cat ${lie})\\"}|"`;
    return `'changes') if [ -e ${lie} ]; then cat >/dev/null; ${answer}; exit 0; fi; ${honest} ;;`;
  });
  assert.notEqual(lying, text);
  await Deno.writeTextFile(script, lying);
  return lie;
}

Deno.test("names that would lead out of the volume, or into our folder, are not followed", async (t) => {
  await using scene = await VolumeScene.start();
  const outside = `${scene.folder.path}/outside`;
  await shell('mkdir "$1"; echo canary >"$1/secret"; mkdir "$1/folder"; echo canary >"$1/folder/x"', outside);
  await makeFiles(scene.sourcePath, 20, 10);
  await shell('ln -s "$2" "$1/link"', scene.sourcePath, outside);
  const first = await scene.pass();
  const before = await describeTree(outside);
  const lie = await makeLiar(scene);
  const lies: [string, string[], boolean][] = [
    ["a name that goes up", ["../outside/secret"], false],
    ["a name that goes up in its middle", ["0/../../outside/secret"], false],
    ["an absolute name", [`${outside}/secret`], false],
    ["our own folder", [".dr-syncer/"], false],
    ["something in our own folder", [".dr-syncer/epoch"], false],
    ["an empty name", [""], false],
    ["a name through a link", ["link/secret"], true],
    ["a folder that is a link", ["link/"], true],
    ["a folder behind a link", ["link/folder/"], true],
    ["what is not there", ["0/missing", "missing/", "missing/too"], true],
  ];
  for (const [what, names, isPlain] of lies) {
    await t.step(what, async () => {
      await Deno.writeTextFile(lie, new TextEncoder().encode(names.map((name) => `${name}\0`).join("")).toBase64());
      const { outcome, changesOnly } = await passAfter(scene, first);
      if (!isPlain) assert.equal(changesOnly, undefined);
      assert.ok(
        outcome.kind === "good" || (outcome.kind === "failed" && outcome.class === "partial"),
        JSON.stringify(outcome),
      );
      assert.deepEqual(await describeTree(outside), before);
      assert.ok((await namesIn(`${scene.targetPath}/.dr-syncer`)).includes("epoch"));
      assert.ok(!(await shell('grep -rls canary "$1" || true', scene.targetPath)), "something got into the target");
      await Deno.remove(lie);
      assertGood(await scene.pass());
      await assertEqual(scene);
    });
  }
});
