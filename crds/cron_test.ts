import assert from "node:assert/strict";
import fc from "fast-check";
import { checkTimeZone, CronError, type CronErrorReason, nextFire, parseCron } from "./cron.ts";

const FROM = new Date("2026-03-28T12:00:00Z");

/** When a schedule fires next, as text. */
function next(schedule: string, timeZone?: string, after = FROM): string | undefined {
  return nextFire(schedule, timeZone, after)?.toISOString().replace(":00.000Z", "Z");
}

Deno.test("numbers, lists, ranges, steps and names", () => {
  const cases: [string, string][] = [
    ["* * * * *", "2026-03-28T12:01Z"],
    ["*/5 * * * *", "2026-03-28T12:05Z"],
    ["7/20 * * * *", "2026-03-28T12:07Z"],
    ["0 3,14 * * *", "2026-03-28T14:00Z"],
    ["30 9-17/4 * * *", "2026-03-28T13:30Z"],
    ["0 0 1 JAN *", "2027-01-01T00:00Z"],
    ["0 0 * jun-Aug *", "2026-06-01T00:00Z"],
    ["0 0 * * MON", "2026-03-30T00:00Z"],
    ["0 0 * * 7", "2026-03-29T00:00Z"],
    ["0 0 * * 0-0", "2026-03-29T00:00Z"],
    ["0 13 * * FRI-SUN", "2026-03-28T13:00Z"],
    ["0 0 29 2 *", "2028-02-29T00:00Z"],
    ["0 0 13 * FRI", "2026-04-03T00:00Z"],
    ["0 0 31 2 MON", "2027-02-01T00:00Z"],
    ["  0   0  * *  * ", "2026-03-29T00:00Z"],
  ];
  for (const [schedule, expected] of cases) assert.equal(next(schedule), expected, schedule);
});

Deno.test("a schedule is one of a time zone, daylight saving included", () => {
  assert.equal(next("0 2 * * *", "Asia/Tokyo"), "2026-03-28T17:00Z");
  assert.equal(next("0 12 * * *", "Europe/Berlin", new Date("2026-03-28T11:00:00Z")), "2026-03-29T10:00Z");
  const skipped = next("30 2 * * *", "Europe/Berlin");
  assert.equal(skipped, "2026-03-29T01:00Z", "02:30 does not exist that night: right after the gap");
  const first = nextFire("30 2 * * *", "Europe/Berlin", new Date("2026-10-24T12:00:00Z"))!;
  assert.equal(next("30 2 * * *", "Europe/Berlin", first), "2026-10-26T01:30Z", "02:30 exists twice: once");
});

Deno.test("what is not a schedule is refused with the field", () => {
  const cases: [string, CronErrorReason, RegExp][] = [
    ["", "FieldCount", /has 0/],
    ["* * * *", "FieldCount", /has 4/],
    ["0 0 * * * *", "FieldCount", /has 6/],
    ["@daily", "FieldCount", /has 1/],
    ["60 * * * *", "BadField", /"60" as minute: 60 is not 0 to 59/],
    ["* 24 * * *", "BadField", /as hour/],
    ["* * 0 * *", "BadField", /as day of month/],
    ["* * * 13 *", "BadField", /as month: 13 is not 1 to 12, or JAN to DEC/],
    ["* * * FOO *", "BadField", /as month: FOO is not/],
    ["* * * * 8", "BadField", /as day of week/],
    ["* * * * JAN", "BadField", /as day of week/],
    ["*/0 * * * *", "BadField", /a step is at least 1/],
    ["30-10 * * * *", "BadField", /smaller to the larger/],
    ["* * * * SAT-MON", "BadField", /smaller to the larger/],
    ["1,,2 * * * *", "BadField", /"" as minute/],
    ["* * L * *", "BadField", /"L" as day of month/],
    ["* * 15W * *", "BadField", /as day of month/],
    ["* * * * FRI#2", "BadField", /as day of week/],
    ["* * ? * *", "BadField", /as day of month/],
    ["0 0 31 2 *", "NeverFires", /never fires/],
    ["0 0 30,31 FEB *", "NeverFires", /never fires/],
    ["0 0 31 4,6,9,11 *", "NeverFires", /never fires/],
  ];
  for (const [schedule, reason, message] of cases) {
    const check = (error: unknown) =>
      error instanceof CronError && error.reason === reason && message.test(error.message);
    assert.throws(() => parseCron(schedule), check, schedule);
  }
});

Deno.test("a parsed field has each value once and in order, Sunday is 0, and `*` is undefined", () => {
  assert.deepEqual(parseCron("30,0-1,1 */12 * FEB,1 7,MON,0,1"), {
    minute: [0, 1, 30],
    hour: [0, 12],
    dayOfMonth: undefined,
    month: [1, 2],
    dayOfWeek: [0, 1],
  });
});

Deno.test("a schedule that never fires has no next time", () => {
  assert.equal(nextFire("0 0 31 2 *", undefined, FROM), undefined);
});

Deno.test("only IANA names are time zones", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]) checkTimeZone(zone);
  for (const zone of ["", "Mars/Olympus", "+02:00", "Europe/Berlin "]) {
    assert.throws(() => checkTimeZone(zone), { name: "CronError", reason: "TimeZone" }, zone);
    assert.throws(() => nextFire("* * * * *", zone, FROM), { name: "CronError", reason: "TimeZone" }, zone);
  }
});

interface Term {
  text: string;
  values: number[];
}

/** A field as text together with the values it means, worked out apart from the parser. */
function field(min: number, max: number): fc.Arbitrary<Term> {
  const value = fc.integer({ min, max });
  const term: fc.Arbitrary<Term> = fc.oneof(
    value.map((at) => ({ text: `${at}`, values: [at] })),
    fc.tuple(value, value, fc.integer({ min: 1, max: 9 })).map(([a, b, step]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const values = Array.from({ length: to - from + 1 }, (_, index) => from + index);
      return { text: `${from}-${to}/${step}`, values: values.filter((at) => (at - from) % step === 0) };
    }),
  );
  return fc.oneof(
    fc.constant({ text: "*", values: Array.from({ length: max - min + 1 }, (_, index) => min + index) }),
    fc.array(term, { minLength: 1, maxLength: 3 })
      .map((terms) => ({
        text: terms.map(({ text }) => text).join(","),
        values: terms.flatMap(({ values }) => values),
      })),
  );
}

/** The next minute that matches, found by trying each day and each minute of the first day that matches. */
function search(fields: Term[], after: Date): Date | undefined {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [Term, Term, Term, Term, Term];
  const startMs = Math.floor(after.getTime() / 60_000 + 1) * 60_000;
  const midnight = new Date(startMs).setUTCHours(0, 0, 0, 0);
  for (let day = 0; day < 366 * 9; day++) {
    const date = new Date(midnight + day * 86_400_000);
    const inMonth = dayOfMonth.values.includes(date.getUTCDate());
    const inWeek = dayOfWeek.values.includes(date.getUTCDay());
    const isEither = dayOfMonth.text !== "*" && dayOfWeek.text !== "*";
    if (!month.values.includes(date.getUTCMonth() + 1) || !(isEither ? inMonth || inWeek : inMonth && inWeek)) continue;
    for (let at = 0; at < 1440; at++) {
      const ms = date.getTime() + at * 60_000;
      if (ms < startMs || !hour.values.includes(Math.floor(at / 60)) || !minute.values.includes(at % 60)) continue;
      return new Date(ms);
    }
  }
  return undefined;
}

Deno.test("the next time is the one an exhaustive search finds", () => {
  const fields = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6));
  const after = fc.date({ min: new Date("2024-01-01"), max: new Date("2032-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(fields, after, (terms, from) => {
      const schedule = terms.map(({ text }) => text).join(" ");
      assert.equal(nextFire(schedule, "UTC", from)?.toISOString(), search(terms, from)?.toISOString(), schedule);
    }),
    { numRuns: 300 },
  );
});

Deno.test("any text is either parsed or refused with a reason, and what is parsed fires", () => {
  const unit = fc.constantFrom(..."0123456789*/-,  LW#?@MONJAN".split(""));
  const five = fc.array(fc.string({ unit, minLength: 1, maxLength: 5 }), { minLength: 5, maxLength: 5 });
  fc.assert(fc.property(fc.oneof(fc.string(), five.map((parts) => parts.join(" "))), (text) => {
    try {
      parseCron(text);
    } catch (error) {
      assert.ok(error instanceof CronError, String(error));
      return;
    }
    assert.ok(nextFire(text, "Europe/Berlin", FROM)! > FROM, text);
  }));
});
