/**
 * The control program of the source: answers one request. It runs for one session of sshd.
 *
 * @module
 */
import { type Census, nameEntries, takeCensus } from "./census.ts";
import { CONTROL_REQUESTS, type ControlRequest } from "./settings/session_script.ts";

/** What comes back for a census: one line of JSON. */
export type ControlLine =
  | ({ readonly type: "census" } & Census)
  | { readonly type: "error"; readonly message: string };

/** Whether a text is one of the requests. */
export function isControlRequest(text: string): text is ControlRequest {
  return CONTROL_REQUESTS.some((request) => request === text);
}

/** Answers a request about the volume at `dataPath`; answers with the exit code. A census that fails is an answer, too. */
export async function answer(
  request: ControlRequest,
  dataPath: string,
  output: WritableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const writer = output.getWriter();
  if (request === "census") {
    await writer.write(new TextEncoder().encode(`${JSON.stringify(await censusLine(dataPath, signal))}\n`));
    return 0;
  }
  // Whoever reads slowly slows find down: it waits for its pipe.
  await nameEntries(dataPath, signal, (chunk) => writer.write(chunk));
  return 0;
}

async function censusLine(dataPath: string, signal: AbortSignal): Promise<ControlLine> {
  try {
    return { type: "census", ...await takeCensus(dataPath, signal) };
  } catch (error) {
    return { type: "error", message: error instanceof Error ? error.message : String(error) };
  }
}
