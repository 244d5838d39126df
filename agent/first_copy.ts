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

/** Copies everything that the source names: files in several streams, then what depends on them. */
export async function copyFirst(copy: FirstCopy): Promise<FirstCopyEnd> {
  const { channels, signal } = copy;
  const names = await writeLists(copy);
  if (names.code !== 0) return { kind: "failed", result: names };
  const streams = await Promise.all(Array.from({ length: channels }, (_, channel) => stream(copy, channel)));
  const failed = streams.find(({ code, errors }) => {
    const verdict = judgeExit(code, errors, signal.aborted);
    return verdict.kind === "bad" && verdict.class !== "partial";
  });
  if (failed !== undefined) return { kind: "failed", result: failed };
  if (streams.some(({ code }) => code !== 0)) return { kind: "partial", stats: streams.map(({ stats }) => stats) };
  // Last, as folders get their times, and files of several names have to come together.
  const rest = await stream(copy, channels);
  return { kind: rest.code === 0 ? "whole" : "partial", stats: [...streams, rest].map(({ stats }) => stats) };
}

async function stream({ options, ownPath, signal, onPart }: FirstCopy, channel: number): Promise<TransferEnd> {
  return await runTransfer(copyListArguments(options, ownPath, channel), signal, (part) => onPart(part, channel + 1));
}

/** Asks the source for its names and writes a list for each channel, and one for what comes last. */
async function writeLists({ ownPath, channels, connection, signal }: FirstCopy): Promise<ChildResult> {
  using lists = await NameLists.create(ownPath, new NameSplitter(channels), channels + 1);
  return await connection.ask("names", signal, { onOutput: (chunk) => lists.add(chunk) });
}
