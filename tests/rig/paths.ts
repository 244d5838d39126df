/**
 * Where the rig keeps what it builds and what it runs.
 *
 * @module
 */
import { join } from "node:path";

/** Where variables are read from; `Deno.env` fits. */
export interface Environment {
  get(name: string): string | undefined;
}

/** Folders of the rig. */
export interface RigPaths {
  /** Built binaries, one folder for each state of a Go module. */
  readonly cacheDir: string;
  /** One folder for each running cluster. */
  readonly runDir: string;
  /** Ready-made binaries of the default version, `KUBEBUILDER_ASSETS`. */
  readonly assetsDir?: string;
}

/**
 * Finds the folders of the rig: below `XDG_CACHE_HOME`, else below `~/.cache` (XDG Base Directory Specification).
 * The run folder lies there too and not in /tmp: it holds administrator tokens.
 *
 * @throws {Error} when neither `XDG_CACHE_HOME` nor `HOME` is set
 */
export function findRigPaths(env: Environment = Deno.env): RigPaths {
  const home = env.get("HOME");
  const cache = env.get("XDG_CACHE_HOME") || (home ? join(home, ".cache") : undefined);
  if (cache === undefined) throw new Error("Cannot find a cache folder: set HOME or XDG_CACHE_HOME");
  const base = join(cache, "dr-syncer");
  return {
    cacheDir: join(base, "rig"),
    runDir: join(base, "run"),
    assetsDir: env.get("KUBEBUILDER_ASSETS") || undefined,
  };
}
