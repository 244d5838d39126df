import assert from "node:assert/strict";
import { isDue, VolumeSchedule } from "./volume_schedule.ts";

const NIGHTLY = { schedule: "0 2 * * *" };
const at = (time: string) => Date.parse(`2026-01-${time}Z`);
const record = (time: string) => ({ syncedUpTo: `2026-01-${time}Z` });

Deno.test("without a schedule every full sync copies every volume", () => {
  assert.equal(isDue({}, record("02T02:00:00"), at("02T02:00:01")), true);
});

Deno.test("a volume that was never copied does not wait for its time", () => {
  assert.equal(isDue(NIGHTLY, undefined, at("01T12:00:00")), true);
});

const cases: readonly (readonly [string, string, string, boolean])[] = [
  ["a pass at this night's time", "02T02:00:00", "02T23:00:00", false],
  ["a pass since, on demand", "02T17:00:00", "03T01:59:59", false],
  ["none since this night's time", "02T01:59:59", "02T02:00:00", true],
  ["none for days: times were missed, or passes failed", "01T02:00:01", "09T12:00:00", true],
];

for (const [name, last, now, expected] of cases) {
  Deno.test(`with a schedule a full sync ${expected ? "makes up for" : "leaves be"} ${name}`, () => {
    assert.equal(isDue(NIGHTLY, record(last), at(now)), expected);
  });
}

Deno.test("the schedule is one of its time zone", () => {
  const berlin = { ...NIGHTLY, timeZone: "Europe/Berlin" };
  assert.equal(isDue(berlin, record("02T00:59:00"), at("02T01:00:00")), true);
  assert.equal(isDue(berlin, record("02T01:01:00"), at("02T02:01:00")), false);
});

Deno.test("a schedule fires at its next time only where data is copied", () => {
  const settings = { schedule: "0 2 1 1 *", timeZone: "Europe/Berlin" };
  const [on, off] = [true, false].map((enabled) => new VolumeSchedule({ ...settings, enabled }, () => {}));
  assert.match(on?.next()?.toISOString() ?? "", /-01-01T01:00:00.000Z$/);
  on?.stop();
  assert.deepEqual([on?.next(), off?.next()], [undefined, undefined]);
  assert.equal(on?.isSet, true);
  const none = new VolumeSchedule({ enabled: true }, () => {});
  assert.deepEqual([none.next(), none.isSet], [undefined, false]);
});
