import assert from "node:assert/strict";
import type { PassState } from "../../agent/report.ts";
import { systemClock } from "../../kube/clock.ts";
import { isKubeError, KubeError } from "../../kube/errors.ts";
import type { Exec, ExecEnd, ExecRequest } from "../../kube/exec.ts";
import { commandPass } from "../../reconciler/volumes/agent_stream.ts";
import { waitFor } from "../wait.ts";
import { type AgentFolders, entryPoint } from "./agents.ts";
import { shell } from "./folder.ts";
import { VolumeScene } from "./scene.ts";

/** What runs programs in Pods elsewhere: here the program that an exec runs is a process of this machine. */
class Attachments {
  readonly #folders: AgentFolders;
  readonly children: Deno.ChildProcess[] = [];
  /** Openings that are refused before one is let through. */
  refusals = 0;

  constructor(folders: AgentFolders) {
    this.#folders = folders;
  }

  exec({ onOutput, signal }: ExecRequest): Promise<Exec> {
    if (this.refusals-- > 0) return Promise.reject(new KubeError("Unavailable", "not now"));
    const [deno = "", ...args] = entryPoint(this.#folders).slice(2);
    const child = new Deno.Command(deno, {
      args: [...args, "attach", `--run=${this.#folders.runPath}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.children.push(child);
    const writer = child.stdin.getWriter();
    const close = () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
    };
    signal?.addEventListener("abort", close, { once: true });
    const ended = (async (): Promise<ExecEnd> => {
      for await (const chunk of child.stdout) onOutput(chunk);
      await child.status;
      await writer.close().catch(() => undefined);
      return { kind: "broken", error: new KubeError("Unreachable", "the stream broke") };
    })();
    return Promise.resolve({ ended, write: (bytes) => writer.write(bytes), endInput: () => writer.close(), close });
  }
}

/** What a test commands with: a stream to the scene's target agent. */
function command(client: Attachments, signal: AbortSignal, states: PassState[] = []) {
  return {
    client,
    namespace: "shop",
    pod: "agent",
    clock: systemClock,
    signal,
    onProgress: (state: PassState) => states.push(state),
  };
}

const never = new AbortController().signal;

Deno.test("a pass is begun, followed and reported; its streams end with it", async () => {
  await using scene = await VolumeScene.start();
  await shell('echo one >"$1/one"', scene.sourcePath);
  const client = new Attachments(scene.folders("target"));
  const states: PassState[] = [];
  const request = scene.request();
  const report = await commandPass(request, command(client, never, states));
  assert.equal(report?.passId, request.passId);
  assert.equal(report?.outcome.kind, "good");
  assert.ok(states.some(({ step }) => step === "Transferring"), JSON.stringify(states));
  await Promise.all(client.children.map(({ status }) => status));
});

Deno.test("a stream that breaks in mid-pass is opened anew, and the pass is no second one", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const client = new Attachments(scene.folders("target"));
  const states: PassState[] = [];
  const running = commandPass(scene.request({ bandwidthKiBps: 5_000 }), command(client, never, states));
  await waitFor("the transfer", () => states.some(({ step }) => step === "Transferring"), { deadlineMs: 60_000 });
  client.refusals = 2;
  client.children[0]?.kill("SIGKILL");
  const report = await running;
  assert.equal(report?.outcome.kind, "good");
  assert.equal(client.children.length, 2);
  assert.equal(scene.target.output().split('"pass started"').length - 1, 1);
  await Promise.all(client.children.map(({ status }) => status));
});

Deno.test("a pass that ended while no stream was there is reported all the same", async () => {
  await using scene = await VolumeScene.start();
  const request = scene.request();
  await scene.commander.send({ type: "start", pass: request });
  await scene.commander.event("finished");
  const client = new Attachments(scene.folders("target"));
  const report = await commandPass(request, command(client, never));
  assert.equal(report?.passId, request.passId);
  assert.equal(scene.target.output().split('"pass started"').length - 1, 1);
  await Promise.all(client.children.map(({ status }) => status));
});

Deno.test("a pass that is told to stop says how it ended", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const client = new Attachments(scene.folders("target"));
  const states: PassState[] = [];
  const stop = new AbortController();
  const running = commandPass(scene.request({ bandwidthKiBps: 1_000 }), command(client, stop.signal, states));
  await waitFor("the transfer", () => states.some(({ step }) => step === "Transferring"), { deadlineMs: 60_000 });
  stop.abort();
  const report = await running;
  assert.ok(report?.outcome.kind === "failed" && report.outcome.class === "stopped", JSON.stringify(report));
  await Promise.all(client.children.map(({ status }) => status));
});

Deno.test("an agent that is at another pass refuses, and is not asked again", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 30000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const other = scene.request({ bandwidthKiBps: 1_000 });
  await scene.commander.send({ type: "start", pass: other });
  await scene.commander.event("progress");
  const client = new Attachments(scene.folders("target"));
  await assert.rejects(
    commandPass(scene.request(), command(client, never)),
    (error) => isKubeError(error, "BadRequest") && /refused/.test(error.message),
  );
  assert.equal(client.children.length, 1);
  await scene.commander.send({ type: "stop", passId: other.passId });
  await scene.commander.event("finished");
  await Promise.all(client.children.map(({ status }) => status));
});
