/**
 * The program's verbs as a process of its own, with the permissions of `deno task dr-syncer`.
 *
 * @module
 */
import { verbPermissions } from "./permissions.ts";

/** How a verb ended. */
export interface VerbResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const main = new URL("../main.ts", import.meta.url).pathname;
const DEADLINE_MS = 60_000;

/** Runs `dr-syncer ARGS`. */
export async function runVerb(
  args: readonly string[],
  options: { readonly stdin?: string; readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<VerbResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...verbPermissions, main, ...args],
    env: { NO_COLOR: "1", ...options.env },
    cwd: options.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
  const writer = child.stdin.getWriter();
  // Who reads nothing may be gone before everything is written.
  const writing = writer.write(new TextEncoder().encode(options.stdin ?? "")).then(() => writer.close()).catch(
    () => {},
  );
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), writing]);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
