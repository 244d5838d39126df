/**
 * Schedules of Replications: five cron fields in a time zone.
 *
 * When both day of month and day of week are restricted, either of them suffices (POSIX crontab). A daily time that
 * daylight saving skips fires right after the gap; one that occurs twice fires once (croner's rules).
 *
 * @module
 */
import { Cron } from "croner";
import { CronError, type CronFields, type CronValues, parseFields } from "./cron_fields.ts";

export { CronError, type CronErrorReason, type CronFields } from "./cron_fields.ts";

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Parses a schedule. Throws `CronError`: FieldCount, BadField (naming the field), or NeverFires. */
export function parseCron(schedule: string): CronFields {
  const fields = parseFields(schedule);
  if (everFires(fields)) return fields;
  const message = `Cannot use "${schedule}" as a schedule: it never fires, no such month has such a day`;
  throw new CronError("NeverFires", message);
}

/** Checks a time zone. Throws `CronError` (TimeZone) when it is not an IANA name this program knows. */
export function checkTimeZone(timeZone: string): void {
  if (/^[A-Za-z]/.test(timeZone)) {
    try {
      new Intl.DateTimeFormat("en", { timeZone });
      return;
    } catch {
      // Not known: refused below in our words.
    }
  }
  throw new CronError("TimeZone", `Cannot use "${timeZone}" as a time zone: it is not a known IANA name`);
}

/**
 * The first time after `after` at which a schedule fires, or undefined when it never does. The time zone is UTC unless
 * given. Throws `CronError` when schedule or time zone cannot be parsed.
 */
export function nextFire(schedule: string, timeZone: string | undefined, after: Date): Date | undefined {
  const fields = parseFields(schedule);
  checkTimeZone(timeZone ?? "UTC");
  if (!everFires(fields)) return undefined;
  const cron = new Cron(toText(fields), { timezone: timeZone ?? "UTC", mode: "5-part", paused: true });
  return cron.nextRun(after) ?? undefined;
}

function everFires({ dayOfMonth, month, dayOfWeek }: CronFields): boolean {
  if (dayOfMonth === undefined || dayOfWeek !== undefined) return true;
  const months = month ?? LONGEST.map((_, index) => index + 1);
  return months.some((value) => dayOfMonth[0]! <= LONGEST[value - 1]!);
}

function toText({ minute, hour, dayOfMonth, month, dayOfWeek }: CronFields): string {
  return [minute, hour, dayOfMonth, month, dayOfWeek].map((values: CronValues) => values?.join(",") ?? "*").join(" ");
}
