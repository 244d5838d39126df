/**
 * Ends a process when this one is gone, however it went.
 *
 * @module
 */

/** The end of its input is the end of the process that started it. */
const script = 'read -r _; kill -s KILL "$1"';

/** Watches over a process; dispose it before the process's id can belong to another. */
export function startWatchdog(pid: number): AsyncDisposable {
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", String(pid)],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    // Ctrl-C must not end it before the process it watches over.
    detached: true,
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await child.stdin.close().catch(() => undefined);
    },
  };
}
