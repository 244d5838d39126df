import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { makeFolder, shell } from "./folder.ts";
import { TextLineStream } from "../line_stream.ts";

const DEADLINE_MS = 60_000;

Deno.test("of a killed run no process is left, and the next run removes its mounts and folders", async () => {
  // A place of its own: another run, beside this one, would remove what the killed one has left.
  await using folder = await makeFolder();
  const root = join(folder.path, "runs");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", new URL("crashing.ts", import.meta.url).pathname, root],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const [first] = await Array.fromAsync(firstOf(lines));
  child.kill("SIGKILL");
  await child.status;
  const { path, processes } = JSON.parse(first ?? "") as { path: string; processes: number[] };
  assert.ok(processes.length >= 4, String(processes));
  await waitFor("the end of all agents", async () => (await Promise.all(processes.map(isGone))).every(Boolean), {
    deadlineMs: DEADLINE_MS,
  });
  assert.match(await shell("cat /proc/self/mountinfo"), new RegExp(path));
  await using _ = await makeFolder(root);
  assert.doesNotMatch(await shell("cat /proc/self/mountinfo"), new RegExp(path));
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

async function* firstOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) {
    yield line;
    return;
  }
}

async function isGone(pid: number): Promise<boolean> {
  return await Deno.stat(`/proc/${pid}`).then(() => false, () => true);
}
