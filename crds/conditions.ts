/**
 * Conditions of a status.
 *
 * @module
 */
import type { Condition } from "./types.ts";

/** A condition as it is decided; when it last changed is worked out. */
export type ConditionUpdate = Omit<Condition, "lastTransitionTime">;

/**
 * The conditions with one of them set; the argument is not changed. `lastTransitionTime` moves only when `status`
 * changes. Answers the very same array when nothing changed, so that callers can skip a write.
 */
export function setCondition(
  conditions: Condition[] | undefined,
  update: ConditionUpdate,
  now: Date,
): Condition[] {
  const current = conditions ?? [];
  const index = current.findIndex((condition) => condition.type === update.type);
  const old = current[index];
  const moved = old === undefined || old.status !== update.status;
  const next: Condition = { ...update, lastTransitionTime: moved ? toSeconds(now) : old.lastTransitionTime };
  if (old === undefined) return [...current, next];
  return isSame(old, next) ? current : current.with(index, next);
}

/** The condition of a type, if there is one. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** metav1.Time has whole seconds. */
function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
}

function isSame(a: Condition, b: Condition): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message &&
    a.observedGeneration === b.observedGeneration && a.lastTransitionTime === b.lastTransitionTime;
}
