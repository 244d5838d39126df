/**
 * Log lines as JSON, one an event.
 *
 * @module
 */
import type { Clock } from "../kube/clock.ts";
import type { Log, LogFields } from "../kube/log.ts";

/** A log that writes JSON lines with `time` (RFC 3339), `level` and `message`. */
export function createLineLog(write: (line: string) => void, clock: Clock): Log {
  const at = (level: string) => (message: string, fields: LogFields = {}) => {
    write(`${JSON.stringify({ time: new Date(clock.wallMs()).toISOString(), level, message, ...fields })}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
