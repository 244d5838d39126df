/**
 * Running rsync: one stream, or several beside each other.
 *
 * @module
 */
import { type ChildResult, runChild } from "./child.ts";
import { OutputParts } from "./progress.ts";
import { addStatistic, completeStatistics, type TransferStats } from "./statistics.ts";

/** rsync, wherever this runs. */
export const RSYNC = "/usr/bin/rsync";

/** How a stream ended, and what it did. */
export interface TransferEnd extends ChildResult {
  readonly stats: TransferStats;
}

/** Runs one stream to its end. `onPart` hears each part of its output; a failure is a result. */
export async function runTransfer(
  args: readonly string[],
  signal: AbortSignal,
  onPart: (part: string) => void,
): Promise<TransferEnd> {
  const parts = new OutputParts();
  let stats: Partial<TransferStats> = {};
  const result = await runChild({
    program: RSYNC,
    args,
    signal,
    onOutput: (chunk) => {
      for (const part of parts.push(chunk)) {
        stats = addStatistic(stats, part);
        onPart(part);
      }
    },
  });
  return { ...result, stats: completeStatistics(stats) };
}
