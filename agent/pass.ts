/**
 * One pass: the target volume becomes equal to the source volume, or stays as it is and says why.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { type Census, countTree, type TreeCount } from "./census.ts";
import { runChild, runForText } from "./child.ts";
import type { Connection } from "./connection.ts";
import { judgeExit } from "./exit_class.ts";
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
import { OwnFolder } from "./own_folder.ts";
import { Ended, endOf, explain } from "./pass_end.ts";
import { type Plan, planOfFirstCopy, PlanReader } from "./plan.ts";
import { OutputParts, parseProgress, type Progress, sumProgress } from "./progress.ts";
import type { PassRequest } from "./protocol.ts";
import type { Comparison, Outcome, PassReport, PassState } from "./report.ts";
import { type SampleLimits, writeSample } from "./sample.ts";
import {
  listArguments,
  passArguments,
  planArguments,
  sampleArguments,
  samplePath,
  type TransferOptions,
} from "./settings/rsync_arguments.ts";
import { sumStatistics, type TransferStats } from "./statistics.ts";
import { RSYNC, runTransfer, writeLists } from "./transfer.ts";

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

/** What is looked at before anything is decided. */
type Looks = {
  readonly target: Promise<TreeCount>;
  readonly census: Promise<Census>;
  readonly plan: Promise<Plan | undefined>;
};

class Pass {
  readonly #request: PassRequest;
  readonly #tools: PassTools;
  #source?: Census;
  #target?: TreeCount;
  #stats?: TransferStats;
  #compared?: Comparison;
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
      const { plan, census, target } = await this.#prepare();
      // What is copied for the first time was not there to be compared.
      if (this.#request.checksum && target.entries > 0) {
        this.#compared = comparisonOf(census.count.files, plan);
      }
      const mark = async () => {
        await folder.mark({ epoch, passId, startedAt });
        this.#isDirty = true;
      };
      await this.#checkRoom(plan, census);
      const { sample } = this.#request;
      const isMended = sample !== undefined && target.entries > 0 && await this.#mendSample(folder, sample, mark);
      if (plan.changes === 0 && !isMended) {
        this.#stats = plan.stats;
        return await this.#finish(folder, false);
      }
      await mark();
      return await this.#finish(folder, await this.#transfer(folder, plan, target));
    } catch (error) {
      return explain(error, this.#tools.signal.aborted);
    }
  }

  /** Everything before the first byte is written. */
  async #prepare(): Promise<{ plan: Plan; census: Census; target: TreeCount }> {
    const { connection, signal } = this.#tools;
    const { source } = this.#request;
    this.#tell("Connecting");
    await connection.prepare(source, source.user, signal);
    const { code, errors } = await connection.open(signal);
    if (code !== 0) throw this.#failed(code, errors);
    this.#tell("Planning");
    const cancel = new AbortController();
    const looks = this.#look(AbortSignal.any([signal, cancel.signal]));
    try {
      return await this.#judge(looks);
    } finally {
      // What nobody needs any more ends before the lock goes.
      cancel.abort();
      await Promise.allSettled(Object.values(looks));
    }
  }

  /** Looks at everything at once: a look changes nothing, and on a long way each takes its time. */
  #look(signal: AbortSignal): Looks {
    const target = countTree(this.#tools.dataPath, signal);
    const census = this.#askCensus(signal);
    // Nothing can be deleted or overwritten where there is nothing.
    const plan = target.then(({ entries }) => entries === 0 ? undefined : this.#plan(signal));
    // Each is awaited in its turn; one that fails before its turn is not forgotten, only early.
    for (const look of [target, census, plan]) look.catch(() => undefined);
    return { target, census, plan };
  }

  /** In the order in which a person wants to know. */
  async #judge(looks: Looks): Promise<{ plan: Plan; census: Census; target: TreeCount }> {
    const { lastGood, policy } = this.#request;
    const census = this.#source = await looks.census;
    const target = this.#target = await looks.target;
    await this.#hold(judgeSource(census, lastGood, target));
    const plan = await looks.plan ?? planOfFirstCopy(census.count);
    await this.#hold(judgePlan(plan, policy, target.entries));
    return { plan, census, target };
  }

  async #askCensus(signal: AbortSignal): Promise<Census> {
    const answer = await this.#tools.connection.census(signal);
    if (answer.kind === "census") return answer.census;
    if (answer.kind === "failed") throw this.#failed(answer.result.code, answer.result.errors);
    const { message } = answer;
    throw new Ended({ kind: "failed", class: "transient", reason: "CensusFailed", message, failedPaths: [] });
  }

  /**
   * Compares some files by what they hold; answers whether any was mended. The pass that follows sets what that did to the times
   * of folders right.
   */
  async #mendSample(folder: OwnFolder, limits: SampleLimits, mark: () => Promise<void>): Promise<boolean> {
    const { dataPath, random, signal } = this.#tools;
    this.#tell("Comparing");
    const files = await writeSample(dataPath, samplePath(folder.path), limits, random, signal);
    const plan = await this.#plan(signal, sampleArguments(this.#options(), true));
    this.#compared = comparisonOf(files, plan);
    if (plan.differing === 0) return false;
    await mark();
    const { code, errors, stats } = await runTransfer(sampleArguments(this.#options(), false), signal, () => {});
    this.#stats = stats;
    if (judgeExit(code, errors, signal.aborted).kind === "bad") throw this.#failed(code, errors);
    return true;
  }

  async #plan(signal: AbortSignal, args = planArguments(this.#options())): Promise<Plan> {
    const reader = new PlanReader();
    const parts = new OutputParts();
    const { code, errors } = await runChild({
      program: RSYNC,
      args,
      signal,
      onOutput: (chunk) => parts.push(chunk).forEach((line) => reader.add(line)),
    });
    if (judgeExit(code, errors, signal.aborted).kind === "bad") throw this.#failed(code, errors);
    return reader.finish();
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
  async #transfer(folder: OwnFolder, plan: Plan, target: TreeCount): Promise<boolean> {
    const { policy } = this.#request;
    this.#tell("Transferring");
    const tell = this.#progressTeller(plan.stats.transferredBytes);
    const before = target.entries === 0 ? await this.#firstCopy(folder, plan, tell) : [];
    // What was planned was allowed or approved; anything beyond the policy's bound is a source that changes now.
    const maxDeletes = Math.max(plan.deletes, allowedDeletes(policy, target.entries));
    const { code, errors, stats } = await runTransfer(
      passArguments(this.#options(plan), maxDeletes),
      this.#tools.signal,
      tell,
    );
    this.#stats = sumStatistics([...(this.#stats === undefined ? [] : [this.#stats]), ...before, stats]);
    const verdict = judgeExit(code, errors, this.#tools.signal.aborted);
    if (verdict.kind === "bad") throw this.#failed(code, errors);
    return verdict.rescan;
  }

  /** Several streams at once; what they leave out, the pass that follows brings: folders, links, files of several names. */
  async #firstCopy(
    folder: OwnFolder,
    plan: Plan,
    tell: (part: string, channel: number) => void,
  ): Promise<TransferStats[]> {
    const { channels } = this.#request;
    const { connection, signal } = this.#tools;
    if (channels === 1 || plan.created < CHANNELS_FROM_ENTRIES) return [];
    const { code, errors } = await writeLists(folder.path, channels, plan.stats, connection, signal);
    if (code !== 0) throw this.#failed(code, errors);
    const ends = await Promise.all(Array.from({ length: channels }, (_, channel) => {
      return runTransfer(listArguments(this.#options(plan), channel), signal, (part) => tell(part, channel + 1));
    }));
    // A path that failed fails again in the pass that follows, which tells of it.
    const bad = ends.find((end) => {
      const verdict = judgeExit(end.code, end.errors, signal.aborted);
      return verdict.kind === "bad" && verdict.class !== "partial";
    });
    if (bad !== undefined) throw this.#failed(bad.code, bad.errors);
    return ends.map(({ stats }) => stats);
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

  #options(plan?: Plan): TransferOptions {
    const { excludes, bandwidthKiBps, compress, checksum } = this.#request;
    const { dataPath, connection } = this.#tools;
    const { transferredBytes = 0, transferredFiles = 0 } = plan?.stats ?? {};
    const keepParts = transferredBytes > transferredFiles * LARGE_FILE_BYTES;
    return { ssh: connection.command, dataPath, excludes, bandwidthKiBps, compress, checksum, keepParts };
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
