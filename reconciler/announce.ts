/**
 * Events for what changed between two statuses.
 *
 * @module
 */
import type { Hold, ReplicationStatus } from "../crds/types.ts";

/** Conditions whose True is bad news. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set([
  "Degraded",
  "Conflict",
  "DeletionBlocked",
  "DependenciesMissing",
  "Fenced",
]);

/** What passes by itself at every start is no news. */
const ON_THE_WAY: ReadonlySet<string> = new Set([
  "Starting",
  "Connecting",
  "FirstSync",
  "QuotaNotInForce",
  "Deleting",
  "NotLooked",
  "Waiting",
  "Syncing",
]);

/** Whether the reason of a condition passes by itself. */
export function isOnTheWay(reason: string): boolean {
  return ON_THE_WAY.has(reason);
}

/** Tells every change of phase, role and condition, and every new hold. */
export function announceChanges(
  before: ReplicationStatus | undefined,
  after: ReplicationStatus,
  tell: (type: "Normal" | "Warning", reason: string, note: string) => void,
): void {
  if (after.phase !== undefined && before?.phase !== after.phase) {
    tell(after.phase === "Failed" ? "Warning" : "Normal", `Phase${after.phase}`, `phase is now ${after.phase}`);
  }
  if (after.role !== undefined && before?.role !== after.role) {
    tell("Normal", `Role${after.role}`, `the DR namespace is now ${after.role}, epoch ${after.epoch ?? "?"}`);
  }
  const knownHolds = new Set(before?.holds?.map(({ id }) => id));
  for (const hold of after.holds ?? []) {
    if (knownHolds.has(hold.id)) continue;
    if (hold.volume === undefined) tell("Warning", "DeletionHeld", describeHold(hold));
    else tell("Warning", "VolumeHeld", `hold ${hold.id}: ${hold.reason}`);
  }
  for (const condition of after.conditions ?? []) {
    const known = before?.conditions?.find(({ type }) => type === condition.type);
    if (known?.status === condition.status && known.reason === condition.reason) continue;
    const bad = BAD_WHEN_TRUE.has(condition.type) ? condition.status === "True" : condition.status === "False";
    // At first sight only what is wrong is news.
    if ((known === undefined && !bad) || ON_THE_WAY.has(condition.reason)) continue;
    tell(
      bad ? "Warning" : "Normal",
      condition.reason,
      `${condition.type} is ${condition.status}: ${condition.message}`,
    );
  }
}

function describeHold({ id, count, reason, sample }: Hold): string {
  const names = `${(sample ?? []).join(", ")}${count > (sample ?? []).length ? ", …" : ""}`;
  return `hold ${id} on ${count} deletes: ${reason}: ${names}`;
}
