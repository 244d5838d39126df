/**
 * The volumes of one running Replication: a pass over each after every full sync or by schedule, and again where one failed.
 *
 * @module
 */
import type { PassState } from "../../agent/report.ts";
import { classify } from "../failure.ts";
import { type ClaimPlan, planClaims } from "./claim_plan.ts";
import { sweepAgents } from "./leftovers.ts";
import { ManualEcho } from "./manual_echo.ts";
import { judgePass, type PassVerdict, REVIEW_MS } from "./pass_verdict.ts";
import { copyVolume } from "./volume_copy.ts";
import { outcomeOf } from "./volume_metrics.ts";
import { tellNews } from "./volume_news.ts";
import type { VolumePassEnd } from "./volume_pass.ts";
import type { VolumeSyncPorts } from "./volume_ports.ts";
import { openRound, type Round } from "./volume_round.ts";
import { VolumeSchedule } from "./volume_schedule.ts";
import { retryOf, type VolumeFacts, type VolumeState } from "./volume_status.ts";
import { type Wanted, Wants } from "./volume_wants.ts";

type CopyPlan = Extract<ClaimPlan, { kind: "copy" }>;

/** See the module. */
export class VolumeSync {
  readonly #ports: VolumeSyncPorts;
  readonly #states = new Map<string, VolumeState>();
  readonly #wants = new Wants();
  readonly #manual: ManualEcho;
  readonly #schedule: VolumeSchedule;
  /** What the round that begins looks at. */
  #beginning: Wanted | undefined;
  #isRunning = false;
  /** Claims that a pass is at, and those that are to be looked at again after it. */
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  #isNew = true;
  #mustSweep = true;
  #problem: VolumeFacts["problem"];
  #approvals: readonly string[] = [];
  #seenPassMs: number | undefined;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(ports: VolumeSyncPorts) {
    this.#ports = ports;
    this.#manual = new ManualEcho(ports.lastManualSync);
    this.#schedule = new VolumeSchedule(ports.settings(), () => this.#want((wants) => wants.all()));
    ports.signal.addEventListener("abort", () => {
      this.#schedule.stop();
      for (const timer of this.#timers.values()) clearTimeout(timer);
    }, { once: true });
  }

  get facts(): VolumeFacts | undefined {
    if (!this.#ports.settings().enabled) return undefined;
    return {
      isNew: this.#isNew,
      problem: this.#problem,
      states: [...this.#states.values()],
      nextSync: this.#schedule.next(),
      lastManualSync: this.#manual.done,
    };
  }

  /** A value of `sync-now` that the mirror has carried out. */
  syncNow(value: string): void {
    if (!this.#ports.settings().enabled || !this.#manual.ask(value)) return;
    // The full pass that it has caused has asked already.
    if (this.#beginning?.all !== true) this.#want((wants) => wants.all());
  }

  /** The Replicator's last full pass: one that was not seen yet asks for a pass over every volume that is due. */
  passed(pass: { readonly startedWallMs: number } | undefined): void {
    if (pass === undefined || pass.startedWallMs === this.#seenPassMs) return;
    this.#seenPassMs = pass.startedWallMs;
    const isAll = !this.#schedule.isSet || this.#manual.isWaiting;
    this.#want((wants) => isAll ? wants.all() : wants.due());
  }

  /** Ids of holds that a person has approved: what they hold is tried again at once. */
  approve(ids: ReadonlySet<string>): void {
    const added = [...ids].filter((id) => !this.#approvals.includes(id));
    this.#approvals = [...ids];
    for (const { claim, holds } of this.#states.values()) {
      if (holds.some(({ id }) => added.includes(id))) this.#wantClaim(claim);
    }
  }

  #want(ask: (wants: Wants) => void): void {
    ask(this.#wants);
    if (this.#isRunning || this.#ports.signal.aborted) return;
    this.#isRunning = true;
    this.#ports.writes.outlive((cutOff) => this.#run(cutOff));
  }

  #wantClaim(claim: string): void {
    this.#want((wants) => wants.claim(claim));
  }

  /** Begins rounds as long as some are asked for, and waits for all it has begun: a large volume keeps no other waiting. */
  async #run(cutOff: AbortSignal): Promise<void> {
    const { signal } = this.#ports;
    const rounds: Promise<void>[] = [];
    while (!signal.aborted && !this.#wants.isEmpty) {
      const wanted = this.#beginning = this.#wants.take();
      try {
        const round = await this.#begin(cutOff);
        this.#problem = undefined;
        if (round !== undefined) rounds.push(this.#work(wanted, round, cutOff));
      } catch (error) {
        wanted.giveBack();
        if (!signal.aborted) this.#onProblem(error);
        break;
      } finally {
        this.#beginning = undefined;
        this.#ports.changed();
      }
    }
    this.#isRunning = false;
    await Promise.all(rounds);
  }

  #onProblem(error: unknown): void {
    const { log, identity } = this.#ports;
    const { failureClass, message } = classify(error);
    this.#problem = { reason: failureClass, message: `volumes cannot be looked at: ${message}` };
    log.warn("volumes of {namespace} cannot be looked at: {reason}", {
      namespace: identity.sourceNamespace,
      reason: message,
    });
    // What was wanted still is.
    this.#later("", REVIEW_MS, () => this.#want(() => {}));
  }

  /** Looks at both ends; undefined when there is nothing to be done. Throws `KubeError`. */
  async #begin(cutOff: AbortSignal): Promise<Round | undefined> {
    const { source, target, identity, fence, signal, mayWrite } = this.#ports;
    await fence.prove();
    if (!mayWrite()) return undefined;
    // What runs would be swept away, too.
    if (this.#mustSweep && this.#busy.size === 0) {
      await sweepAgents(this.#ports, cutOff);
      this.#mustSweep = false;
    }
    if (!this.#ports.settings().enabled) return undefined;
    const round = await openRound({ source, target, identity }, signal);
    this.#arrange(planClaims(round.facts()), (claim) => round.records.get(claim));
    return round;
  }

  /** Copies what is wanted; never fails. */
  async #work(wanted: Wanted, round: Round, cutOff: AbortSignal): Promise<void> {
    const plans = planClaims(round.facts());
    if (wanted.all) this.#manual.begin(plans.map(({ claim }) => claim));
    const isDue = ({ claim, kind }: ClaimPlan) => kind === "leave" || this.#isDue(round.records.get(claim));
    const due = plans.filter((plan) => wanted.has(plan.claim, () => isDue(plan)));
    await Promise.all(due.map((plan) => this.#look(plan, round, cutOff)));
    round.end();
  }

  /** Every claim that takes part has a state, and no other. */
  #arrange(plans: readonly ClaimPlan[], recordOf: (claim: string) => VolumeState["record"]): void {
    const claims = new Set(plans.map(({ claim }) => claim));
    for (const claim of this.#states.keys()) if (!claims.has(claim)) this.#states.delete(claim);
    for (const claim of claims) {
      const record = recordOf(claim);
      // What an earlier process has done at its time is not done again.
      const first = this.#isDue(record)
        ? { phase: "Pending", reason: "Waiting" } as const
        : { phase: "Synced" } as const;
      this.#states.set(claim, { ...this.#states.get(claim) ?? { claim, ...first, holds: [] }, record });
    }
    this.#manual.keep(claims);
    this.#isNew = false;
    this.#ports.changed();
  }

  #isDue(record: VolumeState["record"]): boolean {
    return this.#schedule.isDue(record, this.#ports.clock.wallMs());
  }

  async #look(plan: ClaimPlan, round: Round, cutOff: AbortSignal): Promise<void> {
    const { claim } = plan;
    if (this.#busy.has(claim)) return void this.#again.add(claim);
    const looked = this.#manual.look(claim);
    if (plan.kind === "leave") {
      this.#leave(plan);
      return looked();
    }
    this.#busy.add(claim);
    try {
      await this.#inTurn(plan, round, cutOff);
    } catch (error) {
      const state = this.#states.get(claim) ?? { claim, phase: "Failed", holds: [] };
      const { failureClass: reason, message } = classify(error);
      const end = this.#ports.signal.aborted
        ? { kind: "stopped" } as const
        : { kind: "none", reason, message } as const;
      const { clock, settings } = this.#ports;
      this.#settle(state, judgePass(state, end, clock.wallMs(), settings().retry), end);
    }
    this.#busy.delete(claim);
    // One that was stopped is made up for by the next process.
    if (!this.#ports.signal.aborted) looked();
    if (this.#again.delete(claim)) this.#wantClaim(claim);
  }

  async #inTurn(plan: CopyPlan, round: Round, cutOff: AbortSignal): Promise<void> {
    const { target, signal } = this.#ports;
    const isOurTurn = await target.volumeTurns.enter(
      () => this.#ports.settings().concurrency,
      AbortSignal.any([signal, cutOff]),
    );
    if (!isOurTurn) return;
    try {
      // While it waited, Pods may have come or gone, and the copy may have ceased to be ours.
      const now = planClaims(await round.look(plan.claim))[0];
      if (now?.kind === "leave") return this.#leave(now);
      if (now !== undefined) await this.#copy(now, round, cutOff);
    } finally {
      target.volumeTurns.leave();
    }
  }

  async #copy(plan: CopyPlan, round: Round, cutOff: AbortSignal): Promise<void> {
    const { claim } = plan;
    const before = this.#states.get(claim) ?? { claim, phase: "Pending", holds: [] };
    this.#set(retryOf(before));
    const job = { plan, record: before.record, approvals: this.#approvals };
    const { verdict, end } = await copyVolume(job, before, this.#ports, {
      round,
      cutOff,
      onProgress: ({ progress }) => this.#progress(claim, progress),
      onLeft: (error) => {
        this.#mustSweep = true;
        const reason = classify(error).message;
        this.#ports.log.warn("agents of {claim} are not removed yet: {reason}", { claim, reason });
      },
    });
    this.#settle(before, verdict, end);
  }

  #settle(before: VolumeState, verdict: PassVerdict, end: VolumePassEnd): void {
    const { log, identity, series, tell } = this.#ports;
    const { claim } = before;
    series.passed(claim, outcomeOf(verdict.state, end));
    const { phase, reason, message } = verdict.state;
    const fields = { claim, phase, reason, message, namespace: identity.sourceNamespace };
    if (phase === "Synced") log.info("volume {claim} is in DR", { ...fields, durationMs: verdict.state.durationMs });
    else log.warn("volume {claim} is {phase}: {reason}", fields);
    tellNews(before, verdict.state, tell);
    this.#set(verdict.state);
    if (verdict.retryInMs !== undefined) this.#later(claim, verdict.retryInMs, () => this.#wantClaim(claim));
  }

  #leave({ claim, phase, reason, message }: Extract<ClaimPlan, { kind: "leave" }>): void {
    const { record, path } = this.#states.get(claim) ?? {};
    this.#set({ claim, phase, reason, message, record, path, holds: [] });
    if (phase === "Pending") this.#later(claim, REVIEW_MS, () => this.#wantClaim(claim));
  }

  /** Rates are shown whenever the status is written, and are no reason to write it. */
  #progress(claim: string, progress: PassState["progress"]): void {
    const state = this.#states.get(claim);
    if (state === undefined || progress === undefined) return;
    this.#states.set(claim, { ...state, progress });
    if (state.progress?.percent !== progress.percent) this.#ports.changed();
  }

  #set(state: VolumeState): void {
    clearTimeout(this.#timers.get(state.claim));
    this.#states.set(state.claim, state);
    this.#ports.changed();
  }

  #later(timer: string, delayMs: number, act: () => void): void {
    clearTimeout(this.#timers.get(timer));
    if (this.#ports.signal.aborted) return;
    this.#timers.set(timer, setTimeout(act, delayMs));
  }
}
