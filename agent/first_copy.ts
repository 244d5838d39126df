/**
 * A first copy over a long way, in several streams: one waits for its window more than it sends.
 *
 * @module
 */
import { NameLists, NameSplitter } from "./channels.ts";
import type { ChildResult } from "./child.ts";
import type { Connection } from "./connection.ts";
import { judgeExit } from "./exit_class.ts";
import type { Clock } from "../kube/clock.ts";
import { copyListArguments, type TransferOptions } from "./settings/rsync_arguments.ts";
import type { TransferStats } from "./statistics.ts";
import { runTransfer, type TransferEnd } from "./transfer.ts";

/** Streams of a first copy over a long way. */
const LONG_WAY_CHANNELS = 4;
/** A session over an open connection takes two round trips, and near at hand some milliseconds. */
const LONG_WAY_SESSION_MS = 70;
/** What is busy for a moment looks far away once, not each time. */
const PROBES = 2;

/** How many streams a first copy is worth. A failure is told by whatever asks next. */
export async function channelsFor(connection: Connection, clock: Clock, signal: AbortSignal): Promise<number> {
  for (let probe = 0; probe < PROBES; probe++) {
    const startMs = clock.nowMs();
    await connection.ask("nothing", signal);
    if (clock.nowMs() - startMs < LONG_WAY_SESSION_MS) return 1;
  }
  return LONG_WAY_CHANNELS;
}

/** What a first copy works with. */
export interface FirstCopy {
  /** Our own folder on the target. */
  readonly ownPath: string;
  readonly channels: number;
  readonly connection: Connection;
  readonly options: TransferOptions;
  readonly signal: AbortSignal;
  /** Hears each part of a channel's output. */
  readonly onPart: (part: string, channel: number) => void;
}

/** How far the streams came. */
export type FirstCopyEnd =
  /** Everything that the source named is there. */
  | { readonly kind: "whole"; readonly stats: readonly TransferStats[] }
  /** Something was not there any more, or could not be copied: an ordinary pass has to follow, which tells of it. */
  | { readonly kind: "partial"; readonly stats: readonly TransferStats[] }
  | { readonly kind: "failed"; readonly result: ChildResult };

/** Copies everything that the source names: folders in several streams, then what lies above them. */
export async function copyFirst(copy: FirstCopy): Promise<FirstCopyEnd> {
  const { channels, connection, ownPath, signal } = copy;
  const splitter = new NameSplitter(channels);
  const names = await writeLists(ownPath, splitter, channels, connection, signal);
  if (names.code !== 0) return { kind: "failed", result: names };
  // No two streams could make one file of two names.
  if (splitter.hasLinks) return { kind: "partial", stats: [] };
  const streams = await Promise.all(Array.from({ length: channels }, (_, channel) => stream(copy, channel)));
  const failed = streams.find(({ code, errors }) => {
    const verdict = judgeExit(code, errors, signal.aborted);
    return verdict.kind === "bad" && verdict.class !== "partial";
  });
  if (failed !== undefined) return { kind: "failed", result: failed };
  if (streams.some(({ code }) => code !== 0)) return { kind: "partial", stats: streams.map(({ stats }) => stats) };
  // Last, as folders get their times.
  const rest = await stream(copy, channels);
  return { kind: rest.code === 0 ? "whole" : "partial", stats: [...streams, rest].map(({ stats }) => stats) };
}

async function stream(copy: FirstCopy, channel: number): Promise<TransferEnd> {
  const { options, ownPath, channels, signal, onPart } = copy;
  const isRecursive = channel < channels;
  const args = copyListArguments(options, ownPath, channel, isRecursive);
  return await runTransfer(args, signal, (part) => onPart(part, channel + 1));
}

/** Asks the source for its names and writes a list for each channel, and one for what comes last. */
async function writeLists(
  ownPath: string,
  splitter: NameSplitter,
  channels: number,
  connection: Connection,
  signal: AbortSignal,
): Promise<ChildResult> {
  using lists = await NameLists.create(ownPath, splitter, channels + 1);
  return await connection.ask("shares", signal, { onOutput: (chunk) => lists.add(chunk) });
}
