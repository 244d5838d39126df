/**
 * Where the programs of a cluster come from: `KUBEBUILDER_ASSETS`, the cache, or a build from pinned Go modules.
 *
 * @module
 */
import { join } from "node:path";
import { buildBinary, checkGo } from "./go.ts";
import { findRigPaths, type RigPaths } from "./paths.ts";
import { type BinaryName, cacheKeyOf, defaultModule, findModule, moduleOf, type RigModule } from "./versions.ts";

export { MissingRequirement } from "./go.ts";
export type { BinaryName } from "./versions.ts";

/** How a build goes on; told when it starts, each second, and when it ends. */
export interface BuildProgress {
  /** What is built (or awaited, when another process builds it), for example `kube-apiserver 1.36.3`. */
  readonly what: string;
  /** Which one of how many, from 1. */
  readonly position: number;
  readonly count: number;
  readonly elapsedMs: number;
  readonly state: "building" | "waiting" | "done";
}

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
  await checkGo(builds.map((build) => `${build.name} ${build.module.version}`).join(", "), options);
  await Deno.mkdir(cacheDir, { recursive: true });
  // The kernel drops this lock when its holder dies, so a crashed build stops nobody.
  using lock = await Deno.open(join(cacheDir, "build.lock"), { create: true, write: true });
  const first = builds[0];
  if (first) await report(first, 0, builds.length, "waiting", options, () => takeLock(lock, options.signal));
  for (const [index, build] of builds.entries()) {
    // Another process may have built it while we waited for the lock.
    if (await isFile(build.path)) continue;
    await report(build, index, builds.length, "building", options, () => {
      return buildBinary(build.name, build.module, build.path, options);
    });
  }
}

async function takeLock(lock: Deno.FsFile, signal?: AbortSignal): Promise<void> {
  while (!await lock.tryLock(true)) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Does something that takes long, and tells each second that it goes on. */
async function report(
  build: Build,
  index: number,
  count: number,
  state: "building" | "waiting",
  { onProgress }: EnsureOptions,
  action: () => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const what = `${build.name} ${build.module.version}`;
  const tell = (now: BuildProgress["state"]) => {
    onProgress?.({ what, position: index + 1, count, elapsedMs: performance.now() - startedMs, state: now });
  };
  if (state === "building") tell(state);
  const timer = setInterval(() => tell(state), 1_000);
  try {
    await action();
    if (state === "building") tell("done");
  } finally {
    clearInterval(timer);
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
