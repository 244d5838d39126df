/**
 * Log lines to a stream, those of a moment in one write: a line for each write in DR is cheap then.
 *
 * @module
 */
import type { Sink, TextFormatter } from "@logtape/logtape";

/** Longest time that a line waits for others. */
const GATHER_MS = 10;

/** Writes formatted records to a stream. A stream that broke (whoever read it has gone) is given up silently. */
export function logStream(stream: WritableStream<Uint8Array>, formatter: TextFormatter): Sink & AsyncDisposable {
  const encoder = new TextEncoder();
  const writer = stream.getWriter();
  let lines: string[] = [];
  let writing: Promise<void> = Promise.resolve();
  const flush = () => {
    const bytes = encoder.encode(lines.join(""));
    lines = [];
    writing = writing.then(() => writer.write(bytes)).catch(() => {});
  };
  const sink: Sink = (record) => {
    if (lines.length === 0) setTimeout(flush, GATHER_MS);
    lines.push(formatter(record));
  };
  const dispose = async () => {
    if (lines.length > 0) flush();
    await writing;
    writer.releaseLock();
  };
  return Object.assign(sink, { [Symbol.asyncDispose]: dispose });
}
