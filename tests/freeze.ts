/**
 * Freezing a process until none of its threads runs any more.
 *
 * A signal is sent at once but taken when the kernel gets to it: on a busy machine a thread may answer one more request
 * in between, so whoever wants to see a frozen process waits for its threads to be stopped.
 *
 * @module
 */
import { waitFor } from "./wait.ts";

const DEADLINE_MS = 10_000;

/**
 * Sends SIGSTOP and waits until every thread of the process is stopped.
 *
 * @throws {Error} when one still runs after 10 s; `Deno.errors.NotFound` when there is no such process
 */
export async function freeze(pid: number): Promise<void> {
  Deno.kill(pid, "SIGSTOP");
  await waitFor(`process ${pid} to be frozen`, async () => (await threadStates(pid)).every((state) => state === "T"), {
    deadlineMs: DEADLINE_MS,
    pollMs: 5,
  });
}

/** The state letters of proc(5), one a thread. */
async function threadStates(pid: number): Promise<string[]> {
  const states: string[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const stat = await Deno.readTextFile(`/proc/${pid}/task/${name}/stat`);
    // After the command's name, which stands in parentheses and may hold anything.
    states.push(stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3));
  }
  return states;
}
