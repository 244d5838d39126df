/**
 * A folder for one test that moves volumes; what is mounted in it goes with it. What a crashed run left is removed by the next
 * one.
 *
 * @module
 */
import { join } from "node:path";
import { isRunning, type ProcessRef, refOf } from "../rig/process.ts";

const ROOT = "/tmp/dr-syncer-volumes";
/** A folder without owner is one whose owner was killed before it could write its name, once it is this old. */
const UNOWNED_AGE_MS = 60_000;

/** A folder that is removed when it is disposed of, mounts first. */
export interface TestFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder below `root`, and removes what crashed runs have left there. */
export async function makeFolder(root = ROOT): Promise<TestFolder> {
  await Deno.mkdir(root, { recursive: true, mode: 0o700 });
  await reap(root);
  const path = await Deno.makeTempDir({ dir: root });
  await Deno.writeTextFile(join(path, "owner.json"), JSON.stringify(await refOf(Deno.pid)));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

/** Runs a shell command of a test. @throws {Error} with its output when it fails */
export async function shell(script: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", script, "sh", ...args],
    env: { LC_ALL: "C", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${script}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Names in a folder, in order. */
export async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

async function reap(root: string): Promise<void> {
  for await (const { name } of Deno.readDir(root)) {
    const path = join(root, name);
    if (await isAbandoned(path)) await remove(path);
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const owner = JSON.parse(await Deno.readTextFile(join(path, "owner.json"))) as ProcessRef;
    return !await isRunning(owner);
  } catch {
    const made = await Deno.stat(path).then((info) => info.mtime?.getTime(), () => undefined);
    return made !== undefined && Date.now() - made > UNOWNED_AGE_MS;
  }
}

/** Agents run in mount namespaces of their own, which end with them: here is what the test itself has mounted. */
async function remove(path: string): Promise<void> {
  await shell(
    `grep -oF " $1/" /proc/self/mountinfo >/dev/null || { rm -rf -- "$1"; exit; }
     cut -d' ' -f5 /proc/self/mountinfo | grep -F "$1/" | sort -r | while read -r point; do
       umount -l "$point" || ! mountpoint -q "$point" # another run may have been at it
     done
     rm -rf --one-file-system -- "$1"`,
    path,
  );
}
