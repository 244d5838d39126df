import assert from "node:assert/strict";
import { type Plan, planOfFirstCopy, PlanReader } from "./plan.ts";

function read(lines: readonly string[]): Plan {
  const reader = new PlanReader();
  for (const line of lines) reader.add(line);
  return reader.finish();
}

const lines = [
  ".d..t...... 4096 ./",
  ">f+++++++++ 1000 new",
  ">f+++++++++ 24 with spaces and \\#012 newline",
  "cd+++++++++ 4096 folder/",
  "cL+++++++++ 5 link",
  "hf+++++++++ 1000 other name",
  ">f.st...... 500 changed",
  ">f..t...... 700 touched",
  ".f...pog... 9000 owner",
  "*deleting   0 gone",
  "*deleting   4096 gone too/",
  "Number of files: 12 (reg: 7, dir: 3, link: 2)",
  "Total transferred file size: 2224 bytes",
];

Deno.test("a plan tells what is created, changed and deleted", () => {
  const plan = read(lines);
  assert.equal(plan.changes, 11);
  assert.equal(plan.created, 5);
  assert.equal(plan.createdBytes, 1_024);
  assert.equal(plan.largestUpdateBytes, 700);
  assert.equal(plan.deletes, 2);
  assert.deepEqual(plan.deleteSample, ["gone", "gone too/"]);
  assert.equal(plan.stats.entries, 12);
  assert.equal(plan.stats.transferredBytes, 2_224);
});

Deno.test("a plan without changes has none", () => {
  assert.equal(read(["Number of files: 12 (reg: 12)", "Total transferred file size: 0 bytes"]).changes, 0);
});

Deno.test("the digest of deletes tells sets apart, not what else happens", () => {
  const some = read(["*deleting   0 a", "*deleting   0 b"]);
  assert.equal(read([...lines.slice(0, 9), "*deleting   0 a", "*deleting   0 b"]).deleteDigest, some.deleteDigest);
  assert.notEqual(read(["*deleting   0 a", "*deleting   0 c"]).deleteDigest, some.deleteDigest);
  assert.notEqual(read(["*deleting   0 ab"]).deleteDigest, some.deleteDigest);
});

Deno.test("of many deletes all are counted and some are kept", () => {
  const plan = read(Array.from({ length: 1_000 }, (_, index) => `*deleting   0 file-${index}`));
  assert.equal(plan.deletes, 1_000);
  assert.equal(plan.deleteSample.length, 20);
});

Deno.test("a first copy needs no dry run: the census has it all", () => {
  const plan = planOfFirstCopy({
    entries: 3,
    files: 2,
    directories: 1,
    devices: 0,
    sparseFiles: 0,
    bytes: 10,
    allocatedBytes: 8_192,
  });
  assert.deepEqual([plan.created, plan.createdBytes, plan.deletes, plan.changes > 0], [3, 10, 0, true]);
});

Deno.test("files that differ in nothing but what they hold are told", () => {
  const plan = read([
    ">fc........ 10 rotten",
    ">fc...p.... 10 rotten \\#012 too",
    ">fc.t...... 10 edited",
    ">fcst...... 10 grown",
    ".f..t...... 10 touched",
    "cLc........ 10 link",
    ">f+++++++++ 10 new",
  ]);
  assert.deepEqual([plan.differing, plan.differingSample], [2, ["rotten", "rotten \\#012 too"]]);
  assert.deepEqual([plan.changes, plan.created], [7, 1]);
  const many = read(Array.from({ length: 50 }, (_, index) => `>fc........ 1 file-${index}`));
  assert.deepEqual([many.differing, many.differingSample.length], [50, 20]);
});
