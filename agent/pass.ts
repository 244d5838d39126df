/**
 * One pass: the target volume becomes equal to the source volume, or stays as it is and says why.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { type Census, CensusError, countTree, type TreeCount } from "./census.ts";
import { runChild, runForText } from "./child.ts";
import type { Connection } from "./connection.ts";
import { failedPaths, judgeExit } from "./exit_class.ts";
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
import { FolderError, OwnFolder } from "./own_folder.ts";
import { KeyFileError } from "./plain_file.ts";
import { type Plan, planOfFirstCopy, PlanReader } from "./plan.ts";
import { OutputParts, parseProgress } from "./progress.ts";
import type { PassRequest } from "./protocol.ts";
import type { Outcome, PassReport, PassState } from "./report.ts";
import { SettingsError } from "./settings/plain_value.ts";
import { passArguments, planArguments, type TransferOptions } from "./settings/rsync_arguments.ts";
import { addStatistic, completeStatistics, type TransferStats } from "./statistics.ts";

const RSYNC = "/usr/bin/rsync";
const SYNC = "/usr/bin/sync";
/** Progress is told this often. */
const TELL_MS = 1_000;
/** No pass takes a week. */
const PASS_DEADLINE_MS = 7 * 24 * 3_600_000;

/** What a pass works with. */
export interface PassTools {
  /** Root of the target volume. */
  readonly dataPath: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Aborted: rsync gets TERM, which keeps what it has of a file. */
  readonly signal: AbortSignal;
  readonly onState: (state: PassState) => void;
}

/** An end before the work is done. */
class Ended extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
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
    };
  }

  async #attempt(startedAt: string): Promise<Outcome> {
    const { dataPath } = this.#tools;
    const { epoch, passId } = this.#request;
    try {
      using folder = await OwnFolder.open(dataPath, epoch);
      this.#wasDirty = this.#isDirty = await folder.readMarker() !== undefined;
      const { plan, census, target } = await this.#prepare();
      if (plan.changes === 0) {
        this.#stats = plan.stats;
        return await this.#finish(folder, false);
      }
      await this.#checkRoom(plan, census);
      await folder.mark({ epoch, passId, startedAt });
      this.#isDirty = true;
      return await this.#finish(folder, await this.#transfer(plan, target));
    } catch (error) {
      return this.#explain(error);
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

  async #plan(signal: AbortSignal): Promise<Plan> {
    const reader = new PlanReader();
    const parts = new OutputParts();
    const { code, errors } = await runChild({
      program: RSYNC,
      args: planArguments(this.#options()),
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
  async #transfer(plan: Plan, target: TreeCount): Promise<boolean> {
    // What was planned was allowed or approved; anything beyond the policy's bound is a source that changes now.
    const maxDeletes = Math.max(plan.deletes, allowedDeletes(this.#request.policy, target.entries));
    const { signal } = this.#tools;
    const parts = new OutputParts();
    let stats: Partial<TransferStats> = {};
    const tell = this.#progressTeller(plan.stats.transferredBytes);
    this.#tell("Transferring");
    const { code, errors } = await runChild({
      program: RSYNC,
      args: passArguments(this.#options(), maxDeletes),
      signal,
      onOutput: (chunk) => {
        for (const part of parts.push(chunk)) {
          stats = addStatistic(stats, part);
          tell(part);
        }
      },
    });
    this.#stats = completeStatistics(stats);
    const verdict = judgeExit(code, errors, signal.aborted);
    if (verdict.kind === "bad") throw this.#failed(code, errors);
    return verdict.rescan;
  }

  #progressTeller(plannedBytes: number): (part: string) => void {
    const { clock } = this.#tools;
    let toldMs = -Infinity;
    return (part) => {
      if (clock.nowMs() - toldMs < TELL_MS) return;
      const progress = parseProgress(part, plannedBytes);
      if (progress === undefined) return;
      toldMs = clock.nowMs();
      this.#tools.onState({ passId: this.#request.passId, step: "Transferring", progress });
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

  #options(): TransferOptions {
    const { excludes, bandwidthKiBps, compress, checksum } = this.#request;
    const { dataPath, connection } = this.#tools;
    return { ssh: connection.command, dataPath, excludes, bandwidthKiBps, compress, checksum };
  }

  #tell(step: PassState["step"]): void {
    this.#tools.onState({ passId: this.#request.passId, step });
  }

  #failed(exitCode: number, errors: string): Ended {
    const verdict = judgeExit(exitCode, errors, this.#tools.signal.aborted);
    if (verdict.kind === "good") return new Ended(verdict);
    const { class: failureClass, reason } = verdict;
    const said = errors.trim().slice(0, 2_000);
    const message = said === "" ? verdict.message : `${verdict.message}: ${said}`;
    return new Ended({
      kind: "failed",
      class: failureClass,
      reason,
      message,
      exitCode,
      failedPaths: failedPaths(errors),
    });
  }

  #explain(error: unknown): Outcome {
    if (error instanceof Ended) return error.outcome;
    const message = error instanceof Error ? error.message : String(error);
    const failed = { kind: "failed", message, failedPaths: [] } as const;
    if (this.#tools.signal.aborted) return { ...failed, class: "stopped", reason: "Stopped" };
    if (error instanceof FolderError) {
      return { ...failed, class: error.reason === "Busy" ? "transient" : "configuration", reason: error.reason };
    }
    if (error instanceof SettingsError || error instanceof KeyFileError) {
      return { ...failed, class: "configuration", reason: "Settings" };
    }
    const reason = error instanceof CensusError ? "CensusFailed" : "Internal";
    return { ...failed, class: "transient", reason };
  }
}
