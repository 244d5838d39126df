/**
 * Processes, identified by pid and start time so that a reused pid is never mistaken for the one we started.
 * Deno reads /proc only with every permission granted, so a shell reads it.
 *
 * @module
 */

/** One process of this boot. */
export interface ProcessRef {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat, see proc_pid_stat(5). */
  readonly startTime: number;
}

/** A process as it is now, with its state letter (R, S, D, T, …). */
export interface ProcessState extends ProcessRef {
  readonly state: string;
}

/** Id of this boot (start times of another boot mean nothing), and those of the processes asked for that run. */
export interface ProcessTable {
  readonly bootId: string;
  readonly processes: readonly ProcessState[];
}

const script = 'read -r boot </proc/sys/kernel/random/boot_id; echo "$boot"; ' +
  'for pid; do read -r stat <"/proc/$pid/stat" && echo "$stat"; done; :';

/** Looks at processes; those that are gone, and zombies, are not in the answer. */
export async function readProcesses(pids: readonly number[]): Promise<ProcessTable> {
  const command = new Deno.Command("sh", {
    args: ["-c", script, "sh", ...pids.map(String)],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const [bootId, ...lines] = new TextDecoder().decode((await command.output()).stdout).trim().split("\n");
  if (!bootId) throw new Error("Cannot read /proc: the rig runs on Linux only");
  return { bootId, processes: lines.map(parseStat).filter(({ state }) => !/[ZX]/.test(state)) };
}

/** Reads a line of /proc/PID/stat. */
export function parseStat(line: string): ProcessState {
  // The command name (field 2) may hold spaces and parentheses.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { pid: parseInt(line), state: fields[0] ?? "", startTime: Number(fields[19]) };
}

/** A reference to a process that runs now. @throws {Error} when there is none */
export async function refOf(pid: number): Promise<ProcessRef> {
  const [found] = (await readProcesses([pid])).processes;
  if (found === undefined) throw new Error(`Cannot read the start time of process ${pid}: it is gone`);
  return { pid, startTime: found.startTime };
}

/** Which of the processes still run: exactly these, not others with their pids. */
export async function findRunning(refs: readonly ProcessRef[]): Promise<readonly ProcessState[]> {
  if (refs.length === 0) return [];
  const { processes } = await readProcesses(refs.map((ref) => ref.pid));
  return processes.filter((found) => {
    return refs.some((ref) => ref.pid === found.pid && ref.startTime === found.startTime);
  });
}

/** Whether exactly this process still runs. */
export async function isRunning(ref: ProcessRef): Promise<boolean> {
  return (await findRunning([ref])).length > 0;
}

/** Kills processes (SIGKILL), checked by pid and start time. */
export async function killProcesses(refs: readonly ProcessRef[]): Promise<void> {
  for (const { pid } of await findRunning(refs)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // It may have ended since.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
