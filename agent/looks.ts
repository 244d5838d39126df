/**
 * What a pass looks at before anything is decided. A look changes nothing; all go on at once, as on a long way each takes
 * its time.
 *
 * @module
 */
import { type Census, countTree, isEmptyTree, type TreeCount } from "./census.ts";
import { runChild } from "./child.ts";
import type { Connection } from "./connection.ts";
import { judgeExit } from "./exit_class.ts";
import { channelsFor } from "./first_copy.ts";
import type { Clock } from "../kube/clock.ts";
import { Ended, endOf } from "./pass_end.ts";
import { type Plan, PlanReader } from "./plan.ts";
import { OutputParts } from "./progress.ts";
import { planArguments, type TransferOptions } from "./settings/rsync_arguments.ts";
import { RSYNC } from "./transfer.ts";

/** What a look works with. */
export interface LookTools {
  readonly dataPath: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What was or will be seen. */
export interface Looks {
  readonly target: Promise<TreeCount>;
  readonly census: Promise<Census>;
  /** Undefined where the target is empty: nothing can be deleted or overwritten there. */
  readonly plan: Promise<Plan | undefined>;
  /** Streams that a first copy is worth; 1 where the target is not empty. */
  readonly channels: Promise<number>;
}

/** Counts the target: this look needs no connection. */
export function lookAtTarget({ dataPath, signal }: LookTools): Promise<TreeCount> {
  return early(countTree(dataPath, signal));
}

/** Starts the looks that need a connection, which is open. */
export function look(
  target: Promise<TreeCount>,
  options: TransferOptions,
  mayHaveChannels: boolean,
  tools: LookTools,
): Looks {
  const { dataPath, connection, clock, signal } = tools;
  const census = early(askCensus(connection, signal));
  const isEmpty = early(isEmptyTree(dataPath, signal));
  const plan = early(isEmpty.then((empty) => empty ? undefined : planOf(options, signal)));
  const channels = early(
    isEmpty.then((empty) => empty && mayHaveChannels ? channelsFor(connection, clock, signal) : 1),
  );
  return { target, census, plan, channels };
}

/** Each is awaited in its turn; one that fails before its turn is not forgotten, only early. */
function early<T>(look: Promise<T>): Promise<T> {
  look.catch(() => undefined);
  return look;
}

/** Asks rsync what a pass would do. @throws {Ended} when it cannot say */
export async function planOf(options: TransferOptions, signal: AbortSignal): Promise<Plan> {
  const reader = new PlanReader();
  const parts = new OutputParts();
  const { code, errors } = await runChild({
    program: RSYNC,
    args: planArguments(options),
    signal,
    onOutput: (chunk) => parts.push(chunk).forEach((line) => reader.add(line)),
  });
  if (judgeExit(code, errors, signal.aborted).kind === "bad") throw endOf(code, errors, signal.aborted);
  return reader.finish();
}

async function askCensus(connection: Connection, signal: AbortSignal): Promise<Census> {
  const answer = await connection.census(signal);
  if (answer.kind === "census") return answer.census;
  if (answer.kind === "failed") throw endOf(answer.result.code, answer.result.errors, signal.aborted);
  const { message } = answer;
  throw new Ended({ kind: "failed", class: "transient", reason: "CensusFailed", message, failedPaths: [] });
}
