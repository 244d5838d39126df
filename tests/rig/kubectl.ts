/**
 * Calls of kubectl.
 *
 * @module
 */

/** How to call kubectl. */
export interface KubectlOptions {
  /** Text for its standard input (`-f -`). */
  readonly stdin?: string;
  /** Returns an exit code other than 0 instead of throwing. */
  readonly allowFailure?: boolean;
  /** Longest time the call may take, in milliseconds; 60 s unless told otherwise. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** What kubectl answered. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl with a kubeconfig file. @throws {Error} with its own words when it fails, unless `allowFailure` */
export async function runKubectl(
  binary: string,
  kubeconfigPath: string,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? 60_000);
  const child = new Deno.Command(binary, {
    args: [`--kubeconfig=${kubeconfigPath}`, ...args],
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: options.signal ? AbortSignal.any([deadline, options.signal]) : deadline,
  }).spawn();
  const [output] = await Promise.all([child.output(), writeInput(child, options.stdin)]);
  const decoder = new TextDecoder();
  const result = {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
  if (result.code === 0 || options.allowFailure) return result;
  const why = deadline.aborted ? "the deadline passed" : result.stderr.trim();
  throw new Error(`Cannot run kubectl ${args.join(" ")}: exit code ${result.code}, ${why}`);
}

async function writeInput(child: Deno.ChildProcess, text: string | undefined): Promise<void> {
  if (text === undefined) return;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch (error) {
    // It may end before it has read everything; its exit code tells the rest.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
