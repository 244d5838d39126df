/**
 * The folder of a cluster: who owns it, which processes belong to it, and how to remove what a crashed run left.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "../wait.ts";
import { findRunning, isRunning, killProcesses, type ProcessRef, readProcesses, refOf } from "./process.ts";

/** How long killed processes may take to be gone. */
const killDeadlineMs = 10_000;
/** A folder without owner is one whose owner was killed before it could write its name, once it is this old. */
const unownedAgeMs = 60_000;

/** The shell script that runs and removes the processes of a cluster. */
export const supervisorScript = fileURLToPath(new URL("supervise.sh", import.meta.url));

/** Who a cluster's folder belongs to: written to `owner.json` there. */
export interface Owner {
  readonly process: ProcessRef;
  readonly bootId: string;
}

/** Makes the folder of a new cluster, owned by a process; nobody else can read it. */
export async function createClusterDirectory(runDir: string, name: string, pid: number): Promise<string> {
  await Deno.mkdir(runDir, { recursive: true, mode: 0o700 });
  const directory = await Deno.makeTempDir({ dir: runDir, prefix: `${name}-` });
  await writeOwner(directory, await refOf(pid));
  return directory;
}

/** Hands a cluster's folder to another process. */
export async function writeOwner(directory: string, process: ProcessRef): Promise<void> {
  const owner: Owner = { process, bootId: (await readProcesses([])).bootId };
  const path = join(directory, "owner.json");
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(owner), { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}

/** Reads who owns a folder; undefined when nobody has written it. */
export function readOwner(directory: string): Owner | undefined {
  const text = readIfThere(join(directory, "owner.json"));
  return text === undefined ? undefined : JSON.parse(text) as Owner;
}

/** The process that runs under a name in a cluster's folder, as the supervisor wrote it down. */
export function readPidFile(directory: string, name: string): ProcessRef | undefined {
  const [pid, startTime] = (readIfThere(join(directory, `${name}.pid`)) ?? "").trim().split(" ").map(Number);
  return pid && startTime ? { pid, startTime } : undefined;
}

/** Ends every process of a folder (checked by pid and start time), then removes the folder. */
export async function removeRemains(directory: string): Promise<void> {
  if (!isThere(directory)) return;
  const sameBoot = readOwner(directory)?.bootId === (await readProcesses([])).bootId;
  const processes = sameBoot ? readPidFiles(directory) : [];
  await killProcesses(processes);
  await waitFor(`the end of the processes of ${directory}`, async () => (await findRunning(processes)).length === 0, {
    deadlineMs: killDeadlineMs,
  });
  // With an input that is at its end, the supervisor only cleans up.
  await new Deno.Command("sh", {
    args: [supervisorScript, directory],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  await Deno.remove(directory, { recursive: true }).catch(ignoreMissing);
}

/** Removes what runs that are gone have left in a run folder; answers with the folders removed. */
export async function reap(runDir: string): Promise<string[]> {
  const removed: string[] = [];
  for (const directory of listClusterDirectories(runDir)) {
    if (!await isAbandoned(directory)) continue;
    await removeRemains(directory);
    removed.push(directory);
  }
  return removed;
}

/** Folders of clusters in a run folder, in order of name. */
export function listClusterDirectories(runDir: string): string[] {
  try {
    return [...Deno.readDirSync(runDir)].filter((entry) => entry.isDirectory).map((entry) => join(runDir, entry.name))
      .sort();
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

async function isAbandoned(directory: string): Promise<boolean> {
  const owner = readOwner(directory);
  if (owner !== undefined) {
    return owner.bootId !== (await readProcesses([])).bootId || !await isRunning(owner.process);
  }
  const madeAt = readModifiedTime(directory);
  return madeAt !== undefined && Date.now() - madeAt > unownedAgeMs;
}

function isThere(directory: string): boolean {
  return readModifiedTime(directory) !== undefined;
}

/** Milliseconds since 1970, undefined when there is no such folder. */
function readModifiedTime(directory: string): number | undefined {
  try {
    return Deno.statSync(directory).mtime?.getTime();
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

function readPidFiles(directory: string): ProcessRef[] {
  try {
    return [...Deno.readDirSync(directory)].filter((entry) => entry.name.endsWith(".pid"))
      .map((entry) => readPidFile(directory, entry.name.slice(0, -".pid".length)))
      .filter((ref) => ref !== undefined);
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

/** Text of a file, undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
