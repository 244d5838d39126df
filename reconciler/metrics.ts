/**
 * Metrics of mirroring. One registry a process, made in `main.ts` and handed in.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { createVolumeMetrics, type VolumeMetrics } from "./volumes/volume_metrics.ts";

const SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** All metrics, with the registry that renders them. */
export interface Metrics {
  readonly registry: Registry;
  readonly lag: Histogram<"replication">;
  readonly syncedUpTo: Gauge<"replication">;
  readonly hints: Counter<"replication" | "outcome">;
  readonly writes: Counter<"replication" | "kind" | "class">;
  readonly queueDepth: Gauge<"replication">;
  readonly objects: Gauge<"replication" | "state">;
  readonly resync: Histogram<"replication">;
  readonly watchReconnects: Counter<"cluster" | "kind">;
  readonly targetUp: Gauge<"cluster">;
  readonly targetLatency: Histogram<"cluster">;
  readonly targetConcurrency: Gauge<"cluster">;
  readonly certDaysLeft: Gauge<"certificate">;
  readonly leader: Gauge;
  readonly validations: Counter;
  readonly volumes: VolumeMetrics;
}

/** Makes the metrics in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const histogram = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Histogram<L>({ name, help, labelNames, buckets: SECONDS, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge<L>({ name, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers });
  return {
    registry,
    lag: histogram("dr_syncer_lag_seconds", "From the bell of a change to the answered write in DR.", ["replication"]),
    syncedUpTo: gauge(
      "dr_syncer_synced_up_to_seconds",
      "Unix time up to which everything the source committed is in DR.",
      ["replication"],
    ),
    hints: counter("dr_syncer_hints_total", "Admission hints by what became of them.", ["replication", "outcome"]),
    writes: counter("dr_syncer_writes_total", "Writes to DR by kind, and operation or failure class.", [
      "replication",
      "kind",
      "class",
    ]),
    queueDepth: gauge("dr_syncer_queue_depth", "Keys that wait, are delayed or in progress.", ["replication"]),
    objects: gauge("dr_syncer_objects", "Objects by state.", ["replication", "state"]),
    resync: histogram("dr_syncer_resync_seconds", "Duration of full resyncs.", ["replication"]),
    watchReconnects: counter("dr_syncer_watch_reconnects_total", "Lost watch connections.", ["cluster", "kind"]),
    targetUp: gauge("dr_syncer_target_up", "1 when the cluster answered the last probe.", ["cluster"]),
    targetLatency: histogram("dr_syncer_target_latency_seconds", "Latency of the probes of a cluster.", ["cluster"]),
    targetConcurrency: gauge(
      "dr_syncer_target_concurrency",
      "Writes at once that the cluster bears, as learned from its answers.",
      ["cluster"],
    ),
    certDaysLeft: gauge("dr_syncer_cert_days_left", "Days until a certificate of the webhook expires.", [
      "certificate",
    ]),
    leader: gauge("dr_syncer_leader", "1 while this process leads.", []),
    validations: counter(
      "dr_syncer_validations_total",
      "Replications judged; stands still while specs and clusters stay as they are.",
      [],
    ),
    volumes: createVolumeMetrics(registry),
  };
}
