import assert from "node:assert/strict";
import { formatFigures, summarize } from "./report.ts";

const lagAt = (writesPerSecond: number) => ({
  writesPerSecond,
  writes: 400,
  lost: 0,
  p50Ms: 5.004 + writesPerSecond,
  p99Ms: 15,
  maxMs: 20,
  limits: 100,
  limitP50Ms: 4,
  limitP99Ms: 10,
  limitMaxMs: 12,
  latenessP99Ms: 1,
  cores: { controller: 0.25 },
});
const firstOf = (objects: number) => ({
  objects,
  objectsPerSecond: objects / 10,
  limitObjectsPerSecond: 2_000,
  firstCopyMs: 100,
  lastCopyMs: 900,
  cores: {},
});

Deno.test("the summary holds 50 writes/s and the largest first sync", () => {
  const summary = summarize({
    lag: [10, 50, 200].map(lagAt),
    first: [1_000, 10_000].map(firstOf),
    resync: { objects: 10_000, ms: 900, limitMs: 450, kinds: 40, writes: 0, changedCopies: 0, cores: {} },
    memory: { objects: 10_000, rssMiB: 200.126, anonymousMiB: 100, peakMiB: 230 },
    hook: { writes: 100, p50Ms: 3, withoutP50Ms: 2, p99Ms: 9, withoutP99Ms: 8, hints: 100 },
  });
  assert.deepEqual(summary, {
    lag: { p50Ms: 55, p99Ms: 15, limitP50Ms: 4, limitP99Ms: 10 },
    first: { objectsPerSecond: 1_000, limitObjectsPerSecond: 2_000 },
    resync: { ms: 900, limitMs: 450 },
    rssMiB: 200.13,
    hook: { p50Ms: 3, withoutP50Ms: 2 },
  });
});

Deno.test("what was not measured is in neither summary nor table", () => {
  assert.deepEqual(summarize({}), {});
  assert.equal(formatFigures({}).trimEnd().split("\n").length, 1);
});

Deno.test("the table shows figure, limit, ratio and target", () => {
  const table = formatFigures({ first: [firstOf(10_000)] });
  assert.match(table, /first sync of 10000 +1000\/s +2000\/s +0\.50× +≥ 0\.80×/);
});

Deno.test("a machine that could not keep the rate is told, one that could is not", () => {
  assert.doesNotMatch(formatFigures({ lag: [lagAt(50)] }), /too busy/);
  assert.match(formatFigures({ lag: [lagAt(10), { ...lagAt(50), latenessP99Ms: 400 }] }), /too busy at 50 writes/);
});
