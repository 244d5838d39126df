import assert from "node:assert/strict";
import { randomFrom } from "../random.ts";
import { waitFor } from "../wait.ts";
import { namesIn, shell } from "./folder.ts";
import { rawClient } from "./raw_client.ts";
import { VolumeScene } from "./scene.ts";
import { describeTree, makeFiles } from "./tree.ts";

const DEADLINE_MS = 60_000;
const KILLS = 20;
const FILES = 200;
const FILE_BYTES = 50_000;

Deno.test("either side killed at any point, twenty times: no file is ever torn, and the copy is equal in the end", async () => {
  await using scene = await VolumeScene.start();
  const random = randomFrom(7);
  const steps = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    await makeFiles(scene.sourcePath, FILES, FILE_BYTES, String.fromCharCode(97 + kill));
    const side = kill % 2 === 0 ? "target" : "source";
    await scene.commander.send({ type: "start", pass: scene.request({ bandwidthKiBps: 20_000 }) });
    await scene.commander.event("progress");
    await delay(random() * 700);
    steps.add(scene.commander.events.map((event) => event.type === "progress" ? event.step : event.type).at(-1) ?? "");
    if (side === "target") await scene.restartTarget();
    else {
      await scene.restartSource();
      // The pass has to notice by itself.
      await scene.commander.event("finished", () => true, DEADLINE_MS);
    }
    await assertWhole(scene.targetPath);
    if (side === "source") await scene.restartTarget();
  }
  assert.ok(steps.size > 1, `all kills came at ${[...steps]}`);
  const report = await waitFor("a good pass", async () => {
    const report = await scene.pass();
    return report.outcome.kind === "good" && report;
  }, { deadlineMs: DEADLINE_MS });
  assert.equal(report.isDirty, false);
  assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  assert.deepEqual(await namesIn(`${scene.targetPath}/.dr-syncer/temporary`), []);
});

/** Each file is one version or another, all of it. */
async function assertWhole(path: string): Promise<void> {
  for (let index = 0; index < FILES; index++) {
    const file = `${path}/${Math.floor(index / 100)}/${index}`;
    const text = await Deno.readTextFile(file).catch(() => undefined);
    if (text === undefined) continue;
    assert.ok(text === (text[0] ?? "").repeat(FILE_BYTES), `${file} is torn`);
  }
}

/** Only to hit another point each time: nothing is awaited by it. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How a pass may end in the middle of a file. */
const ends: [string, (scene: VolumeScene, passId: string) => Promise<unknown>][] = [
  ["stopped", async ({ commander }, passId) => {
    await commander.send({ type: "stop", passId });
    const { outcome, isDirty } = await commander.event("finished");
    assert.ok(outcome.kind === "failed" && outcome.class === "stopped", JSON.stringify(outcome));
    assert.equal(isDirty, true);
  }],
  ["killed with its agent", (scene) => scene.restartTarget()],
  ["cut off by the end of the source", async (scene) => {
    await scene.restartSource();
    const { outcome } = await scene.commander.event("finished");
    assert.ok(outcome.kind === "failed" && outcome.class === "transient", JSON.stringify(outcome));
  }],
];

for (const [name, end] of ends) {
  Deno.test(`a pass that is ${name} in the middle of a file is gone on with from there`, async () => {
    await using scene = await VolumeScene.start();
    const size = 64_000_000;
    await shell('head -c "$2" /dev/urandom >"$1/large"', scene.sourcePath, String(size));
    // Ten seconds more than it takes to get to the middle: whatever stalls here, the end is not reached.
    const request = scene.request({ bandwidthKiBps: 5_000 });
    await scene.commander.send({ type: "start", pass: request });
    const { progress } = await scene.commander.event("progress", (event) => (event.progress?.bytes ?? 0) > size / 16);
    assert.ok((progress?.percent ?? 0) > 5 && (progress?.remainingSeconds ?? 0) > 0, JSON.stringify(progress));
    await end(scene, request.passId);
    const next = await scene.pass();
    assert.deepEqual([next.outcome.kind, next.wasDirty], ["good", true], JSON.stringify(next.outcome));
    const saved = size - (next.stats?.wireBytes ?? 0);
    assert.ok(saved > (progress?.bytes ?? 0) / 2, `only ${saved} of ${progress?.bytes} bytes were saved`);
    assert.deepEqual(await describeTree(scene.targetPath), await describeTree(scene.sourcePath));
  });
}

Deno.test("a target agent that is asked to end stops its rsync first and leaves no process", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  await scene.commander.send({ type: "start", pass: scene.request({ bandwidthKiBps: 5_000 }) });
  await scene.commander.event("progress", ({ progress }) => (progress?.bytes ?? 0) > 1_000_000);
  const processes = await scene.target.processes();
  assert.ok(processes.length > 3, "rsync and ssh were expected to run");
  assert.equal(await scene.target.stop(), 0);
  const finished = scene.commander.events.find((event) => event.type === "finished");
  assert.ok(finished?.outcome.kind === "failed" && finished.outcome.class === "stopped", JSON.stringify(finished));
  for (const pid of processes) await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
});

Deno.test("a source agent that is asked to end does so, and takes its sessions with it", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  await scene.commander.send({ type: "start", pass: scene.request({ bandwidthKiBps: 5_000 }) });
  await scene.commander.event("progress", ({ progress }) => (progress?.bytes ?? 0) > 1_000_000);
  const processes = await scene.source.processes();
  assert.equal(await scene.source.stop(), 0);
  for (const pid of processes) await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
  const { outcome } = await scene.commander.event("finished");
  assert.ok(outcome.kind === "failed" && outcome.class === "transient", JSON.stringify(outcome));
});

Deno.test("process 1 reaps what sessions leave", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 3000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const { configPath } = await rawClient(scene);
  for (let round = 0; round < 3; round++) {
    const client = new Deno.Command("/usr/bin/rsync", {
      args: [
        `--rsh=/usr/bin/ssh -F ${configPath}`,
        "--bwlimit=100",
        "source::volume/large",
        `${scene.folder.path}/out`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const said = new Response(client.stderr).text();
    const session = await waitFor("a session with a daemon at the source", () => findSession(scene), {
      deadlineMs: DEADLINE_MS,
      describe: async () => `${await Promise.race([said, delay(0)]) ?? "the client runs"}; ${scene.source.output()}`,
    });
    Deno.kill(session, "SIGKILL");
    // What it leaves belongs to process 1 now: the daemon and whatever that has begun.
    await waitFor("the end of what it left", () => endAll(scene, "rsync"), { deadlineMs: DEADLINE_MS });
    // Nobody is left to talk to.
    await Promise.all([client.status, said]);
  }
  await waitFor("no zombies", async () => (await states(scene)).every((state) => state !== "Z"), {
    deadlineMs: DEADLINE_MS,
    describe: async () => (await states(scene)).join(" "),
  });
});

/** A session of sshd that runs a daemon: not process 1, which has the daemons of sessions that are over. */
async function findSession(scene: VolumeScene): Promise<number | undefined> {
  const all = await processesOf(scene);
  const isSession = (pid: number) => all.some((process) => process.pid === pid && process.name === "sshd");
  return all.find(({ name, parent }) => name === "rsync" && isSession(parent))?.parent;
}

/** Kills all of this name; answers whether none was there. */
async function endAll(scene: VolumeScene, name: string): Promise<boolean> {
  const left = (await processesOf(scene)).filter((process) => process.name === name && process.state !== "Z");
  for (const { pid } of left) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // It has ended by itself, as it should.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return left.length === 0;
}

/** State letters of the source's processes. */
async function states(scene: VolumeScene): Promise<string[]> {
  return (await processesOf(scene)).map(({ state }) => state);
}

/** The source's processes; proc(5). */
async function processesOf(scene: VolumeScene) {
  const found = await Promise.all((await scene.source.processes()).map((pid) => stat(pid).catch(() => undefined)));
  return found.filter((process) => process !== undefined);
}

/** Name, state letter and parent of a process. */
async function stat(pid: number): Promise<{ pid: number; name: string; state: string; parent: number }> {
  const line = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name stands in parentheses and may hold anything.
  const end = line.lastIndexOf(")");
  const [state = "", parent = ""] = line.slice(end + 2).split(" ");
  return { pid, name: line.slice(line.indexOf("(") + 1, end), state, parent: Number(parent) };
}
