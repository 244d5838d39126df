/**
 * The volumes of one running Replication: a pass over each after every full sync, and again where one failed.
 *
 * @module
 */
import { systemClock } from "../../kube/clock.ts";
import type { Log } from "../../kube/log.ts";
import type { ResourceType } from "../../kube/types.ts";
import type { Clock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { classify } from "../failure.ts";
import type { Fence } from "../fence.ts";
import type { MirrorIdentity } from "../mirror_context.ts";
import type { WritesUnderWay } from "../writes_under_way.ts";
import { type ClaimPlan, planClaims } from "./claim_plan.ts";
import { removeAgents } from "./leftovers.ts";
import { judgePass, type PassVerdict, REVIEW_MS } from "./pass_verdict.ts";
import { passVolume } from "./volume_pass.ts";
import { writeRecord } from "./volume_record.ts";
import { openRound, type Round } from "./volume_round.ts";
import type { VolumeSettings } from "./volume_settings.ts";
import type { VolumeFacts, VolumeState } from "./volume_status.ts";

/** What it needs of its Replication. */
export interface VolumeSyncPorts {
  readonly source: Cluster;
  readonly target: Cluster;
  readonly identity: MirrorIdentity;
  readonly fence: Fence;
  /** Its owner waits for what runs, and bounds that. */
  readonly writes: WritesUnderWay;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** As they are now. */
  settings(): VolumeSettings;
  mayWrite(): boolean;
  audit(type: ResourceType, operation: string, name: string): void;
  /** Something that the status shows has changed. */
  changed(): void;
}

type CopyPlan = Extract<ClaimPlan, { kind: "copy" }>;

/** See the module. */
export class VolumeSync {
  readonly #ports: VolumeSyncPorts;
  readonly #states = new Map<string, VolumeState>();
  /** Claims that are to be looked at; all of them when undefined. */
  #wanted: Set<string> | undefined = new Set();
  #isBeginning = false;
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
    ports.signal.addEventListener("abort", () => {
      for (const timer of this.#timers.values()) clearTimeout(timer);
    }, { once: true });
  }

  get facts(): VolumeFacts | undefined {
    if (!this.#ports.settings().enabled) return undefined;
    return { isNew: this.#isNew, problem: this.#problem, states: [...this.#states.values()] };
  }

  /** The Replicator's last full pass: one that was not seen yet asks for a pass over every volume. */
  passed(pass: { readonly startedWallMs: number } | undefined): void {
    if (pass === undefined || pass.startedWallMs === this.#seenPassMs) return;
    this.#seenPassMs = pass.startedWallMs;
    this.#want(undefined);
  }

  /** Ids of holds that a person has approved: what they hold is tried again at once. */
  approve(ids: ReadonlySet<string>): void {
    const added = [...ids].filter((id) => !this.#approvals.includes(id));
    this.#approvals = [...ids];
    for (const { claim, holds } of this.#states.values()) {
      if (holds.some(({ id }) => added.includes(id))) this.#want(claim);
    }
  }

  /** Asks for a look at one claim, or at all. */
  #want(claim: string | undefined): void {
    if (claim === undefined) this.#wanted = undefined;
    else this.#wanted?.add(claim);
    if (this.#isBeginning || this.#ports.signal.aborted) return;
    this.#isBeginning = true;
    this.#ports.writes.outlive((cutOff) => this.#run(cutOff));
  }

  /** Begins rounds as long as some are asked for, and waits for all it has begun: a large volume keeps no other waiting. */
  async #run(cutOff: AbortSignal): Promise<void> {
    const { signal } = this.#ports;
    const rounds: Promise<void>[] = [];
    while (!signal.aborted && (this.#wanted === undefined || this.#wanted.size > 0)) {
      const wanted = this.#wanted;
      this.#wanted = new Set();
      try {
        const round = await this.#begin(cutOff);
        if (round !== undefined) rounds.push(this.#work(wanted, round, cutOff));
        this.#problem = undefined;
      } catch (error) {
        if (!signal.aborted) this.#onProblem(error);
      }
      this.#ports.changed();
    }
    this.#isBeginning = false;
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
    this.#later("", REVIEW_MS, undefined);
  }

  /** Looks at both ends; undefined when there is nothing to be done. Throws `KubeError`. */
  async #begin(cutOff: AbortSignal): Promise<Round | undefined> {
    const { source, target, identity, fence, signal, mayWrite } = this.#ports;
    await fence.prove();
    if (!mayWrite()) return undefined;
    // What runs would be swept away, too.
    if (this.#mustSweep && this.#busy.size === 0) await this.#sweep(cutOff);
    if (!this.#ports.settings().enabled) return undefined;
    const round = await openRound({ source, target, identity }, signal);
    this.#arrange(planClaims(round.facts()), (claim) => round.records.get(claim));
    return round;
  }

  /** Copies what is wanted; never fails. */
  async #work(wanted: ReadonlySet<string> | undefined, round: Round, cutOff: AbortSignal): Promise<void> {
    const due = planClaims(round.facts()).filter(({ claim }) => wanted?.has(claim) ?? true);
    await Promise.all(due.map((plan) => this.#look(plan, round, cutOff)));
    round.end();
  }

  /** Every claim that takes part has a state, and no other. */
  #arrange(plans: readonly ClaimPlan[], recordOf: (claim: string) => VolumeState["record"]): void {
    const claims = new Set(plans.map(({ claim }) => claim));
    for (const claim of this.#states.keys()) if (!claims.has(claim)) this.#states.delete(claim);
    for (const claim of claims) {
      const record = recordOf(claim);
      const known = this.#states.get(claim) ?? { claim, phase: "Pending", reason: "Waiting", holds: [] };
      this.#states.set(claim, { ...known, record });
    }
    this.#isNew = false;
    this.#ports.changed();
  }

  async #look(plan: ClaimPlan, round: Round, cutOff: AbortSignal): Promise<void> {
    const { claim } = plan;
    if (this.#busy.has(claim)) return void this.#again.add(claim);
    if (plan.kind === "leave") return this.#leave(plan);
    this.#busy.add(claim);
    try {
      await this.#inTurn(plan, round, cutOff);
    } catch (error) {
      const state = this.#states.get(claim) ?? { claim, phase: "Failed", holds: [] };
      const { failureClass: reason, message } = classify(error);
      const end = this.#ports.signal.aborted
        ? { kind: "stopped" } as const
        : { kind: "none", reason, message } as const;
      this.#settle(claim, judgePass(state, end, this.#ports.clock.wallMs()));
    }
    this.#busy.delete(claim);
    if (this.#again.delete(claim)) this.#want(claim);
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
    const { source, target, identity, fence, clock, signal, log, audit, mayWrite } = this.#ports;
    const { claim } = plan;
    const before = this.#states.get(claim) ?? { claim, phase: "Pending", holds: [] };
    this.#set({ ...before, phase: "Syncing", reason: undefined, message: undefined, percent: undefined });
    const { image, path, excludes, bandwidthKiBps } = this.#ports.settings();
    const end = await passVolume({ plan, record: before.record, approvals: this.#approvals }, {
      source: source.client,
      target: target.client,
      sourcePods: round.sourcePods,
      targetPods: round.targetPods,
      identity,
      epoch: fence.epoch ?? 0,
      image,
      paths: { choice: path, memory: target.volumePaths, sourceId: source.clusterId },
      excludes,
      bandwidthKiBps,
      clock: systemClock,
      signal,
      cutOff,
      newId: () => crypto.randomUUID().slice(0, 8),
      mayWrite,
      onProgress: ({ progress }) => progress && this.#progress(claim, progress.percent),
      onDead: (path, reason) => log.warn("path {path} of volume {claim} fails: {reason}", { claim, path, reason }),
      onTunnelled: (count) => log.info("a connection through the tunnel is over", { claim, ...count }),
      onLeft: (error) => {
        this.#mustSweep = true;
        log.warn("agents of {claim} are not removed yet: {reason}", { claim, reason: classify(error).message });
      },
      audit: (operation, type, name) => audit(type, operation, name),
    });
    this.#settle(claim, await this.#remember(before, judgePass(before, end, clock.wallMs()), cutOff));
  }

  /** A pass that cannot be remembered is no good one: the next would know nothing of it. */
  async #remember(before: VolumeState, verdict: PassVerdict, signal: AbortSignal): Promise<PassVerdict> {
    const { target, clock } = this.#ports;
    if (verdict.record === undefined) return verdict;
    try {
      await writeRecord(target.client, this.#recordsOf(), before.claim, verdict.record, { signal });
      return verdict;
    } catch (error) {
      const { failureClass, message } = classify(error);
      return judgePass(before, { kind: "none", reason: failureClass, message }, clock.wallMs());
    }
  }

  #settle(claim: string, verdict: PassVerdict): void {
    const { log, identity } = this.#ports;
    const { phase, reason, message } = verdict.state;
    const fields = { claim, phase, reason, message, namespace: identity.sourceNamespace };
    if (phase === "Synced") log.info("volume {claim} is in DR", { ...fields, durationMs: verdict.state.durationMs });
    else log.warn("volume {claim} is {phase}: {reason}", fields);
    this.#set(verdict.state);
    if (verdict.retryInMs !== undefined) this.#later(claim, verdict.retryInMs, claim);
  }

  #leave({ claim, phase, reason, message }: Extract<ClaimPlan, { kind: "leave" }>): void {
    const { record, path } = this.#states.get(claim) ?? {};
    this.#set({ claim, phase, reason, message, record, path, holds: [] });
    if (phase === "Pending") this.#later(claim, REVIEW_MS, claim);
  }

  #progress(claim: string, percent: number): void {
    const state = this.#states.get(claim);
    if (state !== undefined && state.percent !== percent) this.#set({ ...state, percent });
  }

  #set(state: VolumeState): void {
    clearTimeout(this.#timers.get(state.claim));
    this.#states.set(state.claim, state);
    this.#ports.changed();
  }

  #later(timer: string, delayMs: number, claim: string | undefined): void {
    clearTimeout(this.#timers.get(timer));
    if (this.#ports.signal.aborted) return;
    this.#timers.set(timer, setTimeout(() => this.#want(claim), delayMs));
  }

  /** Removes what a process that was killed has left. Throws `KubeError`. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { source, target, identity: { replicationId, sourceNamespace, destinationNamespace }, audit } = this.#ports;
    const [dr, own] = [
      { client: target.client, namespace: destinationNamespace, replicationId },
      { client: source.client, namespace: sourceNamespace, replicationId },
    ];
    await removeAgents(dr, { signal }, (type, name) => audit(type, "delete", name));
    await removeAgents(own, { signal }, () => {});
    this.#mustSweep = false;
  }

  #recordsOf() {
    const { destinationNamespace: namespace, replicationId } = this.#ports.identity;
    return { namespace, replicationId };
  }
}
