/**
 * What the status says of volumes: worked out from plain data.
 *
 * @module
 */
import type { ConditionUpdate } from "../../crds/conditions.ts";
import type { Hold, ReplicationStatus, VolumeStatus } from "../../crds/types.ts";
import type { VolumePath } from "./path_plan.ts";
import type { VolumeRecord } from "./volume_record.ts";

/** What is known of one volume. */
export interface VolumeState {
  readonly claim: string;
  readonly phase: VolumeStatus["phase"];
  readonly reason?: string;
  readonly message?: string;
  readonly record?: VolumeRecord;
  /** Over which the source was reached last. */
  readonly path?: VolumePath;
  /** Of the last good pass of this process. */
  readonly durationMs?: number;
  readonly transferredBytes?: number;
  readonly deleted?: number;
  readonly percent?: number;
  readonly attempts?: number;
  readonly nextAttemptWallMs?: number;
  readonly failedPaths?: readonly string[];
  readonly holds: readonly Hold[];
}

/** What volumes add to a status. */
export interface VolumeFacts {
  /** Nothing has been looked at yet. */
  readonly isNew: boolean;
  /** Why nothing could be looked at. */
  readonly problem?: { readonly reason: string; readonly message: string };
  readonly states: readonly VolumeState[];
}

/** Most volumes that a status lists. */
const MAX_VOLUMES = 50;
/** What needs attention comes first. */
const ORDER: readonly VolumeStatus["phase"][] = ["Failed", "Held", "Unsupported", "Pending", "Syncing", "Synced"];

/** `status.volumes` and `status.volumeStats`. */
export function volumeFields({ states }: VolumeFacts): Pick<ReplicationStatus, "volumes" | "volumeStats"> {
  const rank = ({ phase }: VolumeState) => ORDER.indexOf(phase);
  const sorted = [...states].sort((a, b) => rank(a) - rank(b) || (a.claim < b.claim ? -1 : 1));
  return {
    volumes: sorted.slice(0, MAX_VOLUMES).map(volumeOf),
    volumeStats: { total: states.length, synced: states.filter(({ phase }) => phase === "Synced").length },
  };
}

function volumeOf(state: VolumeState): VolumeStatus {
  const { claim, phase, record, durationMs, nextAttemptWallMs, failedPaths = [] } = state;
  const fields: { [K in keyof VolumeStatus]: VolumeStatus[K] | undefined } = {
    name: claim,
    phase,
    reason: state.reason,
    message: state.message?.slice(0, 2_048),
    path: state.path,
    syncedUpTo: record?.syncedUpTo,
    lastGoodSyncTime: record?.lastGoodSyncTime,
    duration: durationMs === undefined ? undefined : `${Math.round(durationMs)}ms`,
    files: record?.files,
    bytes: record?.bytes,
    transferredBytes: state.transferredBytes,
    deleted: state.deleted,
    percent: phase === "Syncing" ? state.percent : undefined,
    attempts: state.attempts || undefined,
    nextAttemptTime: nextAttemptWallMs === undefined ? undefined : toTime(nextAttemptWallMs),
    failedPaths: failedPaths.length === 0 ? undefined : [...failedPaths],
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as VolumeStatus;
}

/** Condition `VolumesSynced`. */
export function volumesSynced({ isNew, problem, states }: VolumeFacts): Omit<ConditionUpdate, "observedGeneration"> {
  const update = (status: "True" | "False" | "Unknown", reason: string, message: string) =>
    ({ type: "VolumesSynced", status, reason, message }) as const;
  if (problem !== undefined) return update("False", problem.reason, problem.message);
  if (isNew) return update("Unknown", "NotLooked", "no pass has begun yet");
  // A running pass takes nothing back: what was good is so until it ends otherwise.
  const open = states.filter(({ phase, record }) =>
    phase !== "Synced" && !(phase === "Syncing" && record !== undefined)
  );
  const worst = [...open].sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase))[0];
  if (worst === undefined) return update("True", "AllSynced", `${states.length} volumes are in DR`);
  const first = `${worst.claim}: ${worst.message ?? worst.phase}`;
  const message = `${open.length} of ${states.length} volumes are not in DR as of their last pass; ${first}`;
  return update("False", worst.phase, message.slice(0, 2_048));
}

/** What waits for an approval. */
export function volumeHolds({ states }: VolumeFacts): Hold[] {
  return states.flatMap(({ holds }) => holds);
}

function toTime(wallMs: number): string {
  return new Date(Math.floor(wallMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
