/**
 * Which files an image is built from, as `Dockerfile.dockerignore` says.
 *
 * @module
 */
import { join } from "node:path";

/**
 * Paths of the files that go into a build, sorted. Reads what this project's file has: `**` first, then what is let in
 * by name (`!cli`), then what is left out everywhere (`**` + `/name`, where a `*` stands for any letters).
 *
 * @throws {Error} when a line is of another form
 */
export async function readContext(root: string, ignore: string): Promise<string[]> {
  const [all, ...lines] = ignore.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const entries = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const rest = lines.filter((line) => !line.startsWith("!"));
  const unknown = all === "**" ? rest.find((line) => !/^\*\*\/[^/]+$/.test(line)) : all;
  if (unknown !== undefined) throw new Error(`Cannot read "${unknown}" of a dockerignore file`);
  const left = rest.map((line) => new RegExp(`^${line.slice(3).replaceAll(".", "\\.").replaceAll("*", ".*")}$`));
  const found: string[] = [];
  for (const entry of entries) found.push(...await walk(root, entry, (name) => left.some((it) => it.test(name))));
  return found.sort();
}

async function walk(root: string, path: string, isLeft: (name: string) => boolean): Promise<string[]> {
  if ((await Deno.stat(join(root, path))).isFile) return [path];
  const entries = (await Array.fromAsync(Deno.readDir(join(root, path)))).filter((entry) => !isLeft(entry.name));
  return (await Promise.all(entries.map((entry) => walk(root, `${path}/${entry.name}`, isLeft)))).flat();
}
