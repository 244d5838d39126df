/**
 * Running a program: no shell, a fixed environment, output in chunks, TERM before KILL.
 *
 * @module
 */

/** A program to run. */
export interface ChildSpec {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads on standard input; nothing unless told. */
  readonly input?: Uint8Array<ArrayBuffer>;
  /** Called with standard output as it comes; the next chunk waits for what it returns. */
  readonly onOutput?: (chunk: Uint8Array) => void | Promise<void>;
  /** Aborted: the program gets TERM, and KILL when it still runs after `graceMs`. */
  readonly signal: AbortSignal;
  /** 10 s unless told. */
  readonly graceMs?: number;
}

/** How a program ended. */
export interface ChildResult {
  /** Exit code; 128 and the signal's number when a signal ended it. */
  readonly code: number;
  /** The first and last of standard error; UTF-8, odd bytes replaced. */
  readonly errors: string;
}

const ERROR_BYTES = 64 * 1_024;
const DEFAULT_GRACE_MS = 10_000;

/** Runs a program to its end. A failure of the program is a result. @throws {Error} when it cannot be started */
export async function runChild(spec: ChildSpec): Promise<ChildResult> {
  const child = new Deno.Command(spec.program, {
    args: [...spec.args],
    cwd: spec.cwd,
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", ...spec.env },
    stdin: spec.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stopWatching = endOnAbort(child, spec.signal, spec.graceMs ?? DEFAULT_GRACE_MS);
  try {
    const [errors, , , status] = await Promise.all([
      keepEnds(child.stderr),
      drain(child.stdout, spec.onOutput),
      spec.input === undefined ? undefined : feed(child.stdin, spec.input),
      child.status,
    ]);
    return { code: status.code, errors };
  } finally {
    stopWatching();
  }
}

/** Runs a program whose whole output is wanted as text (at most 1 MiB). @throws {ChildError} when it fails */
export async function runForText(spec: Omit<ChildSpec, "onOutput">): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { code, errors } = await runChild({
    ...spec,
    onOutput: (chunk) => {
      size += chunk.length;
      if (size <= 1_048_576) chunks.push(chunk);
    },
  });
  if (code !== 0) throw new ChildError(spec.program, code, errors);
  return new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

/** A program that did not end with exit code 0. */
export class ChildError extends Error {
  override readonly name = "ChildError";
  readonly reason = "ProgramFailed";
  readonly code: number;
  readonly errors: string;

  constructor(program: string, code: number, errors: string) {
    super(`Cannot run ${program}: it ended with exit code ${code}: ${errors.trim().slice(-500)}`);
    this.code = code;
    this.errors = errors;
  }
}

function endOnAbort(child: Deno.ChildProcess, signal: AbortSignal, graceMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const kill = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      // It has ended since.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const onAbort = () => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), graceMs);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  };
}

/** A program that does not want all of it says so by how it ends. */
async function feed(stream: WritableStream<Uint8Array>, input: Uint8Array<ArrayBuffer>): Promise<void> {
  await new Blob([input]).stream().pipeTo(stream).catch(() => undefined);
}

async function drain(stream: ReadableStream<Uint8Array>, onOutput?: ChildSpec["onOutput"]): Promise<void> {
  for await (const chunk of stream) await onOutput?.(chunk);
}

/** The first half of the errors says why, the last half how it ended. */
async function keepEnds(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let head = "";
  let tail = "";
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    const room = ERROR_BYTES / 2 - head.length;
    head += text.slice(0, Math.max(0, room));
    tail = (tail + text.slice(Math.max(0, room))).slice(-ERROR_BYTES / 2);
  }
  return head + tail;
}
