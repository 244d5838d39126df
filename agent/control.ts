/**
 * The control program of the source: answers one request. It runs for one session of sshd.
 *
 * @module
 */
import { type Census, nameShares, takeCensus } from "./census.ts";
import type { Clock } from "../kube/clock.ts";
import type { Moment, SourceClock } from "./moment.ts";
import { CONTROL_REQUESTS, type ControlRequest } from "./settings/session_script.ts";

/** What comes back for a census: one line of JSON. */
export type ControlLine =
  | ({
    readonly type: "census";
    readonly clock?: SourceClock;
    /** A list for rsync, see `ChangeList`: base64, as names need not be text. */
    readonly changes?: string;
  } & Census)
  | { readonly type: "error"; readonly message: string };

/** No moment is longer, as JSON. */
const MOMENT_BYTES = 1_024;

/** Where requests come from and answers go. */
export interface ControlStreams {
  readonly input: ReadableStream<Uint8Array>;
  readonly output: WritableStream<Uint8Array>;
}

/** Whether a text is one of the requests. */
export function isControlRequest(text: string): text is ControlRequest {
  return CONTROL_REQUESTS.some((request) => request === text);
}

/** Answers a request about the volume at `dataPath`; answers with the exit code. A census that fails is an answer, too. */
export async function answer(
  request: ControlRequest,
  dataPath: string,
  { input, output }: ControlStreams,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const writer = output.getWriter();
  if (request === "shares") {
    // Whoever reads slowly slows find down: it waits for its pipe.
    await nameShares(dataPath, signal, (chunk) => writer.write(chunk));
    return 0;
  }
  const since = request === "changes" ? await readMoment(input) : undefined;
  const line = await censusLine(dataPath, clock, signal, since);
  await writer.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  return 0;
}

async function censusLine(dataPath: string, clock: Clock, signal: AbortSignal, since?: Moment): Promise<ControlLine> {
  try {
    const { changes, ...census } = await takeCensus(dataPath, clock, signal, since);
    return { type: "census", ...census, changes: changes?.toBase64() };
  } catch (error) {
    return { type: "error", message: error instanceof Error ? error.message : String(error) };
  }
}

/** The moment that a target asks about; undefined for what is none, as an answer without changes is always true. */
async function readMoment(input: ReadableStream<Uint8Array>): Promise<Moment | undefined> {
  let text = "";
  for await (const chunk of input.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    text += chunk;
    if (text.length > MOMENT_BYTES) return undefined;
  }
  try {
    const { boot, bootTime, seconds } = JSON.parse(text) as Moment;
    return typeof boot === "string" && Number.isFinite(bootTime) && Number.isFinite(seconds)
      ? { boot, bootTime, seconds }
      : undefined;
  } catch {
    return undefined;
  }
}
