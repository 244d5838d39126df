/**
 * What becomes of a volume after a pass: its state, and when it is tried again.
 *
 * @module
 */
import type { Hold } from "../../crds/types.ts";
import type { Outcome, PassReport } from "../../agent/report.ts";
import type { VolumePassEnd } from "./volume_pass.ts";
import { recordOf, type VolumeRecord } from "./volume_record.ts";
import type { VolumeState } from "./volume_status.ts";

/** The first retry waits this long, each further one twice as long. */
const FIRST_RETRY_MS = 10_000;
const MAX_RETRY_MS = 1_800_000;
/** What waits for something else is looked at again this often. */
export const REVIEW_MS = 60_000;

/** A state, and what follows from it. */
export interface PassVerdict {
  readonly state: VolumeState;
  /** To be remembered. */
  readonly record?: VolumeRecord;
  /** Undefined: only a full sync, or an approval, tries again. */
  readonly retryInMs?: number;
}

/** Judges the end of a pass; `before` is what was known of the volume. */
export function judgePass(before: VolumeState, end: VolumePassEnd, nowWallMs: number): PassVerdict {
  const { claim } = before;
  if (end.kind === "stopped") return { state: { ...before, percent: undefined, phase: "Pending", reason: "Stopped" } };
  if (end.kind === "none") {
    const base = { claim, record: before.record, path: before.path, holds: [] };
    return failed(base, before, end.reason, end.message, true, nowWallMs);
  }
  const { report, path = before.path } = end;
  const base = { claim, record: before.record, path, holds: [] };
  const record = recordOf(report, nowWallMs);
  if (record !== undefined) return good(base, report, record);
  const { outcome } = report;
  if (outcome.kind === "held") return { state: held(base, before, outcome, nowWallMs) };
  if (outcome.kind === "good") {
    return failed(base, before, "Internal", "the agent's report names no source", true, nowWallMs);
  }
  const isRetried = outcome.class !== "configuration" && outcome.class !== "security";
  const verdict = failed(base, before, outcome.reason, outcome.message, isRetried, nowWallMs);
  return { ...verdict, state: { ...verdict.state, failedPaths: outcome.failedPaths } };
}

type Base = Pick<VolumeState, "claim" | "record" | "path" | "holds">;

function good(base: Base, { durationMs, stats }: PassReport, record: VolumeRecord): PassVerdict {
  const state = {
    ...base,
    phase: "Synced",
    record,
    durationMs,
    transferredBytes: stats?.transferredBytes,
    deleted: stats?.deleted,
  } as const;
  return { state, record };
}

function held(
  base: Base,
  before: VolumeState,
  { holds }: Extract<Outcome, { kind: "held" }>,
  nowWallMs: number,
): VolumeState {
  const now = new Date(Math.floor(nowWallMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
  const told = holds.map(({ id, type, count, reason, sample }): Hold => ({
    id,
    type,
    volume: base.claim,
    count,
    reason: `volume ${base.claim}: ${reason}`,
    since: before.holds.find((hold) => hold.id === id)?.since ?? now,
    sample: sample.slice(0, 10),
  }));
  const [first] = holds;
  const message = holds.map(({ id, reason }) => `${reason}; release with annotation dr-syncer.io/approve: ${id}`);
  return { ...base, phase: "Held", reason: first?.type ?? "Held", message: message.join("; "), holds: told };
}

function failed(
  base: Base,
  before: VolumeState,
  reason: string,
  message: string,
  isRetried: boolean,
  nowWallMs: number,
): PassVerdict {
  const attempts = (before.attempts ?? 0) + 1;
  const retryInMs = isRetried ? Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20)) : undefined;
  const nextAttemptWallMs = retryInMs === undefined ? undefined : nowWallMs + retryInMs;
  return { state: { ...base, phase: "Failed", reason, message, attempts, nextAttemptWallMs }, retryInMs };
}
