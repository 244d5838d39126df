import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bucket, cutBytes, eventKey, eventObject, isFull, subjectKey, takeToken } from "./event_rules.ts";

const subject = { apiVersion: "v1", kind: "ConfigMap", namespace: "app", name: "web", uid: "1" };
const details = { type: "Normal", reason: "Synced", action: "Mirror", note: "done" } as const;
const reporter = { reportingController: "example.com/controller", reportingInstance: "pod-1" };

Deno.test("text is cut at a number of bytes, never within a character", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.integer({ min: 3, max: 40 }), (text, most) => {
    const cut = cutBytes(text, most);
    assert.ok(new TextEncoder().encode(cut).length <= most);
    assert.ok(!cut.includes("\ufffd") || text.includes("\ufffd"));
    if (cut !== text) assert.ok(cut.endsWith("…") && text.startsWith(cut.slice(0, -1)));
  }));
  assert.equal(cutBytes("exactly", 7), "exactly");
});

Deno.test("25 events about an object follow each other, then one in 30 s", () => {
  let bucket: Bucket | undefined;
  const take = (nowMs: number): boolean => {
    const next = takeToken(bucket, nowMs);
    if (next !== undefined) bucket = next;
    return next !== undefined;
  };
  assert.deepEqual(Array.from({ length: 26 }, () => take(0)), [...new Array(25).fill(true), false]);
  assert.deepEqual([29_999, 30_000, 30_001, 60_000, 60_001].map(take), [false, true, false, true, false]);
  assert.equal(bucket !== undefined && isFull(bucket, 60_000 + 25 * 30_000), true);
  assert.equal(bucket !== undefined && isFull(bucket, 60_000 + 24 * 30_000), false);
});

Deno.test("an event is written as the API demands", () => {
  const long = { ...details, note: "n".repeat(2_000), reason: "r".repeat(200) };
  const event = eventObject({ ...subject, name: "x".repeat(253) }, long, reporter, { atWallMs: 0, suffix: "abc" });
  assert.equal(event.metadata.name.length, 253);
  assert.ok(event.metadata.name.endsWith("x.abc"));
  assert.equal(event.metadata.namespace, "app");
  assert.equal(new TextEncoder().encode(event.note as string).length, 1_024);
  assert.equal((event.reason as string).length, 128);
  assert.equal(event.eventTime, "1970-01-01T00:00:00.000000Z");
  const { namespace: _, ...cluster } = subject;
  const clusterEvent = eventObject(cluster, details, reporter, { atWallMs: 0, suffix: "abc" });
  assert.equal(clusterEvent.metadata.namespace, "default");
});

Deno.test("a repetition has the same object, type, reason, action and note", () => {
  const key = eventKey(subject, details);
  assert.equal(eventKey({ ...subject }, { ...details }), key);
  for (const other of [{ reason: "x" }, { note: "x" }, { action: "x" }, { type: "Warning" as const }]) {
    assert.notEqual(eventKey(subject, { ...details, ...other }), key);
  }
  assert.notEqual(eventKey({ ...subject, uid: "2" }, details), key);
  assert.equal(subjectKey(subject), subjectKey({ ...subject }));
});
