/**
 * What this machine needs before clusters can have nodes: programs, packages, images.
 *
 * @module
 */
import { type BinaryName, ensureBinaries } from "./binaries.ts";
import { type BuildOptions, reportStep, takeBuildLock } from "./building.ts";
import { ensureImages, type Image } from "./images.ts";
import { installPackages, planPackages, readMachine } from "./packages.ts";
import { findRigPaths } from "./paths.ts";

/** Programs that a cluster with a node has besides those of its control plane. */
export const nodeBinaries = ["kube-scheduler", "kubelet", "kube-proxy"] as const satisfies readonly BinaryName[];

/**
 * Makes sure that nodes can run here, and answers with the images they are to load. The first time takes some minutes:
 * Debian packages are installed, programs and images built.
 *
 * @throws {MissingRequirement} when something has to be installed first; its message is one sentence that says what
 */
export async function ensureNodes(
  options: BuildOptions & { readonly agents?: boolean } = {},
): Promise<readonly Image[]> {
  const { cacheDir } = findRigPaths();
  if (planPackages(await readMachine()).length > 0) await installMissing(cacheDir, options);
  const { pause } = await ensureBinaries(undefined, [...nodeBinaries, "pause"], options);
  return await ensureImages({ ...options, cacheDir, pausePath: pause });
}

async function installMissing(cacheDir: string, options: BuildOptions): Promise<void> {
  const stepOf = (names: readonly string[]) => ({
    what: `Debian packages ${names.join(", ")}`,
    position: 1,
    count: 1,
    verbs: ["installing", "installed"] as const,
  });
  using _lock = await takeBuildLock(cacheDir, stepOf([]), options);
  // Another process may have installed them while we waited for the lock.
  const names = planPackages(await readMachine());
  if (names.length === 0) return;
  await reportStep(stepOf(names), "building", options, () => installPackages(names, options.signal));
}
