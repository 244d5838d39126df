import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { Commander } from "./commander.ts";
import { shell } from "./folder.ts";
import { VolumeScene } from "./scene.ts";
import { makeFiles } from "./tree.ts";

Deno.test("a broken stream ends no pass: another one takes over, and stops still arrive", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const request = scene.request({ bandwidthKiBps: 5_000 });
  {
    await using first = new Commander(scene.folders("target"));
    await first.send({ type: "start", pass: request });
    await first.event("progress", ({ step }) => step === "Transferring");
  }
  await using second = new Commander(scene.folders("target"));
  await second.send({ type: "report" });
  const { running } = await second.event("state");
  assert.equal(running?.passId, request.passId);
  // What was not answered because the stream broke is sent again: it is the same pass.
  await second.send({ type: "start", pass: request });
  await second.event("progress", ({ progress }) => (progress?.bytes ?? 0) > 0);
  await second.send({ type: "stop", passId: request.passId });
  const finished = await second.event("finished");
  assert.ok(finished.outcome.kind === "failed" && finished.outcome.class === "stopped");
  assert.equal(second.events.filter(({ type }) => type === "refused").length, 0);
  await second.send({ type: "report" });
  const after = await second.event("state", (state) => state.running === undefined);
  assert.equal(after.last?.passId, request.passId);
});

Deno.test("a pass that nobody asks for any more stops, and says so; one that is asked for goes on", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const maxSilenceMs = 5_000;
  const forgotten = scene.request({ bandwidthKiBps: 300, maxSilenceMs });
  await scene.commander.send({ type: "start", pass: forgotten });
  const { outcome, isDirty } = await scene.commander.event("finished");
  assert.ok(outcome.kind === "failed" && outcome.reason === "Unheard", JSON.stringify(outcome));
  assert.equal(isDirty, true);
  // Takes longer than the silence that is allowed.
  const asked = scene.request({ bandwidthKiBps: 3_000, maxSilenceMs });
  await scene.commander.send({ type: "start", pass: asked });
  const asking = setInterval(() => void scene.commander.send({ type: "report" }), 500);
  try {
    const finished = await scene.commander.event("finished", ({ passId }) => passId === asked.passId);
    assert.equal(finished.outcome.kind, "good", JSON.stringify(finished.outcome));
    assert.ok(finished.durationMs > maxSilenceMs, `the pass took ${finished.durationMs} ms`);
  } finally {
    clearInterval(asking);
  }
});

Deno.test("one pass at a time; what cannot be understood is said so", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const { commander } = scene;
  const request = scene.request({ bandwidthKiBps: 5_000 });
  await commander.send({ type: "start", pass: request });
  await commander.send({ type: "start", pass: scene.request() });
  await commander.event("refused", ({ reason }) => reason === "Busy");
  await commander.send({ type: "stop", passId: "another" });
  await commander.event("refused", ({ reason }) => reason === "NotRunning");
  await commander.sendLine("rm -rf /");
  await commander.event("refused", ({ reason }) => reason === "Malformed");
  await commander.send({ type: "stop", passId: request.passId });
  await commander.event("finished");
});

Deno.test("a line without an end ends its stream, and nothing else", async () => {
  await using scene = await VolumeScene.start();
  {
    await using endless = new Commander(scene.folders("target"));
    // The agent stops listening somewhere in between.
    const sending = endless.sendLine("x".repeat(3_000_000)).catch(() => undefined);
    let isOver = false;
    endless.ended.then(() => isOver = true);
    await waitFor("the end of the stream", () => isOver, { deadlineMs: 30_000 });
    await sending;
  }
  await scene.commander.send({ type: "report" });
  await scene.commander.event("state");
});

Deno.test("passes on an open connection start no new one", async () => {
  await using scene = await VolumeScene.start();
  await makeFiles(scene.sourcePath, 10, 10);
  for (let pass = 0; pass < 4; pass++) {
    await makeFiles(scene.sourcePath, 10, 10 + pass);
    assert.equal((await scene.pass()).outcome.kind, "good");
  }
  assert.equal(scene.source.output().split("Accepted publickey").length - 1, 1);
});

Deno.test("settings that cannot be used are told, not tried", async () => {
  await using scene = await VolumeScene.start();
  const source = { host: "-oProxyCommand=touch /tmp/evaluated", port: 22, hostKeyAlias: "a" };
  const { outcome } = await scene.pass({ source });
  assert.ok(outcome.kind === "failed" && outcome.reason === "Settings", JSON.stringify(outcome));
  assert.match(outcome.message, /as host/);
});
