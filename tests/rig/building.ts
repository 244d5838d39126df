/**
 * Builds one at a time on a machine, and tells how they go on.
 *
 * @module
 */
import { join } from "node:path";

/** A step of what has to be built. */
export interface BuildStep {
  /** What is built (or awaited, when another process builds it), for example `kube-apiserver 1.36.3`. */
  readonly what: string;
  /** Which one of how many, from 1. */
  readonly position: number;
  readonly count: number;
  /** What is done to it, while it is and after; building, built unless told otherwise. */
  readonly verbs?: readonly [string, string];
}

/** How a build goes on; told when it starts, each second, and when it ends. */
export interface BuildProgress extends BuildStep {
  readonly elapsedMs: number;
  readonly state: "building" | "waiting" | "done";
}

/** Who is told, and what ends the waiting. */
export interface BuildOptions {
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
}

/** Waits until nobody else builds; closing the file lets the next one in. */
export async function takeBuildLock(cacheDir: string, first: BuildStep, options: BuildOptions): Promise<Deno.FsFile> {
  await Deno.mkdir(cacheDir, { recursive: true });
  // The kernel drops this lock when its holder dies, so a crashed build stops nobody.
  const lock = await Deno.open(join(cacheDir, "build.lock"), { create: true, write: true });
  try {
    await reportStep(first, "waiting", options, async () => {
      while (!await lock.tryLock(true)) {
        options.signal?.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    });
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Does something that takes long, and tells each second that it goes on. */
export async function reportStep(
  step: BuildStep,
  state: "building" | "waiting",
  { onProgress }: BuildOptions,
  action: () => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const tell = (now: BuildProgress["state"]) => {
    onProgress?.({ ...step, elapsedMs: performance.now() - startedMs, state: now });
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
