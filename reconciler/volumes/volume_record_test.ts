import assert from "node:assert/strict";
import { parseRecord } from "./volume_record.ts";

const root = { filesystem: "ext4", inode: "2", birth: "1.0", fsid: "ab", folder: "/", mounted: "/dev/a" };
const times = { syncedUpTo: "2026-01-01T00:00:00Z", lastGoodSyncTime: "2026-01-01T00:00:01Z" };
const record = { root, entries: 9, files: 8, bytes: 7, ...times };
const verified = { time: times.syncedUpTo, files: 3, differing: 0 };

Deno.test("a record is read as it was written", () => {
  for (const written of [record, { ...record, verified }]) {
    assert.deepEqual(parseRecord(JSON.stringify(written)), written);
  }
});

for (const [field, value] of Object.entries({ root: {}, entries: "9", syncedUpTo: "soon" })) {
  Deno.test(`a record whose ${field} is not as we write it is none`, () => {
    assert.equal(parseRecord(JSON.stringify({ ...record, [field]: value })), undefined);
  });
}

Deno.test("a comparison that is not as we write it is made anew, the record counts", () => {
  for (
    const odd of [1, null, {}, { ...verified, time: "soon" }, { ...verified, differing: "many" }, {
      ...verified,
      files: 0.5,
    }]
  ) {
    assert.deepEqual(parseRecord(JSON.stringify({ ...record, verified: odd })), record);
  }
  assert.equal(parseRecord("{"), undefined);
});
