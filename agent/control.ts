/**
 * The control program of the source: answers one request with JSON lines. It runs for one session of sshd.
 *
 * @module
 */
import { type Census, takeCensus } from "./census.ts";
import { CONTROL_REQUESTS, type ControlRequest } from "./settings/session_script.ts";

/** What comes back, a line each. */
export type ControlLine =
  | ({ readonly type: "census" } & Census)
  | { readonly type: "error"; readonly message: string };

/** Whether a text is one of the requests. */
export function isControlRequest(text: string): text is ControlRequest {
  return CONTROL_REQUESTS.some((request) => request === text);
}

/** Answers a request about the volume at `dataPath`. A failure is an answer, too. */
export async function answer(_request: ControlRequest, dataPath: string, signal: AbortSignal): Promise<ControlLine> {
  try {
    return { type: "census", ...await takeCensus(dataPath, signal) };
  } catch (error) {
    return { type: "error", message: error instanceof Error ? error.message : String(error) };
  }
}
