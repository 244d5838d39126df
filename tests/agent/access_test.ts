import assert from "node:assert/strict";
import { generateOpensshKey } from "../../reconciler/volumes/openssh_key.ts";
import type { PassReport } from "../../agent/report.ts";
import { waitFor } from "../wait.ts";
import { namesIn, shell } from "./folder.ts";
import { rawClient, type RawResult } from "./raw_client.ts";
import { VolumeScene } from "./scene.ts";
import { describeTree, makeFiles } from "./tree.ts";

const DEADLINE_MS = 30_000;
/** Stands in the source's pod, outside of its volume. */
const CANARY = "canary-of-the-pod";

Deno.test("a key opens one volume to be read by rsync, and nothing else", async (t) => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 3, 10);
  await Deno.writeTextFile(`${scene.folder.path}/source/secret`, CANARY);
  const { ssh, rsync, run, configPath } = await rawClient(scene);
  const out = `${scene.folder.path}/out`;
  await Deno.mkdir(out);
  const attempts: [string, () => Promise<RawResult>][] = [
    ["a shell", () => ssh([], [])],
    ["a command", () => ssh([], ["id"])],
    ["a command behind an allowed one", () => ssh([], ["census; id"])],
    ["a command within an allowed one", () => ssh([], ["rsync --server --daemon $(id)"])],
    ["another command in the next line", () => ssh([], ["census\nid"])],
    ["rsync's server by itself", () => ssh([], ["rsync --server --sender -e. . /"])],
    ["a daemon with another configuration", () => ssh([], ["rsync --server --daemon --config=/dev/stdin ."])],
    ["sftp", () => run("/usr/bin/sftp", ["-F", configPath, "-b", "/dev/null", "source"])],
    ["the sftp subsystem", () => ssh(["-s"], ["sftp"])],
    ["scp", () => run("/usr/bin/scp", ["-F", configPath, "source:/etc/passwd", out])],
    ["scp of the old protocol", () => run("/usr/bin/scp", ["-O", "-F", configPath, "source:/etc/passwd", out])],
    ["a connection through it", () => ssh(["-W", `127.0.0.1:${scene.source.port}`], [])],
    ["a port on it", () => ssh(["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "-N"], [])],
    ["writing", () => rsync([`${scene.folder.path}/owner.json`, "source::volume/new"])],
    ["deleting", () => rsync(["-r", "--delete", `${out}/`, "source::volume/"])],
    ["another module", () => rsync(["source::other/", out])],
    ["a path above the volume", () => rsync(["source::volume/../secret", out])],
    ["a path above the volume, hidden", () => rsync(["source::volume/0/../../secret", out])],
    ["rsync's server without the daemon", () => rsync([`source:${scene.folder.path}/source/secret`, out])],
  ];
  const before = await describeTree(scene.sourcePath);
  for (const [name, attempt] of attempts) {
    await t.step(`refused: ${name}`, async () => {
      const { code, stdout, stderr } = await attempt();
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout + stderr, /uid=\d|canary/);
    });
  }
  await t.step("refused: a terminal", async () => {
    const { stderr } = await ssh(["-tt"], ["census"]);
    assert.match(stderr, /PTY allocation request failed/);
  });
  await t.step("nothing came out and nothing was written", async () => {
    assert.deepEqual(await namesIn(out), []);
    assert.deepEqual(await describeTree(scene.sourcePath), before);
  });
  await t.step("modules are not listed", async () => {
    const { stdout } = await rsync(["source::"]);
    assert.equal(stdout.trim(), "");
  });
  await t.step("the volume can be read", async () => {
    const { code, stderr } = await rsync(["-r", "source::volume/", out]);
    assert.equal(code, 0, stderr);
    assert.ok((await namesIn(out)).length > 0);
  });
});

function failure({ outcome }: PassReport): string {
  return outcome.kind === "failed" ? `${outcome.class} ${outcome.reason}` : outcome.kind;
}

Deno.test("a key that the source does not know, and a host key that the target does not know, end the pass", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 3, 10);
  const stranger = await generateOpensshKey("stranger");
  await scene.writeTargetKeys(stranger.privateKey, [scene.hostKey.publicKey]);
  assert.equal(failure(await scene.pass()), "security KeyRefused");
  await scene.writeTargetKeys(scene.clientKey.privateKey, [stranger.publicKey]);
  assert.equal(failure(await scene.pass()), "security HostKeyChanged");
  await scene.writeTargetKeys(scene.clientKey.privateKey, []);
  assert.equal(failure(await scene.pass()), "security HostKeyChanged");
  assert.deepEqual(await namesIn(scene.targetPath), [".dr-syncer"]);
  await scene.writeTargetKeys(scene.clientKey.privateKey, [scene.hostKey.publicKey]);
  assert.equal(failure(await scene.pass()), "good");
});

Deno.test("a source that is not there, or gone, is tried again", async () => {
  await using scene = await VolumeScene.start();
  await scene.source.kill();
  assert.equal(failure(await scene.pass()), "transient Unreachable");
});

Deno.test("the key of one volume does not open another", async () => {
  await using a = await VolumeScene.start();
  await using b = await VolumeScene.start();
  await makeFiles(b.sourcePath, 3, 10);
  const toB = await rawClient(a, { port: b.source.port, hostKeys: [b.hostKey.publicKey] });
  const { code, stderr } = await toB.rsync(["-r", "source::volume/", a.targetPath]);
  assert.notEqual(code, 0);
  assert.match(stderr, /Permission denied \(publickey\)/);
  // The target of A, led to B, does not even show its key.
  const source = { host: "127.0.0.1", port: b.source.port, hostKeyAlias: "volume-a" };
  assert.equal(failure(await a.pass({ source })), "security HostKeyChanged");
});

Deno.test("both keys are exchanged without a failed pass, and the old ones open nothing then", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 20, 1_000);
  const stop = new AbortController();
  const reports: PassReport[] = [];
  const passing = (async () => {
    while (!stop.signal.aborted) {
      await shell('echo "$2" >"$1/changing"', scene.sourcePath, String(reports.length));
      reports.push(await scene.pass());
    }
  })();
  const [oldClient, oldHost] = [scene.clientKey, scene.hostKey];
  const [newClient, newHost] = [await generateOpensshKey("client"), await generateOpensshKey("host")];
  let rotations = 0;
  const takenBySource = async () => {
    rotations++;
    await waitFor("the source to take new keys", () => count(scene.source.output(), "keys changed") >= rotations, {
      deadlineMs: DEADLINE_MS,
    });
  };
  const nextPasses = async () => {
    const done = reports.length;
    await waitFor("two more passes", () => reports.length >= done + 2, { deadlineMs: DEADLINE_MS });
  };
  await nextPasses();
  await scene.writeSourceKeys(oldHost.privateKey, [oldClient.publicKey, newClient.publicKey]);
  await takenBySource();
  await scene.writeTargetKeys(newClient.privateKey, [oldHost.publicKey, newHost.publicKey]);
  await nextPasses();
  await scene.writeSourceKeys(newHost.privateKey, [newClient.publicKey]);
  await takenBySource();
  await scene.writeTargetKeys(newClient.privateKey, [newHost.publicKey]);
  await nextPasses();
  stop.abort();
  await passing;
  assert.deepEqual(reports.map(failure).filter((outcome) => outcome !== "good"), []);
  assert.match(scene.source.output(), new RegExp(await fingerprintOf(scene, newClient.publicKey)));
  const sockets = (await namesIn(scene.folders("target").runPath)).filter((name) => name.startsWith("mux-"));
  assert.equal(sockets.length, 1, "a connection outlasts its key");
  const withOldKey = await rawClient(scene, { clientKey: oldClient.privateKey, hostKeys: [newHost.publicKey] });
  assert.match((await withOldKey.ssh([], ["census"])).stderr, /Permission denied/);
  const withOldHost = await rawClient(scene, { clientKey: newClient.privateKey, hostKeys: [oldHost.publicKey] });
  assert.match((await withOldHost.ssh([], ["census"])).stderr, /Host key verification failed/);
});

/** What sshd says of a key that it accepts, as a pattern. */
async function fingerprintOf(scene: VolumeScene, publicKey: string): Promise<string> {
  const path = `${scene.folder.path}/key.pub`;
  await Deno.writeTextFile(path, publicKey);
  const [, fingerprint = ""] = (await shell('ssh-keygen -lf "$1"', path)).split(" ");
  return `Accepted publickey .*${fingerprint.replace(/[+/]/g, "\\$&")}`;
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

Deno.test("what ssh-keygen makes of our keys is what we say", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (let index = 0; index < 20; index++) {
      const { privateKey, publicKey } = await generateOpensshKey(`key ${index}`);
      await Deno.writeTextFile(`${folder}/key`, privateKey, { mode: 0o600 });
      assert.equal((await shell('ssh-keygen -y -f "$1/key"', folder)).trim(), publicKey);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("keys do not get into logs and reports", async () => {
  await using scene = await VolumeScene.start();
  const report = await scene.pass();
  const secret = scene.clientKey.privateKey.split("\n")[2] ?? "";
  const hostSecret = scene.hostKey.privateKey.split("\n")[2] ?? "";
  const told = JSON.stringify(report) + scene.source.output() + scene.target.output();
  assert.ok(secret.length > 20 && !told.includes(secret) && !told.includes(hostSecret));
});
