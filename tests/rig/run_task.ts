/**
 * Runs `deno task rig` for tests.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findRigPaths } from "./paths.ts";

const denoDir = Deno.env.get("DENO_DIR") ?? join(dirname(dirname(findRigPaths().cacheDir)), "deno");

/** Runs the task with a cache folder of its own, in which only the built programs are the usual ones. */
export async function runTask(cacheHome: string, args: string[], variables: Record<string, string> = {}) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-env=HOME,XDG_CACHE_HOME,KUBEBUILDER_ASSETS",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-net=127.0.0.1,198.18.0.0/24",
      fileURLToPath(new URL("task.ts", import.meta.url)),
      ...args,
    ],
    // Deno's own cache moves with XDG_CACHE_HOME too, unless it is named.
    env: { XDG_CACHE_HOME: cacheHome, DENO_DIR: denoDir, ...variables },
  }).output();
  const decoder = new TextDecoder();
  return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
}

/** Gives a cache folder to `runTask`, and removes it with all that runs from there. */
export async function withCacheHome(action: (cacheHome: string) => Promise<void>): Promise<void> {
  const cacheHome = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(cacheHome, "dr-syncer"));
    await Deno.symlink(findRigPaths().cacheDir, join(cacheHome, "dr-syncer/rig"));
    await action(cacheHome);
  } finally {
    await runTask(cacheHome, ["down"]);
    await Deno.remove(cacheHome, { recursive: true });
  }
}

/** Names of the folders of clusters. */
export async function listRun(cacheHome: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(join(cacheHome, "dr-syncer/run")))).map((entry) => entry.name);
}
