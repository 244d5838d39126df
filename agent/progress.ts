/**
 * How far a transfer is, from the output of `--info=progress2`.
 *
 * @module
 */

/** How far a transfer is. */
export interface Progress {
  /** Of what the plan said has to be transferred, 0 to 100. */
  readonly percent: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** Undefined while nothing moves. */
  readonly remainingSeconds?: number;
}

/** Units of rsync's rates. */
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1_024, MB: 1_024 ** 2, GB: 1_024 ** 3, TB: 1_024 ** 4 };

/** One report of rsync, as it overwrites the last one: `  32,768   3%   12.34MB/s    0:00:12`. */
export function parseProgress(text: string, plannedBytes: number): Progress | undefined {
  const match = text.match(/^\s*([\d,]+)\s+\d+%\s+([\d.]+)([kMGT]?B)\/s\s/);
  if (match === null) return undefined;
  const bytes = Number(match[1]?.replaceAll(",", ""));
  return progressOf(bytes, Math.round(Number(match[2]) * (UNITS[match[3] ?? ""] ?? 1)), plannedBytes);
}

/** Several transfers that go on at once, as one. */
export function sumProgress(parts: Iterable<Progress>, plannedBytes: number): Progress {
  let [bytes, bytesPerSecond] = [0, 0];
  for (const part of parts) {
    bytes += part.bytes;
    bytesPerSecond += part.bytesPerSecond;
  }
  return progressOf(bytes, bytesPerSecond, plannedBytes);
}

function progressOf(bytes: number, bytesPerSecond: number, plannedBytes: number): Progress {
  const left = Math.max(0, plannedBytes - bytes);
  return {
    percent: plannedBytes === 0 ? 100 : Math.min(100, Math.floor(bytes / plannedBytes * 100)),
    bytes,
    bytesPerSecond,
    ...(bytesPerSecond > 0 ? { remainingSeconds: Math.ceil(left / bytesPerSecond) } : {}),
  };
}

/** Splits rsync's output into what stands between carriage returns and newlines; the last part may be unfinished. */
export class OutputParts {
  #decoder = new TextDecoder();
  #rest = "";

  /** The parts that this chunk ends. */
  push(chunk: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]/);
    this.#rest = (parts.pop() ?? "").slice(-65_536);
    return parts;
  }
}
