/**
 * A program in a container of a Pod, over a WebSocket (`pods/exec`).
 *
 * @module
 */
import { KubeError, type KubeStatus } from "./errors.ts";
import type { Socket } from "./web_socket.ts";

/** Subprotocols of `pods/exec`; only the first can end the program's input alone. */
export const EXEC_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

/** First byte of a message. */
const CHANNELS = { input: 0, output: 1, errors: 2, status: 3, close: 255 } as const;
/** How much of standard error is kept. */
const ERROR_BYTES = 4_096;

/** What to run. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Called with standard output as it comes; must not throw. */
  readonly onOutput: (chunk: Uint8Array) => void;
  /** Ends it at any time. */
  readonly signal?: AbortSignal;
  /** How long the opening may take; 30,000 unless told otherwise. */
  readonly deadlineMs?: number;
}

/** How it ended. */
export type ExecEnd =
  /** The program ended; `errors` is the end of its standard error. */
  | { readonly kind: "exited"; readonly code: number; readonly errors: string }
  /** The stream ended before the program did, as far as is known: it may run on. */
  | { readonly kind: "broken"; readonly error: KubeError }
  /** `close`, or the signal. */
  | { readonly kind: "closed" };

/** A program that runs. */
export interface Exec {
  /** Never rejects. */
  readonly ended: Promise<ExecEnd>;
  /** Writes to its standard input. Throws KubeError Unreachable. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends its standard input, where the server can. Throws KubeError Unreachable. */
  endInput(): Promise<void>;
  /** Leaves it; what becomes of the program is the runtime's affair. */
  close(): void;
}

/** Path and query of an exec. */
export function execPath({ namespace, pod, container, command }: ExecRequest): string {
  const query = new URLSearchParams({ container, stdin: "true", stdout: "true", stderr: "true" });
  for (const word of command) query.append("command", word);
  const [inNamespace, name] = [namespace, pod].map(encodeURIComponent);
  return `/api/v1/namespaces/${inNamespace}/pods/${name}/exec?${query}`;
}

/** Begins to follow a program over its open socket. */
export function followExec(socket: Socket, request: Pick<ExecRequest, "onOutput" | "signal">): Exec {
  const { onOutput, signal } = request;
  let isClosed = false;
  const close = () => {
    isClosed = true;
    socket.close();
  };
  signal?.addEventListener("abort", close, { once: true });
  if (signal?.aborted) close();
  const ended = follow(socket, onOutput).then(
    (end): ExecEnd => isClosed ? { kind: "closed" } : end,
    (error: unknown): ExecEnd => isClosed ? { kind: "closed" } : { kind: "broken", error: asKubeError(error) },
  ).finally(() => signal?.removeEventListener("abort", close));
  return {
    ended,
    write: (bytes) => socket.send(onChannel(CHANNELS.input, bytes)),
    async endInput() {
      if (socket.protocol === EXEC_PROTOCOLS[0]) await socket.send(new Uint8Array([CHANNELS.close, CHANNELS.input]));
    },
    close,
  };
}

async function follow(socket: Socket, onOutput: (chunk: Uint8Array) => void): Promise<ExecEnd> {
  let errors = "";
  let code: number | undefined;
  for await (const message of socket.messages()) {
    const bytes = message.subarray(1);
    if (message[0] === CHANNELS.output && bytes.length > 0) onOutput(bytes);
    if (message[0] === CHANNELS.errors) errors = (errors + new TextDecoder().decode(bytes)).slice(-ERROR_BYTES);
    if (message[0] === CHANNELS.status) code = exitCodeOf(new TextDecoder().decode(bytes));
  }
  if (code !== undefined) return { kind: "exited", code, errors };
  return {
    kind: "broken",
    error: new KubeError("Unreachable", "the stream ended before the program's exit code came"),
  };
}

/** Exit code that a Status tells; a program that could not be started is an error. Throws KubeError. */
function exitCodeOf(text: string): number {
  let status: KubeStatus;
  try {
    status = JSON.parse(text);
  } catch {
    throw new KubeError("BadResponse", "the end of a program is not told as a Status");
  }
  if (status.status === "Success") return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (code !== undefined && /^\d+$/.test(code)) return Number(code);
  throw new KubeError("ServerError", `Cannot run the program: ${status.message ?? "the server does not say why"}`);
}

function onChannel(channel: number, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + bytes.length);
  message[0] = channel;
  message.set(bytes, 1);
  return message;
}

function asKubeError(error: unknown): KubeError {
  return error instanceof KubeError ? error : new KubeError("Unreachable", String(error), { cause: error });
}
