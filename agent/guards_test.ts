import assert from "node:assert/strict";
import type { Census } from "./census.ts";
import { allowedDeletes, identifyHolds, judgePlan, judgeRoom, judgeSource, unapproved } from "./guards.ts";
import type { RootIdentity } from "./identity.ts";
import { PlanReader } from "./plan.ts";

const root: RootIdentity = {
  filesystem: "ext4",
  inode: "2",
  birth: "1.000000000",
  fsid: "ab",
  folder: "/",
  mounted: "/dev/vdb",
};
const treeOf = (entries: number) => ({
  entries,
  files: entries,
  directories: 0,
  devices: 0,
  sparseFiles: 0,
  bytes: 0,
  allocatedBytes: 0,
});
const censusOf = (entries: number, over: Partial<RootIdentity> = {}): Census => ({
  root: { ...root, ...over },
  count: treeOf(entries),
});

/** Entries now; entries at the last good pass, if there was one; entries of the target; types of what is found. */
const sizes: [string, number, number | undefined, number, string[]][] = [
  ["as before", 1_000, 1_000, 1_000, []],
  ["a first pass into nothing", 1_000, undefined, 0, []],
  ["nothing into nothing", 0, undefined, 0, []],
  ["nothing, as before", 0, 0, 0, []],
  ["nothing where there was one", 0, 1, 1, ["SourceShrank"]],
  ["nothing where the target has something", 0, undefined, 7, ["SourceShrank"]],
  ["60 % gone", 400, 1_000, 1_000, ["SourceShrank"]],
  ["half gone", 500, 1_000, 1_000, ["SourceShrank"]],
  ["nearly half gone", 501, 1_000, 1_000, []],
  ["a hundred gone of little", 50, 150, 150, []],
  ["a hundred and one gone of little", 49, 150, 150, ["SourceShrank"]],
  ["more than before", 5_000, 1_000, 1_000, []],
  ["a first pass into a larger target", 100, undefined, 1_000, ["SourceShrank"]],
];

for (const [name, now, before, target, expected] of sizes) {
  Deno.test(`the size of a source: ${name}`, () => {
    const lastGood = before === undefined ? undefined : { root, entries: before };
    const findings = judgeSource(censusOf(now), lastGood, treeOf(target));
    assert.deepEqual(findings.map(({ type }) => type), expected);
  });
}

/** What is different about the root; whether it is another volume. */
const roots: [Partial<RootIdentity>, Partial<RootIdentity>, boolean][] = [
  [{}, {}, false],
  [{}, { inode: "3" }, true],
  [{}, { birth: "2.000000000" }, true],
  [{}, { fsid: "cd" }, true],
  [{}, { folder: "/other" }, true],
  [{}, { filesystem: "overlay" }, true],
  [{}, { mounted: "/dev/vdc" }, false],
  [{ filesystem: "xfs" }, { filesystem: "xfs", fsid: "cd" }, false],
  [{ filesystem: "xfs" }, { filesystem: "xfs", birth: "2.000000000" }, true],
  [{ filesystem: "nfs4", mounted: "a:/x" }, { filesystem: "nfs4", mounted: "a:/x", fsid: "cd" }, false],
  [{ filesystem: "nfs4", mounted: "a:/x" }, { filesystem: "nfs4", mounted: "a:/y" }, true],
];

for (const [then, now, isOther] of roots) {
  Deno.test(`the root of a source: ${JSON.stringify(then)}, then ${JSON.stringify(now)}`, () => {
    const findings = judgeSource(censusOf(10, now), { root: { ...root, ...then }, entries: 10 }, treeOf(10));
    assert.deepEqual(findings.map(({ type }) => type), isOther ? ["SourceChanged"] : []);
  });
}

function planOf(lines: readonly string[]) {
  const reader = new PlanReader();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
const deleting = (count: number) => planOf(Array.from({ length: count }, (_, index) => `*deleting   0 ${index}`));

Deno.test("deletes up to the larger of count and percent are allowed", () => {
  assert.equal(allowedDeletes({ count: 10, percent: 5 }, 1_000), 50);
  assert.equal(allowedDeletes({ count: 100, percent: 5 }, 1_000), 100);
  assert.deepEqual(judgePlan(deleting(50), { count: 10, percent: 5 }, 1_000), []);
  assert.deepEqual(judgePlan(deleting(51), { count: 10, percent: 5 }, 1_000).map(({ count }) => count), [51]);
});

Deno.test("a hold is released by its own id only: another volume, a larger set, another kind have others", async () => {
  const idsOf = async (volume: string, count: number) => {
    const findings = judgePlan(deleting(count), { count: 0, percent: 0 }, 1_000);
    return (await identifyHolds(volume, findings)).map(({ id }) => id);
  };
  const [id] = await idsOf("a", 5);
  assert.match(id ?? "", /^[0-9a-f]{12}$/);
  assert.deepEqual(await idsOf("a", 5), [id]);
  assert.notDeepEqual(await idsOf("a", 6), [id]);
  assert.notDeepEqual(await idsOf("b", 5), [id]);
  const holds = await identifyHolds("a", judgePlan(deleting(5), { count: 0, percent: 0 }, 1_000));
  assert.deepEqual(unapproved(holds, [id ?? ""]), []);
  assert.deepEqual(unapproved(holds, ["0123456789ab"]).map((hold) => hold.id), [id]);
});

Deno.test("an approval of a shrunk source ends when it shrinks on", async () => {
  const holdsAt = async (now: number) =>
    await identifyHolds("a", judgeSource(censusOf(now), { root, entries: 1_000 }, treeOf(1_000)));
  const [first] = await holdsAt(400);
  assert.equal(unapproved(await holdsAt(399), [first?.id ?? ""]).length, 1);
});

Deno.test("what is created has to fit, and the largest change beside its old version", () => {
  const plan = planOf([">f+++++++++ 1000 a", ">f.st...... 500 b", ">f.st...... 300 c"]);
  const census: Census = { root, count: { ...treeOf(3), allocatedBytes: 1_000_000 } };
  assert.equal(judgeRoom(plan, census, { freeBytes: 1_500, freeInodes: 1 }), undefined);
  assert.match(judgeRoom(plan, census, { freeBytes: 1_499 }) ?? "", /needs 1500 bytes, 1499 are free/);
  assert.match(judgeRoom(plan, census, { freeBytes: 1_500, freeInodes: 0 }) ?? "", /needs 1 inodes, 0 are free/);
});

Deno.test("a sparse file needs no more room than it takes at the source", () => {
  const plan = planOf([">f+++++++++ 1000000000000 disk.img"]);
  const census: Census = { root, count: { ...treeOf(1), allocatedBytes: 4_096 } };
  assert.equal(judgeRoom(plan, census, { freeBytes: 8_192 }), undefined);
});
