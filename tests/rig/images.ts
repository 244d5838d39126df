/**
 * Images for nodes, built on this machine and cached by content: no registry is asked.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type BuildOptions, reportStep, takeBuildLock } from "./building.ts";
import { agentRecipe, controllerRecipe, debianRecipe, pauseRecipe, type Recipe } from "./image_recipes.ts";

/** An image in the cache. */
export interface Image {
  readonly tag: string;
  /** A docker-archive. */
  readonly path: string;
}

/** What `ensureImages` needs. */
export interface ImageOptions extends BuildOptions {
  readonly cacheDir: string;
  /** The program `pause`. */
  readonly pausePath: string;
  /** Also the agents' of `deploy/Dockerfile.agent`. */
  readonly agents?: boolean;
}

/** Archives that nothing has asked for in this time are removed. */
const unusedMs = 24 * 3_600_000;

/** Makes sure that the images are in the cache: pause, Debian, the controller's of `deploy/Dockerfile`, and the agents'. */
export async function ensureImages(options: ImageOptions): Promise<readonly Image[]> {
  const folder = join(options.cacheDir, "images");
  const debian = await debianRecipe();
  const debianPath = await archivePath(folder, debian);
  const agents = options.agents ? [await agentRecipe(debianPath)] : [];
  const recipes = [await pauseRecipe(options.pausePath), debian, await controllerRecipe(debianPath), ...agents];
  const images = await Promise.all(
    recipes.map(async (recipe) => ({ recipe, path: await archivePath(folder, recipe) })),
  );
  const missing = (await Promise.all(images.map(async (image) => await isInUse(image.path) ? [] : [image]))).flat();
  if (missing.length > 0) await buildImages(missing, folder, options);
  return images.map(({ recipe, path }) => ({ tag: recipe.tag, path }));
}

async function buildImages(
  missing: readonly { readonly recipe: Recipe; readonly path: string }[],
  folder: string,
  options: ImageOptions,
): Promise<void> {
  const stepOf = (index: number) => ({
    what: `image ${missing[index]!.recipe.name}`,
    position: index + 1,
    count: missing.length,
  });
  using _lock = await takeBuildLock(options.cacheDir, stepOf(0), options);
  await removeOld(folder);
  for (const [index, { recipe, path }] of missing.entries()) {
    // Another process may have built it while we waited for the lock.
    if (await isInUse(path)) continue;
    options.signal?.throwIfAborted();
    await reportStep(stepOf(index), "building", options, () => buildImage(recipe, path));
  }
}

/** Whether there is such an archive; from now on it counts as used. */
async function isInUse(path: string): Promise<boolean> {
  try {
    const now = new Date();
    await Deno.utime(path, now, now);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Builds in a folder beside the archive, which appears only once it is complete. */
async function buildImage(recipe: Recipe, path: string): Promise<void> {
  const work = await Deno.makeTempDir({ dir: dirname(path), prefix: "work-" });
  try {
    const archive = join(work, "image.tar");
    await recipe.build(work, archive);
    await Deno.rename(archive, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Removes what killed builds have left and what has not been used for long. Only the holder of the lock may do this. */
async function removeOld(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    const { mtime } = await Deno.stat(path);
    const isOld = Date.now() - (mtime?.getTime() ?? 0) > unusedMs;
    if (entry.isDirectory || isOld) await Deno.remove(path, { recursive: true });
  }
}

async function archivePath(folder: string, { name, content }: Recipe): Promise<string> {
  const bytes = new TextEncoder().encode(content.join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return join(folder, `${name}-${digest.toHex().slice(0, 12)}.tar`);
}
