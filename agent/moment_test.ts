import assert from "node:assert/strict";
import { datesChanges, isSameClock, seenUntil } from "./moment.ts";

const moment = { boot: "one", bootTime: 1_000, seconds: 2_000 };

Deno.test("a clock is the same until its kernel starts anew or it is set", () => {
  assert.ok(isSameClock(moment, { ...moment, seconds: 5 }));
  assert.ok(!isSameClock(moment, { ...moment, boot: "two" }));
  assert.ok(!isSameClock(moment, { ...moment, bootTime: 999 }));
  assert.ok(!isSameClock({ ...moment, boot: "" }, { ...moment, boot: "" }));
});

Deno.test("looks have seen what was there before they began, and of a snapshot no more than it holds", () => {
  assert.equal(seenUntil({ ...moment, newestSeconds: 1_999 }, 10).seconds, 1_989.98);
  assert.equal(seenUntil({ ...moment, newestSeconds: 500 }, 10).seconds, 499.98);
});

Deno.test("times of change tell everything only where a move has one", () => {
  const root = { inode: "2", birth: "1", fsid: "a", folder: "/", mounted: "/dev/a" };
  assert.ok(datesChanges({ ...root, filesystem: "ext4" }));
  assert.ok(!datesChanges({ ...root, filesystem: "nfs4" }));
  assert.ok(!datesChanges({ ...root, filesystem: "fuse.glusterfs" }));
});
