/**
 * The parent of a cluster's processes: a small shell that cleans up when the process that started it is gone.
 *
 * @module
 */
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { findRunning, isRunning, type ProcessRef, refOf } from "./process.ts";
import { readIfThere, readPidFile, removeRemains, supervisorScript } from "./remains.ts";

/** How long the shell may take to do what it is told. */
const commandDeadlineMs = 10_000;
/** How long a program that is run to its end may take. */
const runDeadlineMs = 60_000;

/** Runs the processes of one cluster. */
export interface Supervisor {
  readonly ref: ProcessRef;
  /** Starts a program in the cluster's folder; its output goes to `NAME.log` there. */
  start(name: string, argv: readonly string[]): Promise<ProcessRef>;
  /**
   * Runs a program to its end. Being run by the shell, it never overlaps with a clean-up.
   *
   * @throws {Error} with the last lines of its output when its exit code is not 0
   */
  run(name: string, argv: readonly string[]): Promise<void>;
  /** Sends a signal, and waits until it has stopped (STOP), continued (CONT), or ended (all others) the process. */
  signal(name: string, process: ProcessRef, signal: Deno.Signal, deadlineMs?: number): Promise<void>;
  /** From now on the processes survive this one. */
  keep(): Promise<void>;
  /** Ends all processes and removes the folder. May be called more than once. */
  stop(): Promise<void>;
}

/** Starts the shell for a folder that exists. */
export async function startSupervisor(directory: string): Promise<Supervisor> {
  const child = new Deno.Command("sh", {
    args: [supervisorScript, directory],
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  const ref = await refOf(child.pid);
  const input = child.stdin.getWriter();
  const tell = (line: string) => input.write(new TextEncoder().encode(line + "\n"));
  let ended: Promise<void> | undefined;

  return {
    ref,
    async start(name, argv) {
      await Deno.writeTextFile(join(directory, `${name}.cmd`), commandFile(directory, argv), { mode: 0o600 });
      const before = readPidFile(directory, name);
      await tell(`start ${name}`);
      return await waitFor(`the start of ${name}`, () => {
        const now = readPidFile(directory, name);
        return now !== undefined && !isSame(now, before) && now;
      }, { deadlineMs: commandDeadlineMs, pollMs: 5 });
    },
    async run(name, argv) {
      await Deno.writeTextFile(join(directory, `${name}.cmd`), commandFile(directory, argv), { mode: 0o600 });
      await tell(`run ${name}`);
      const code = await waitFor(`the end of ${name}`, () => readIfThere(join(directory, `${name}.exit`)), {
        deadlineMs: runDeadlineMs,
        pollMs: 10,
      });
      if (code.trim() === "0") return;
      const lines = (readIfThere(join(directory, `${name}.log`)) ?? "").trimEnd().split("\n").slice(-5).join("\n");
      throw new Error(`Cannot run ${name}: exit code ${code.trim()}; the end of its output:\n${lines}`);
    },
    async signal(name, process, signal, deadlineMs = commandDeadlineMs) {
      if (!await isRunning(process)) return;
      await tell(`signal ${name} ${signal.slice("SIG".length)}`);
      await waitFor(`${name} after ${signal}`, () => hasTaken(process, signal), { deadlineMs, pollMs: 10 });
    },
    async keep() {
      await tell("keep");
      await input.close();
      child.unref();
    },
    stop() {
      return ended ??= stopAll(directory, child, input);
    },
  };
}

async function stopAll(directory: string, child: Deno.ChildProcess, input: WritableStreamDefaultWriter<Uint8Array>) {
  // The end of its input is all the shell waits for; a failure here means that it is gone already.
  await input.close().catch(() => undefined);
  await child.status;
  await removeRemains(directory);
}

function isSame(a: ProcessRef, b: ProcessRef | undefined): boolean {
  return a.pid === b?.pid && a.startTime === b.startTime;
}

async function hasTaken(process: ProcessRef, signal: Deno.Signal): Promise<boolean> {
  const [running] = await findRunning([process]);
  if (signal === "SIGSTOP") return running === undefined || running.state === "T";
  if (signal === "SIGCONT") return running?.state !== "T";
  return running === undefined;
}

/** A script that becomes the program (`exec`), so that the pid the shell knows is the program's. */
function commandFile(directory: string, argv: readonly string[]): string {
  return `cd ${quote(directory)} && exec ${argv.map(quote).join(" ")}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
