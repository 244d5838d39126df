/**
 * Grammar of the five cron fields: `*`, numbers, names, ranges, steps, lists.
 *
 * @module
 */

/** Why a schedule is refused. */
export type CronErrorReason = "FieldCount" | "BadField" | "NeverFires" | "TimeZone";

/** A schedule or time zone that cannot be used. */
export class CronError extends Error {
  override readonly name = "CronError";
  readonly reason: CronErrorReason;

  constructor(reason: CronErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values, from `min` on. */
  readonly names: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day of month", min: 1, max: 31, names: [] },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 7, names: DAYS },
];

/** The values of one field, in order, without repetition; undefined where the field is `*`. */
export type CronValues = readonly number[] | undefined;

/** A parsed schedule. Days of the week are 0 (Sunday) to 6. */
export interface CronFields {
  readonly minute: CronValues;
  readonly hour: CronValues;
  readonly dayOfMonth: CronValues;
  readonly month: CronValues;
  readonly dayOfWeek: CronValues;
}

/** Parses five fields. Throws `CronError` (FieldCount, BadField) that names the field. */
export function parseFields(schedule: string): CronFields {
  const texts = schedule.trim().split(/\s+/);
  if (schedule.trim() === "" || texts.length !== FIELDS.length) {
    const message = `Cannot parse "${schedule}" as a schedule: it needs 5 fields (minute, hour, day of month, month, ` +
      `day of week), this has ${schedule.trim() === "" ? 0 : texts.length}`;
    throw new CronError("FieldCount", message);
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek] = FIELDS.map((field, index) => parseField(field, texts[index]!));
  const week = dayOfWeek?.map((day) => day % 7).sort((a, b) => a - b);
  return { minute, hour, dayOfMonth, month, dayOfWeek: week && [...new Set(week)] };
}

function parseField(field: Field, text: string): CronValues {
  const terms = text.split(",").map((term) => parseTerm(field, term));
  if (terms.includes(undefined)) return undefined;
  return [...new Set(terms.flatMap((values) => values ?? []))].sort((a, b) => a - b);
}

/** One term of a list: `*`, `a`, `a-b`, each with or without `/step`; `a/step` runs to the end of the field. */
function parseTerm(field: Field, term: string): CronValues {
  const match = /^(?:(\*)|([0-9]{1,2}|[A-Za-z]{3})(?:-([0-9]{1,2}|[A-Za-z]{3}))?)(?:\/([0-9]{1,2}))?$/.exec(term);
  if (match === null) throw badField(field, term, `write ${field.min}-${field.max}, *, lists, ranges or steps`);
  const [, star, first, last, stepText] = match;
  const step = stepText === undefined ? undefined : Number(stepText);
  if (step === 0) throw badField(field, term, "a step is at least 1");
  if (star !== undefined && (step ?? 1) === 1) return undefined;
  const top = field.names === DAYS ? 6 : field.max;
  const from = star !== undefined ? field.min : parseValue(field, term, first!);
  const end = last === undefined ? undefined : parseEnd(field, term, last, from);
  const to = end ?? (star !== undefined || step !== undefined ? top : from);
  if (to < from) throw badField(field, term, "a range goes from the smaller to the larger value");
  const values: number[] = [];
  for (let value = from; value <= to; value += step ?? 1) values.push(value);
  return values;
}

/** As the end of a range, Sunday closes the week: FRI-SUN is 5-7. */
function parseEnd(field: Field, term: string, text: string, from: number): number {
  const value = parseValue(field, term, text);
  return field.names === DAYS && value === 0 && from > 0 ? 7 : value;
}

function parseValue(field: Field, term: string, text: string): number {
  const index = field.names.indexOf(text.toUpperCase());
  const value = index >= 0 ? field.min + index : /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (value >= field.min && value <= field.max) return value;
  const names = field.names.length > 0 ? `, or ${field.names[0]} to ${field.names.at(-1)}` : "";
  throw badField(field, term, `${text} is not ${field.min} to ${field.max}${names}`);
}

function badField(field: Field, term: string, why: string): CronError {
  return new CronError("BadField", `Cannot parse "${term}" as ${field.name}: ${why}`);
}
