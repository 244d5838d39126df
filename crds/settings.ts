/**
 * Fields of a Replication that are right or wrong by themselves: schedules, durations, budgets.
 *
 * @module
 */
import { checkTimeZone, CronError, parseCron } from "./cron.ts";
import { DurationError, parseDurationMs } from "./duration.ts";
import { GROUP } from "./keys.ts";
import type { AnyReplication, RemoteCluster } from "./types.ts";
import type { Problem, ProblemReason } from "./verdict.ts";

/** What is wrong with a cron expression, if anything. */
export function cronProblems(field: string, schedule: string): Problem[] {
  try {
    parseCron(schedule);
    return [];
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    const reason = error.reason === "NeverFires" ? "ScheduleNeverFires" : "ScheduleInvalid";
    const remedy = "write 5 fields: minute, hour, day of month, month, day of week, such as 0 2 * * MON-FRI";
    return [{ field, value: schedule, message: error.message, remedy, reason }];
  }
}

/** What is wrong with schedule and time zone of a Replication, its RemoteCluster left aside. */
export function scheduleProblems({ spec }: AnyReplication): Problem[] {
  const problems: Problem[] = [];
  const volumeSchedule = spec.pvc?.trigger?.schedule;
  for (const field of ["schedule", "timeZone"] as const) {
    const value = spec[field];
    if (value === undefined || spec.replicationMode === "Scheduled") continue;
    if (field === "timeZone" && volumeSchedule !== undefined) continue;
    problems.push({
      field: `spec.${field}`,
      value,
      message: `it means nothing in replicationMode ${spec.replicationMode}`,
      remedy: field === "schedule"
        ? "remove it, or set replicationMode to Scheduled"
        : "remove it, or set replicationMode to Scheduled, or spec.pvc.trigger.schedule",
      reason: "ScheduleUnexpected",
    });
  }
  if (spec.schedule !== undefined) problems.push(...cronProblems("spec.schedule", spec.schedule));
  if (volumeSchedule !== undefined) problems.push(...cronProblems("spec.pvc.trigger.schedule", volumeSchedule));
  if (spec.timeZone !== undefined) problems.push(...timeZoneProblems(spec.timeZone));
  return problems;
}

function timeZoneProblems(timeZone: string): Problem[] {
  try {
    checkTimeZone(timeZone);
    return [];
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    const remedy = "write an IANA name such as Europe/Berlin, or remove the field for UTC";
    return [{ field: "spec.timeZone", value: timeZone, message: error.message, remedy, reason: "TimeZoneInvalid" }];
  }
}

/** What is wrong with a DR cluster's settings of volumes. */
export function volumeSyncProblems({ spec: { pvcSync } }: RemoteCluster): Problem[] {
  if (pvcSync === undefined) return [];
  const { retry: { initialDelay, maxDelay }, pods } = pvcSync;
  return [
    ...durationProblems("spec.pvcSync.retry.initialDelay", initialDelay, 1),
    ...durationProblems("spec.pvcSync.retry.maxDelay", maxDelay, 1),
    ...ownKeys("labels", pods?.labels),
    ...ownKeys("annotations", pods?.annotations),
  ];
}

/** By these keys agents are told from everything else. */
function ownKeys(field: string, values: Readonly<Record<string, string>> = {}): Problem[] {
  const keys = Object.keys(values).filter((key) => key.startsWith(`${GROUP}/`));
  return keys.map((key) => ({
    field: `spec.pvcSync.pods.${field}`,
    value: key,
    message: `keys of ${GROUP} are set by dr-syncer alone`,
    remedy: "remove it",
    reason: "KeyReserved",
  }));
}

/** What is wrong with the settings of volumes, their schedule left aside. */
export function volumeProblems({ spec: { pvc } }: AnyReplication): Problem[] {
  const interval = pvc?.verification?.interval;
  return interval === undefined ? [] : durationProblems("spec.pvc.verification.interval", interval);
}

/** What is wrong with grace and budget of deletions. */
export function deletionProblems({ spec: { deletion } }: AnyReplication): Problem[] {
  const { count, percent, window } = deletion.budget;
  const problems = [
    ...durationProblems("spec.deletion.grace", deletion.grace),
    ...durationProblems("spec.deletion.budget.window", window, 1),
  ];
  if (!Number.isInteger(count) || count < 0) {
    problems.push(wrongBudget("spec.deletion.budget.count", count, "a whole number, 0 or more"));
  }
  if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
    problems.push(wrongBudget("spec.deletion.budget.percent", percent, "a whole number from 0 to 100"));
  }
  return problems;
}

function durationProblems(field: string, value: string, leastMs = 0): Problem[] {
  const reason: ProblemReason = "DurationInvalid";
  const remedy = "write a duration such as 30s, 10m or 1h30m";
  try {
    if (parseDurationMs(value) >= leastMs) return [];
    return [{ field, value, message: `Cannot use "${value}": it must be longer than nothing`, remedy, reason }];
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    return [{ field, value, message: error.message, remedy, reason }];
  }
}

function wrongBudget(field: string, value: number, range: string): Problem {
  return {
    field,
    value: String(value),
    message: `it is not ${range}`,
    remedy: `set ${range}`,
    reason: "BudgetInvalid",
  };
}
