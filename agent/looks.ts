/**
 * What a pass looks at before anything is decided. A look changes nothing; all go on at once, as on a long way each takes
 * its time.
 *
 * @module
 */
import { type Census, countTree, isEmptyTree, type TreeCount } from "./census.ts";
import { runChild } from "./child.ts";
import type { Changes, Connection } from "./connection.ts";
import { judgeExit } from "./exit_class.ts";
import { channelsFor } from "./first_copy.ts";
import type { Clock } from "../kube/clock.ts";
import { isSameRoot, type RootIdentity } from "./identity.ts";
import { type Moment, seenUntil } from "./moment.ts";
import { Ended, endOf } from "./pass_end.ts";
import { type Plan, PlanReader } from "./plan.ts";
import { OutputParts } from "./progress.ts";
import { changesPath, planArguments, type TransferOptions } from "./settings/rsync_arguments.ts";
import { RSYNC } from "./transfer.ts";

/** What a look works with. */
export interface LookTools {
  readonly dataPath: string;
  /** Our own folder on the target. */
  readonly ownPath: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What is looked for. */
export interface LookRequest {
  readonly options: TransferOptions;
  /** Only what has changed since then in the volume that it was then; everything when left out. */
  readonly since?: { readonly root: RootIdentity; readonly seenUntil: Moment };
  /** Whether a first copy may take several streams. */
  readonly mayHaveChannels: boolean;
}

/** A plan and what it is about. */
export interface Planned {
  readonly plan: Plan;
  /** Path of the list that was planned for; everything when left out. */
  readonly changes?: string;
}

/** What the source said, and of which moment that is. */
export interface SeenSource {
  readonly census: Census;
  readonly seenUntil?: Moment;
  readonly changes?: Changes;
}

/** What was or will be seen. */
export interface Looks {
  readonly target: Promise<TreeCount>;
  readonly source: Promise<SeenSource>;
  /** Undefined where the target is empty: nothing can be deleted or overwritten there. */
  readonly planned: Promise<Planned | undefined>;
  /** Streams that a first copy is worth; 1 where the target is not empty. */
  readonly channels: Promise<number>;
}

/** Counts the target: this look needs no connection. */
export function lookAtTarget({ dataPath, signal }: Pick<LookTools, "dataPath" | "signal">): Promise<TreeCount> {
  return early(countTree(dataPath, signal));
}

/** Starts the looks that need a connection, which is open. */
export function look(target: Promise<TreeCount>, request: LookRequest, tools: LookTools): Looks {
  const { dataPath, connection, clock, signal } = tools;
  const { options, since, mayHaveChannels } = request;
  const source = early(askSource(since?.seenUntil, tools));
  const isEmpty = early(isEmptyTree(dataPath, signal));
  const planned = early((async () => {
    if (await isEmpty) return undefined;
    const changes = since === undefined ? undefined : changesOf(await source, since.root);
    return await planOfChanges(changes, options, tools) ?? { plan: await planOf(options, signal) };
  })());
  const channels = early(
    isEmpty.then((empty) => empty && mayHaveChannels ? channelsFor(connection, clock, signal) : 1),
  );
  return { target, source, planned, channels };
}

/** Each is awaited in its turn; one that fails before its turn is not forgotten, only early. */
function early<T>(look: Promise<T>): Promise<T> {
  look.catch(() => undefined);
  return look;
}

/** Another volume's changes say nothing of what it holds. */
function changesOf({ census, changes }: SeenSource, root: RootIdentity): Changes | undefined {
  return isSameRoot(census.root, root) ? changes : undefined;
}

/** The plan for a list; undefined when there is none, or when it is none for the source of now. */
async function planOfChanges(
  list: Changes | undefined,
  options: TransferOptions,
  { ownPath, signal }: LookTools,
): Promise<Planned | undefined> {
  if (list === undefined) return undefined;
  const changes = changesPath(ownPath);
  if (list.length === 0) return { plan: new PlanReader().finish(), changes };
  await Deno.writeFile(changes, list, { createNew: true, mode: 0o600 });
  try {
    return { plan: await planOf({ ...options, changes }, signal), changes };
  } catch (error) {
    // A folder that was listed may be something else by now.
    if (error instanceof Ended && error.outcome.kind === "failed" && error.outcome.class === "partial") {
      return undefined;
    }
    throw error;
  }
}

/** Asks rsync what a pass would do, or what other arguments would. @throws {Ended} when it cannot say */
export async function planOf(
  options: TransferOptions,
  signal: AbortSignal,
  args = planArguments(options),
): Promise<Plan> {
  const reader = new PlanReader();
  const parts = new OutputParts();
  const { code, errors } = await runChild({
    program: RSYNC,
    args,
    signal,
    onOutput: (chunk) => parts.push(chunk).forEach((line) => reader.add(line)),
  });
  if (judgeExit(code, errors, signal.aborted).kind === "bad") throw endOf(code, errors, signal.aborted);
  return reader.finish();
}

async function askSource(since: Moment | undefined, { connection, clock, signal }: LookTools): Promise<SeenSource> {
  const startedMs = clock.nowMs();
  const answer = await connection.census(signal, since);
  if (answer.kind === "census") {
    const { census, clock: told, changes } = answer;
    const elapsedSeconds = (clock.nowMs() - startedMs) / 1_000;
    return { census, changes, seenUntil: told === undefined ? undefined : seenUntil(told, elapsedSeconds) };
  }
  if (answer.kind === "failed") throw endOf(answer.result.code, answer.result.errors, signal.aborted);
  const { message } = answer;
  throw new Ended({ kind: "failed", class: "transient", reason: "CensusFailed", message, failedPaths: [] });
}
