/**
 * One pass: the target volume becomes equal to the source volume, or stays as it is and says why.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import type { Census, TreeCount } from "./census.ts";
import { runForText } from "./child.ts";
import type { Connection } from "./connection.ts";
import { judgeExit } from "./exit_class.ts";
import { copyFirst } from "./first_copy.ts";
import {
  allowedDeletes,
  type Finding,
  identifyHolds,
  judgePlan,
  judgeRoom,
  judgeSource,
  unapproved,
} from "./guards.ts";
import type { Clock } from "../kube/clock.ts";
import { look, lookAtTarget, type LookRequest, type Looks, planOf } from "./looks.ts";
import type { Moment } from "./moment.ts";
import { OwnFolder } from "./own_folder.ts";
import { Ended, endOf, explain } from "./pass_end.ts";
import { type Plan, planOfFirstCopy } from "./plan.ts";
import { parseProgress, type Progress, sumProgress } from "./progress.ts";
import type { PassRequest } from "./protocol.ts";
import type { Comparison, Outcome, PassReport, PassState } from "./report.ts";
import { writeSample } from "./sample.ts";
import { passArguments, sampleArguments, samplePath, type TransferOptions } from "./settings/rsync_arguments.ts";
import { sumStatistics, type TransferStats } from "./statistics.ts";
import { runTransfer } from "./transfer.ts";

const SYNC = "/usr/bin/sync";
/** Progress is told this often. */
const TELL_MS = 1_000;
/** A smaller tree is there before its names are split. */
const CHANNELS_FROM_ENTRIES = 1_000;
/** Files that are longer than this on average are worth going on with after a kill. */
const LARGE_FILE_BYTES = 262_144;
/** No pass takes a week. */
const PASS_DEADLINE_MS = 7 * 24 * 3_600_000;

/** What a pass works with. */
export interface PassTools {
  /** Root of the target volume. */
  readonly dataPath: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** Aborted: rsync gets TERM, which keeps what it has of a file. */
  readonly signal: AbortSignal;
  readonly onState: (state: PassState) => void;
}

/** Runs a pass to its end; whatever happens is in the report. */
export async function runPass(request: PassRequest, tools: PassTools): Promise<PassReport> {
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(PASS_DEADLINE_MS)]);
  return await new Pass(request, { ...tools, signal }).run();
}

/** What was decided on before the first byte is written. */
interface Decided {
  readonly plan: Plan;
  /** Path of the list that it is about; everything when left out. */
  readonly changes?: string;
  readonly census: Census;
  readonly target: TreeCount;
  /** Streams of a first copy; 1 for any other. */
  readonly channels: number;
}

class Pass {
  readonly #request: PassRequest;
  readonly #tools: PassTools;
  #source?: Census;
  #target?: TreeCount;
  #stats?: TransferStats;
  #compared?: Comparison;
  #seenUntil?: Moment;
  #changesOnly?: true;
  #wasDirty = false;
  #isDirty = false;

  constructor(request: PassRequest, tools: PassTools) {
    this.#request = request;
    this.#tools = tools;
  }

  async run(): Promise<PassReport> {
    const { clock } = this.#tools;
    const startedMs = clock.nowMs();
    const startedAt = new Date(clock.wallMs()).toISOString();
    const outcome = await this.#attempt(startedAt);
    return {
      passId: this.#request.passId,
      outcome,
      startedAt,
      durationMs: Math.round(clock.nowMs() - startedMs),
      wasDirty: this.#wasDirty,
      isDirty: this.#isDirty,
      source: this.#source,
      targetEntries: this.#target?.entries,
      changesOnly: this.#changesOnly,
      seenUntil: outcome.kind === "good" ? this.#seenUntil : undefined,
      stats: this.#stats,
      compared: this.#compared,
    };
  }

  async #attempt(startedAt: string): Promise<Outcome> {
    const { dataPath } = this.#tools;
    const { epoch, passId } = this.#request;
    try {
      using folder = await OwnFolder.open(dataPath, epoch);
      this.#wasDirty = this.#isDirty = await folder.readMarker() !== undefined;
      const decided = await this.#prepare(folder.path);
      const { plan, census, target } = decided;
      // What is copied for the first time was not there to be compared.
      if (this.#request.checksum && target.entries > 0) {
        this.#compared = comparisonOf(census.count.files, plan);
      }
      const mark = async () => {
        await folder.mark({ epoch, passId, startedAt });
        this.#isDirty = true;
      };
      await this.#checkRoom(plan, census);
      const isMended = target.entries > 0 && await this.#mendSample(folder, decided, mark);
      if (plan.changes === 0 && !isMended) {
        this.#stats = this.#ofTree(plan.stats, census);
        return await this.#finish(folder, false);
      }
      await mark();
      return await this.#finish(folder, await this.#transfer(folder, decided));
    } catch (error) {
      return explain(error, this.#tools.signal.aborted);
    }
  }

  /** Everything before the first byte is written. */
  async #prepare(ownPath: string): Promise<Decided> {
    const { dataPath, connection, clock, signal } = this.#tools;
    const { channels, excludes, bandwidthKiBps } = this.#request;
    const cancel = new AbortController();
    const tools = { dataPath, ownPath, connection, clock, signal: AbortSignal.any([signal, cancel.signal]) };
    const target = lookAtTarget(tools);
    let looks: Partial<Looks> = { target };
    try {
      await this.#connect();
      this.#tell("Planning");
      // What is excluded is none of the names that channels share; and a limit is meant for all of them.
      const mayHaveChannels = excludes.length === 0 && bandwidthKiBps === undefined;
      const all = looks = look(target, {
        options: this.#options(),
        since: this.#since(),
        mayHaveChannels: channels === undefined && mayHaveChannels,
      }, tools);
      return await this.#judge(all, mayHaveChannels ? channels : 1);
    } finally {
      // What nobody needs any more ends before the lock goes.
      cancel.abort();
      await Promise.allSettled(Object.values(looks));
    }
  }

  /** Since when changes are enough. A list may name what is excluded; a target that is half-written needs more. */
  #since(): LookRequest["since"] {
    const { changesOnly, checksum, sample, excludes, lastGood } = this.#request;
    // A list has no place for what a comparison mends.
    if (!changesOnly || checksum || sample !== undefined || excludes.length > 0 || this.#wasDirty) return undefined;
    return lastGood?.seenUntil && { root: lastGood.root, seenUntil: lastGood.seenUntil };
  }

  async #connect(): Promise<void> {
    const { connection, signal } = this.#tools;
    const { source } = this.#request;
    this.#tell("Connecting");
    await connection.prepare(source, source.user, signal);
    const { code, errors } = await connection.open(signal);
    if (code !== 0) throw this.#failed(code, errors);
  }

  /** In the order in which a person wants to know. */
  async #judge(looks: Looks, channels: number | undefined): Promise<Decided> {
    const { lastGood, policy, excludes } = this.#request;
    const { census, seenUntil } = await looks.source;
    this.#source = census;
    const target = this.#target = await looks.target;
    await this.#hold(judgeSource(census, lastGood, target));
    const { plan, changes } = await looks.planned ?? { plan: await this.#planWithoutLook(census, target) };
    if (changes !== undefined) this.#changesOnly = true;
    await this.#hold(judgePlan(plan, policy, target.entries));
    // What was excluded this time was not seen.
    if (excludes.length === 0) this.#seenUntil = seenUntil;
    return { plan, changes, census, target, channels: channels ?? await looks.channels };
  }

  /**
   * Compares some files by what they hold, if that is asked for; answers whether any was mended. The pass that follows sets what
   * that did to the times of folders right.
   */
  async #mendSample(folder: OwnFolder, decided: Decided, mark: () => Promise<void>): Promise<boolean> {
    const { dataPath, random, signal } = this.#tools;
    const { sample } = this.#request;
    if (sample === undefined) return false;
    this.#tell("Comparing");
    const files = await writeSample(dataPath, samplePath(folder.path), sample, random, signal);
    const options = this.#options(decided);
    const plan = await planOf(options, signal, sampleArguments(options, true));
    this.#compared = comparisonOf(files, plan);
    if (plan.differing === 0) return false;
    await mark();
    const { code, errors, stats } = await runTransfer(sampleArguments(options, false), signal, () => {});
    this.#stats = stats;
    if (judgeExit(code, errors, signal.aborted).kind === "bad") throw this.#failed(code, errors);
    return true;
  }

  /** An empty target needs no dry run; one that somebody has filled since does. */
  async #planWithoutLook({ count }: Census, target: TreeCount): Promise<Plan> {
    return target.entries === 0 ? planOfFirstCopy(count) : await planOf(this.#options(), this.#tools.signal);
  }

  async #hold(findings: readonly Finding[]): Promise<void> {
    const holds = unapproved(await identifyHolds(this.#request.volume, findings), this.#request.approvals);
    if (holds.length > 0) throw new Ended({ kind: "held", holds });
  }

  async #checkRoom(plan: Plan, census: Census): Promise<void> {
    const { bavail, bsize, files, ffree } = await statfs(this.#tools.dataPath);
    const room = { freeBytes: bavail * bsize, freeInodes: files === 0 ? undefined : ffree };
    const message = judgeRoom(plan, census, room);
    if (message === undefined) return;
    throw new Ended({ kind: "failed", class: "disk", reason: "TargetFull", message, failedPaths: [] });
  }

  /** Answers whether files vanished meanwhile. */
  async #transfer(folder: OwnFolder, decided: Decided): Promise<boolean> {
    const { plan, target, census } = decided;
    const { policy } = this.#request;
    this.#tell("Transferring");
    const tell = this.#progressTeller(plan.stats.transferredBytes);
    const before = await this.#firstCopy(folder, decided, tell);
    if (before?.isWhole) {
      this.#stats = { ...sumStatistics(before.stats), entries: census.count.entries };
      return false;
    }
    // What was planned was allowed or approved; anything beyond the policy's bound is a source that changes now.
    const maxDeletes = Math.max(plan.deletes, allowedDeletes(policy, target.entries));
    const { code, errors, stats } = await runTransfer(
      passArguments(this.#options(decided), maxDeletes),
      this.#tools.signal,
      tell,
    );
    const mended = this.#stats === undefined ? [] : [this.#stats];
    this.#stats = this.#ofTree(sumStatistics([...mended, ...before?.stats ?? [], stats]), census);
    const verdict = judgeExit(code, errors, this.#tools.signal.aborted);
    if (verdict.kind === "bad") throw this.#failed(code, errors);
    return verdict.rescan;
  }

  /** Several streams at once, where that helps; undefined where it does not. */
  async #firstCopy(
    folder: OwnFolder,
    decided: Decided,
    onPart: (part: string, channel: number) => void,
  ): Promise<{ isWhole: boolean; stats: readonly TransferStats[] } | undefined> {
    const { plan, target, channels } = decided;
    const { connection, signal } = this.#tools;
    if (target.entries > 0 || channels === 1 || plan.created < CHANNELS_FROM_ENTRIES) return undefined;
    const options = this.#options(decided);
    const end = await copyFirst({ ownPath: folder.path, channels, connection, options, signal, onPart });
    if (end.kind === "failed") throw this.#failed(end.result.code, end.result.errors);
    return { isWhole: end.kind === "whole", stats: end.stats };
  }

  /** How large the tree is, a list does not know. */
  #ofTree(stats: TransferStats, { count: { entries } }: Census): TransferStats {
    return this.#changesOnly ? { ...stats, entries } : stats;
  }

  #progressTeller(plannedBytes: number): (part: string, channel?: number) => void {
    const { clock, onState } = this.#tools;
    const channels = new Map<number, Progress>();
    let toldMs = -Infinity;
    return (part, channel = 0) => {
      const now = parseProgress(part, plannedBytes);
      if (now === undefined) return;
      channels.set(channel, now);
      if (clock.nowMs() - toldMs < TELL_MS) return;
      toldMs = clock.nowMs();
      const progress = sumProgress(channels.values(), plannedBytes);
      onState({ passId: this.#request.passId, step: "Transferring", progress });
    };
  }

  /** What was written is on the disk before the marker goes. */
  async #finish(folder: OwnFolder, rescan: boolean): Promise<Outcome> {
    const { dataPath, signal } = this.#tools;
    if (this.#isDirty) {
      this.#tell("Flushing");
      await runForText({ program: SYNC, args: ["-f", dataPath], signal });
      await folder.unmark();
      this.#isDirty = false;
    }
    return { kind: "good", rescan };
  }

  #options(decided?: Decided): TransferOptions {
    const { excludes, bandwidthKiBps, compress, checksum } = this.#request;
    const { dataPath, connection } = this.#tools;
    const { transferredBytes = 0, transferredFiles = 0 } = decided?.plan.stats ?? {};
    const keepParts = transferredBytes > transferredFiles * LARGE_FILE_BYTES;
    const sparse = (decided?.census.count.sparseFiles ?? 0) > 0;
    const incremental = decided?.target.entries === 0 && decided.channels === 1;
    const limits = { excludes, bandwidthKiBps, compress, checksum };
    return { ssh: connection.command, dataPath, ...limits, keepParts, sparse, incremental, changes: decided?.changes };
  }

  #tell(step: PassState["step"]): void {
    this.#tools.onState({ passId: this.#request.passId, step });
  }

  #failed(exitCode: number, errors: string): Ended {
    return endOf(exitCode, errors, this.#tools.signal.aborted);
  }
}

function comparisonOf(files: number, { differing, differingSample }: Plan): Comparison {
  return { files, differing, sample: differingSample };
}
