import assert from "node:assert/strict";
import { namesIn, shell } from "./folder.ts";
import { VolumeScene } from "./scene.ts";
import { describeTree, makeFiles } from "./tree.ts";

const CANARY = "canary-outside-of-volumes";

/** Two agents, and a folder beside the volumes that nobody may read or change. */
async function startWithOutside(): Promise<{ scene: VolumeScene; outside: string }> {
  const scene = await VolumeScene.start();
  const outside = `${scene.folder.path}/outside`;
  await shell('mkdir "$1"; echo "$2" >"$1/secret"; mkdir "$1/folder"; echo "$2" >"$1/folder/secret"', outside, CANARY);
  return { scene, outside };
}

async function assertUntouched(scene: VolumeScene, outside: string, before: readonly string[]): Promise<void> {
  assert.deepEqual(await describeTree(outside), before);
  const found = await shell('grep -rlsF "$2" "$1" || true', scene.targetPath, CANARY);
  assert.equal(found, "", "something from outside got into the target");
}

Deno.test("links and devices in a source lead nowhere", async () => {
  const { scene, outside } = await startWithOutside();
  await using _ = scene;
  const before = await describeTree(outside);
  await shell(
    `cd "$1"; ln -s "$2" folder; ln -s "$2/secret" file; ln -s ../../outside up; mkdir d; ln -s ../../../outside/secret d/up
     mknod disk b 254 0; mknod null c 1 3; ln -s /proc/self/environ environment; mkdir .dr-syncer; echo evil >.dr-syncer/evil`,
    scene.sourcePath,
    outside,
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  await assertUntouched(scene, outside, before);
  assert.equal(await Deno.readLink(`${scene.targetPath}/folder`), outside);
  assert.deepEqual(
    (await namesIn(scene.targetPath)).filter((name) => name === "disk" || name === "null"),
    [],
  );
  assert.ok(!(await namesIn(`${scene.targetPath}/.dr-syncer`)).includes("evil"));

  // What was a link becomes a folder, what was a folder becomes a link: nothing is written through either.
  await shell(
    `cd "$1"; rm folder file d/up up; mkdir folder up; echo evil >folder/secret; echo evil >file; echo evil >up/secret
     mv d was-d; ln -s "$2/folder" d`,
    scene.sourcePath,
    outside,
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  await assertUntouched(scene, outside, before);
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
});

Deno.test("folders and files that turn into links and back while passes run lead nowhere", async () => {
  const { scene, outside } = await startWithOutside();
  await using _ = scene;
  const before = await describeTree(outside);
  await makeFiles(scene.sourcePath, 300, 3_000);
  await shell(
    'cd "$1"; mkdir real; echo x >real/secret; mkdir real/folder; echo x >real/folder/secret; cp -a real swap',
    scene.sourcePath,
  );
  const swapper = new Deno.Command("sh", {
    args: [
      "-c",
      `cd "$1"; while :; do
         rm -rf swap; ln -s "$2" swap; rm -f 0/1; ln -s "$2/secret" 0/1; rm -f swap; cp -a real swap; rm -f 0/1; echo y >0/1
       done`,
      "sh",
      scene.sourcePath,
      outside,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let pass = 0; pass < 12; pass++) {
      const { outcome } = await scene.pass();
      assert.ok(
        outcome.kind === "good" || (outcome.kind === "failed" && outcome.class === "partial"),
        JSON.stringify(outcome),
      );
      await assertUntouched(scene, outside, before);
    }
  } finally {
    swapper.kill("SIGKILL");
    await swapper.status;
  }
});

Deno.test("a link in the place of our folder on a target leads nowhere", async () => {
  const { scene, outside } = await startWithOutside();
  await using _ = scene;
  const before = await describeTree(outside);
  await makeFiles(scene.sourcePath, 3, 10);
  await Deno.symlink(outside, `${scene.targetPath}/.dr-syncer`);
  const { outcome } = await scene.pass();
  assert.ok(outcome.kind === "failed" && outcome.class === "configuration", JSON.stringify(outcome));
  await assertUntouched(scene, outside, before);
});

Deno.test("names are never commands, options or patterns", async () => {
  await using scene = await VolumeScene.start();
  await shell(
    `cd "$1"; for name in '$(touch evaluated)' '; touch evaluated' '--delete' '-e sh' '*' '?' '[a]' '\`id\`' '| id'; do
       echo x >"./$name"; done; mkdir -- '--rsh=sh' "$(printf '\\033[31m')"; echo y >"./--rsh=sh/a b"`,
    scene.sourcePath,
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  await shell('cd "$1"; rm -r -- ./*; echo x >left', scene.sourcePath);
  const held = await scene.pass({ policy: { count: 0, percent: 0 } });
  assert.ok(held.outcome.kind === "held");
  assert.ok(
    held.outcome.holds.some(({ sample }) => sample.includes("$(touch evaluated)")),
    JSON.stringify(held.outcome),
  );
  for (const place of [Deno.cwd(), scene.sourcePath, scene.targetPath, "/root"]) {
    assert.ok(!(await namesIn(place)).includes("evaluated"));
  }
});

/** Names that would forge a line of a plan, or change a terminal; two of them are no text. */
const FORGED = String.raw`cd "$1"
for name in 'x\n*deleting   0 forged' 'x\n>f+++++++++ 9000000000000000 forged' '*deleting   0 forged' \
  'x\nrsync: [receiver] write failed (28)' '\033]0;forged\007\033[2J' 'bytes\377\376' 'folder\n\303('; do
  printf "$2" >"$(printf "$name")"
done`;

Deno.test("names of any bytes forge no line of a plan, and are told in plain characters", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 3, 10);
  assert.equal((await scene.pass()).outcome.kind, "good");
  await shell(FORGED, scene.sourcePath, "one");
  const policy = { count: 0, percent: 0 };
  // Nothing is gone at the source: what looks like a delete in a plan is a name.
  assert.equal((await scene.pass({ policy })).outcome.kind, "good");
  await shell(FORGED, scene.sourcePath, "other");
  assert.equal((await scene.pass({ policy })).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  await shell('cd "$1"; rm -r -- *forged* bytes* folder* *\\(28\\)', scene.sourcePath);
  const { outcome } = await scene.pass({ policy });
  assert.ok(outcome.kind === "held", JSON.stringify(outcome));
  const hold = outcome.holds.find(({ type }) => type === "MassDelete");
  assert.equal(hold?.count, 7);
  assert.equal(hold?.sample.length, 7);
  for (const name of hold?.sample ?? []) assert.match(name, /^[\x20-\x7e]+$/);
});

Deno.test("a file that has a name outside of its volume, too, is never written through", async () => {
  const { scene, outside } = await startWithOutside();
  await using _ = scene;
  await shell('cd "$1"; echo one >in-source; echo two >in-target; chmod 600 in-target', outside);
  await Deno.link(`${outside}/in-source`, `${scene.sourcePath}/a`);
  await Deno.link(`${outside}/in-target`, `${scene.targetPath}/b`);
  await shell('cd "$1"; echo data >b; chmod 644 b', scene.sourcePath);
  const look = () => shell('cd "$1"; stat -c "%a %U %Y %s" in-*; cat in-*', outside);
  const before = await look();
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.equal(await look(), before);
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/a`), "one\n");
  assert.equal(await Deno.readTextFile(`${scene.targetPath}/b`), "data\n");
  assert.deepEqual((await shell('cd "$1"; stat -c %h a b', scene.targetPath)).trim().split("\n"), ["1", "1"]);
});

Deno.test("set-id bits arrive as they are; capabilities and attributes of the kernel stay behind", async () => {
  await using scene = await VolumeScene.start();
  const capability = "0x0100000200040000000000000000000000000000";
  await shell(
    `cd "$1"; cp /bin/true tool; chmod 6755 tool; cp /bin/true mighty; mkdir d; echo x >note
     setfattr -n security.capability -v ${capability} mighty; setfattr -n trusted.overlay.opaque -v y d
     setfattr -n user.note -v kept note`,
    scene.sourcePath,
  );
  assert.equal((await scene.pass()).outcome.kind, "good");
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.equal((await shell('stat -c "%a %u" "$1/tool"', scene.targetPath)).trim(), "6755 0");
  const attributes = await shell('cd "$1"; getfattr -R -d -m - .', scene.targetPath);
  assert.match(attributes, /user\.note="kept"/);
  assert.doesNotMatch(attributes, /security\.capability|trusted\./);
  assert.match(await shell('cd "$1"; getfattr -R -d -m - .', scene.sourcePath), /security\.capability[^]*trusted\./);
});
