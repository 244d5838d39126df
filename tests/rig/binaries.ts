/**
 * Where the programs of a cluster come from: `KUBEBUILDER_ASSETS`, the cache, or a build from pinned Go modules.
 *
 * @module
 */
import { join } from "node:path";
import { type BuildProgress, reportStep, takeBuildLock } from "./building.ts";
import { buildBinary, checkGo } from "./go.ts";
import { findRigPaths, type RigPaths } from "./paths.ts";
import { type BinaryName, cacheKeyOf, defaultModule, findModule, moduleOf, type RigModule } from "./versions.ts";

export type { BuildProgress } from "./building.ts";
export { MissingRequirement } from "./go.ts";
export type { BinaryName } from "./versions.ts";

/** What `ensureBinaries` may be told. */
export interface EnsureOptions {
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
  readonly paths?: RigPaths;
  /** The Go program, `go` unless told otherwise. */
  readonly go?: string;
}

/** A program that has to be built. */
interface Build {
  readonly name: BinaryName;
  readonly module: RigModule;
  readonly path: string;
}

/**
 * Makes sure that programs are there, and answers with their paths. The first build of everything takes about ten
 * minutes on two cores; later calls take milliseconds.
 *
 * @param version Kubernetes version or a prefix of it, the default when undefined
 * @throws {MissingRequirement} when something has to be installed first; its message is one sentence that says what
 */
export async function ensureBinaries<Name extends BinaryName>(
  version: string | undefined,
  names: readonly Name[],
  options: EnsureOptions = {},
): Promise<Record<Name, string>> {
  const kubernetes = findModule(version);
  const paths = options.paths ?? findRigPaths();
  const found: Partial<Record<Name, string>> = {};
  const builds: Build[] = [];
  for (const name of names) {
    const module = moduleOf(name, kubernetes);
    const asset = paths.assetsDir && kubernetes === defaultModule ? join(paths.assetsDir, name) : undefined;
    const path = join(paths.cacheDir, await cacheKeyOf(module), name);
    found[name] = asset !== undefined && await isFile(asset) ? asset : path;
    if (found[name] === path && !await isFile(path)) builds.push({ name, module, path });
  }
  if (builds.length > 0) await buildAll(builds, paths.cacheDir, options);
  return found as Record<Name, string>;
}

async function buildAll(builds: readonly Build[], cacheDir: string, options: EnsureOptions): Promise<void> {
  const whatOf = (build: Build) => `${build.name} ${build.module.version}`;
  await checkGo(builds.map(whatOf).join(", "), options);
  using _lock = await takeBuildLock(cacheDir, { what: whatOf(builds[0]!), position: 1, count: builds.length }, options);
  for (const [index, build] of builds.entries()) {
    // Another process may have built it while we waited for the lock.
    if (await isFile(build.path)) continue;
    const step = { what: whatOf(build), position: index + 1, count: builds.length };
    await reportStep(step, "building", options, () => buildBinary(build.name, build.module, build.path, options));
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
