/**
 * The Go toolchain that builds the rig's programs.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type BinaryName, folderOf, linkerFlagsOf, type RigModule } from "./versions.ts";

/** The oldest Go that reads all of `modules` (their `go` lines). */
export const oldestGo = "1.26.0";

/** Why the rig cannot run here; the message says what to install. */
export class MissingRequirement extends Error {
  override readonly name = "MissingRequirement";
}

/** What builds need from outside. */
export interface GoOptions {
  /** Program to call, `go` unless told otherwise. */
  readonly go?: string;
  readonly signal?: AbortSignal;
}

/** Makes sure that Go is there and new enough. @throws {MissingRequirement} */
export async function checkGo(what: string, { go = "go", signal }: GoOptions = {}): Promise<void> {
  const remedy = `install Go ${oldestGo} or newer from https://go.dev/dl and put it on the PATH`;
  const found = await run(go, ["env", "GOVERSION"], { signal });
  if (found === undefined) throw new MissingRequirement(`Cannot build ${what} as there is no Go here: ${remedy}`);
  const version = found.output.trim().replace(/^go/, "");
  if (!found.success || isOlder(version, oldestGo)) {
    throw new MissingRequirement(`Cannot build ${what} as Go ${version || "here"} is too old: ${remedy}`);
  }
}

/**
 * Builds one program of a module to a path, which appears only once it is complete.
 *
 * @throws {Error} with the last lines of Go's output when the build fails
 */
export async function buildBinary(
  name: BinaryName,
  module: RigModule,
  path: string,
  { go = "go", signal }: GoOptions = {},
): Promise<void> {
  // A build that was killed may still run its linker: it must not write into ours.
  const part = join(dirname(path), `.${name}.${Deno.pid}.part`);
  await removeParts(dirname(path));
  const args = ["build", "-mod=readonly", "-trimpath", "-ldflags", linkerFlagsOf(module), "-o", part];
  const result = await run(go, [...args, module.packages[name] ?? ""], { cwd: folderOf(module), signal });
  signal?.throwIfAborted();
  if (result?.success !== true) {
    const lines = (result?.output ?? "Go is gone").trim().split("\n").slice(-15).join("\n");
    throw new Error(`Cannot build ${name} ${module.version} as \`go build\` failed; its last lines:\n${lines}`);
  }
  await Deno.rename(part, path);
}

/** Makes the folder, and removes what killed builds have left there. Only the holder of the lock may do this. */
async function removeParts(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".part")) await Deno.remove(join(folder, entry.name));
  }
}

/** Runs Go; undefined when there is no such program. */
async function run(go: string, args: string[], { cwd, signal }: { cwd?: string; signal?: AbortSignal }) {
  try {
    const { success, stdout, stderr } = await new Deno.Command(go, {
      args,
      cwd,
      // No other toolchain is downloaded, no C compiler is needed.
      env: { GOTOOLCHAIN: "local", CGO_ENABLED: "0" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(/[.\-a-z ]+/).map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (a?.[index] || 0) - (b?.[index] || 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
