/**
 * Metrics of volumes: the series of a Replication's volumes live as long as both.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { VolumePassEnd } from "./volume_pass.ts";
import type { VolumeFacts, VolumeState } from "./volume_status.ts";

/** More reasons than there are come from no agent of ours. */
const MAX_REASONS = 40;

type Of = "replication" | "volume";

/** All metrics of volumes. */
export interface VolumeMetrics {
  readonly lastGood: Gauge<Of>;
  readonly syncedUpTo: Gauge<Of>;
  readonly duration: Gauge<Of>;
  readonly held: Gauge<Of>;
  readonly running: Gauge<Of>;
  readonly percent: Gauge<Of>;
  readonly verified: Gauge<Of>;
  readonly transferredBytes: Counter<Of>;
  readonly differingFiles: Counter<Of>;
  readonly passes: Counter<Of | "outcome" | "reason">;
}

/** How a pass ended. */
export interface PassOutcome {
  readonly outcome: "good" | "held" | "failed" | "stopped";
  /** Empty for a good one. */
  readonly reason: string;
  readonly transferredBytes: number;
  readonly differingFiles: number;
}

const OUTCOMES: Readonly<Partial<Record<VolumeState["phase"], PassOutcome["outcome"]>>> = {
  Synced: "good",
  Held: "held",
  Failed: "failed",
};

/** How a pass ended, from what became of the volume. */
export function outcomeOf({ phase, reason }: VolumeState, end: VolumePassEnd): PassOutcome {
  const { stats, compared } = end.kind === "report" ? end.report : {};
  return {
    outcome: OUTCOMES[phase] ?? "stopped",
    reason: reason ?? "",
    transferredBytes: stats?.transferredBytes ?? 0,
    // What is not mended is found again.
    differingFiles: phase === "Synced" ? compared?.differing ?? 0 : 0,
  };
}

/** Makes the metrics. */
export function createVolumeMetrics(registry: Registry): VolumeMetrics {
  const options = (name: string, help: string) => (
    { name: `dr_syncer_pvc_sync_${name}`, help, labelNames: ["replication", "volume"] as const, registers: [registry] }
  );
  const gauge = (name: string, help: string) => new Gauge<Of>(options(name, help));
  return {
    lastGood: gauge(
      "last_good_seconds",
      "Unix time at which the last good pass of a volume was over; 0 before the first.",
    ),
    syncedUpTo: gauge(
      "synced_up_to_seconds",
      "Unix time up to which everything a volume's source had on disk is in DR.",
    ),
    duration: gauge("duration_seconds", "Duration of the last good pass of a volume."),
    held: gauge("held", "1 while a volume waits for a person's decision."),
    running: gauge("running", "1 while a pass of a volume runs."),
    percent: gauge("percent", "How far the running pass of a volume is."),
    verified: gauge("verified_seconds", "Unix time at which a volume's contents were last compared with the source's."),
    differingFiles: new Counter<Of>(
      options(
        "differing_files_total",
        "Files of a volume in DR that a comparison of contents found different, and mended.",
      ),
    ),
    transferredBytes: new Counter<Of>(
      options("transferred_bytes_total", "Lengths of the files that passes of a volume transferred."),
    ),
    passes: new Counter<Of | "outcome" | "reason">({
      ...options("passes_total", "Passes of a volume by outcome (good, held, failed, stopped) and reason."),
      labelNames: ["replication", "volume", "outcome", "reason"],
    }),
  };
}

/** The series of one Replication. */
export class VolumeSeries {
  readonly #metrics: VolumeMetrics;
  readonly #replication: string;
  /** Outcomes that are counted, by claim. */
  readonly #claims = new Map<string, Map<string, { readonly outcome: string; readonly reason: string }>>();
  readonly #reasons = new Set<string>();
  #isOver = false;

  constructor(metrics: VolumeMetrics, replication: string) {
    this.#metrics = metrics;
    this.#replication = replication;
  }

  /** Shows volumes as they are; those that are not among them any more have no series. None at all when undefined. */
  show(volumes: VolumeFacts | undefined): void {
    if (this.#isOver || volumes?.isNew) return;
    const states = volumes?.states ?? [];
    const claims = new Set(states.map(({ claim }) => claim));
    for (const claim of [...this.#claims.keys()]) if (!claims.has(claim)) this.#remove(claim);
    for (const state of states) this.#show(state);
  }

  /** A pass is over. */
  passed(claim: string, { outcome, reason, transferredBytes, differingFiles }: PassOutcome): void {
    if (this.#isOver) return;
    if (this.#reasons.size < MAX_REASONS) this.#reasons.add(reason);
    const counted = { outcome, reason: this.#reasons.has(reason) ? reason : "Other" };
    this.#of(claim).set(`${counted.outcome} ${counted.reason}`, counted);
    const labels = this.#labels(claim);
    this.#metrics.passes.inc({ ...labels, ...counted });
    this.#metrics.transferredBytes.inc(labels, transferredBytes);
    this.#metrics.differingFiles.inc(labels, differingFiles);
  }

  /** Nothing runs any more; how old the data is remains true. */
  rest(): void {
    for (const claim of this.#claims.keys()) {
      this.#metrics.running.set(this.#labels(claim), 0);
      this.#metrics.percent.remove(this.#labels(claim));
    }
  }

  /** Removes all series, for good. */
  end(): void {
    for (const claim of [...this.#claims.keys()]) this.#remove(claim);
    this.#isOver = true;
  }

  #show({ claim, phase, record, durationMs, progress, holds }: VolumeState): void {
    const { lastGood, syncedUpTo, duration, held, running, verified, percent } = this.#metrics;
    const labels = this.#labels(claim);
    this.#of(claim);
    const isRunning = phase === "Syncing";
    running.set(labels, isRunning ? 1 : 0);
    held.set(labels, holds.length > 0 ? 1 : 0);
    for (const counter of [this.#metrics.transferredBytes, this.#metrics.differingFiles]) counter.inc(labels, 0);
    // A volume that is never copied would be an alarm for ever.
    if (phase !== "Unsupported") lastGood.set(labels, secondsOf(record?.lastGoodSyncTime));
    if (record !== undefined) syncedUpTo.set(labels, secondsOf(record.syncedUpTo));
    if (record?.verified !== undefined) verified.set(labels, secondsOf(record.verified.time));
    if (durationMs !== undefined) duration.set(labels, durationMs / 1_000);
    if (isRunning && progress !== undefined) percent.set(labels, progress.percent);
    else percent.remove(labels);
  }

  #remove(claim: string): void {
    const { passes, ...others } = this.#metrics;
    for (const metric of Object.values(others)) metric.remove(this.#labels(claim));
    for (const counted of this.#of(claim).values()) passes.remove({ ...this.#labels(claim), ...counted });
    this.#claims.delete(claim);
  }

  #of(claim: string) {
    const known = this.#claims.get(claim) ?? new Map();
    this.#claims.set(claim, known);
    return known;
  }

  #labels(claim: string) {
    return { replication: this.#replication, volume: claim };
  }
}

function secondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time) / 1_000;
}
