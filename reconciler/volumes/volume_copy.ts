/**
 * One pass of a volume as a Replication wants it, and what becomes of it: carried out, judged, remembered.
 *
 * @module
 */
import type { PassState } from "../../agent/report.ts";
import { systemClock } from "../../kube/clock.ts";
import { classify } from "../failure.ts";
import { judgePass, type PassVerdict } from "./pass_verdict.ts";
import { comparisonOf } from "./verification.ts";
import { passVolume, type VolumeJob, type VolumePassEnd } from "./volume_pass.ts";
import { writeRecord } from "./volume_record.ts";
import type { Round } from "./volume_round.ts";
import type { VolumeState } from "./volume_status.ts";
import type { VolumeSyncPorts } from "./volume_ports.ts";

/** What a copy needs beside what its Replication has. */
export interface CopyPorts {
  readonly round: Round;
  /** Aborted: what is not removed yet is left to the next process. */
  readonly cutOff: AbortSignal;
  onProgress(state: PassState): void;
  /** Not everything could be removed. */
  onLeft(error: unknown): void;
}

/** How it ended, and what follows. */
export interface CopyEnd {
  readonly end: VolumePassEnd;
  readonly verdict: PassVerdict;
}

/** Copies a volume; `before` is what was known of it. Never rejects. */
export async function copyVolume(
  job: Omit<VolumeJob, "comparison">,
  before: VolumeState,
  ports: VolumeSyncPorts,
  { round, cutOff, onProgress, onLeft }: CopyPorts,
): Promise<CopyEnd> {
  const { source, target, identity, fence, clock, signal, log, audit, mayWrite } = ports;
  const { claim } = before;
  const { image, pods, path, excludes, bandwidthKiBps, verification } = ports.settings();
  const comparison = comparisonOf(verification, job.record, clock.wallMs());
  const end = await passVolume({ ...job, comparison }, {
    source: source.client,
    target: target.client,
    sourcePods: round.sourcePods,
    targetPods: round.targetPods,
    identity,
    epoch: fence.epoch ?? 0,
    image,
    pods,
    paths: { choice: path, memory: target.volumePaths, sourceId: source.clusterId },
    excludes,
    bandwidthKiBps,
    clock: systemClock,
    signal,
    cutOff,
    newId: () => crypto.randomUUID().slice(0, 8),
    mayWrite,
    onProgress,
    onDead: (path, reason) => log.warn("path {path} of volume {claim} fails: {reason}", { claim, path, reason }),
    onTunnelled: (count) => log.info("a connection through the tunnel is over", { claim, ...count }),
    onLeft,
    audit: (operation, type, name) => audit(type, operation, name),
  });
  return {
    end,
    verdict: await remember(before, judgePass(before, end, clock.wallMs(), ports.settings().retry), ports, cutOff),
  };
}

/** A pass that cannot be remembered is no good one: the next would know nothing of it. */
async function remember(
  before: VolumeState,
  verdict: PassVerdict,
  { target, identity, clock, settings }: VolumeSyncPorts,
  signal: AbortSignal,
): Promise<PassVerdict> {
  if (verdict.record === undefined) return verdict;
  const { destinationNamespace: namespace, replicationId } = identity;
  try {
    await writeRecord(target.client, { namespace, replicationId }, before.claim, verdict.record, { signal });
    return verdict;
  } catch (error) {
    const { failureClass, message } = classify(error);
    return judgePass(before, { kind: "none", reason: failureClass, message }, clock.wallMs(), settings().retry);
  }
}
