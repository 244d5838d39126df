import assert from "node:assert/strict";
import type { Timings } from "./measure.ts";
import { formatTimings, summarize } from "./report.ts";

const timings: Timings = {
  largeFile: { oursSeconds: 2, plainSeconds: 16, sshSeconds: 1.8 },
  smallLan: { oursSeconds: 4, plainSeconds: 4 },
  unchangedLan: { oursSeconds: 1, plainSeconds: 1 },
  firstWan: { oursSeconds: 4, plainSeconds: 12 },
  unchangedWan: { oursSeconds: 1.5, plainSeconds: 6 },
  dirtyWan: { oursSeconds: 3, plainSeconds: 6 },
};

Deno.test("the summary says how many times faster each case is", () => {
  assert.deepEqual(summarize(timings), {
    largeFile: { vsPlain: 8, vsSsh: 0.9 },
    unchangedWan: { vsPlain: 4 },
    firstWan: { vsPlain: 3 },
    smallLan: { vsPlain: 1 },
    dirtyWan: { vsPlain: 2 },
  });
});

Deno.test("the table names each case with its target", () => {
  const [head, first, second] = formatTimings(timings).split("\n");
  assert.match(head ?? "", /^CASE +OURS +PLAIN +TIMES +TARGET$/);
  assert.match(first ?? "", /^one large file, near +2\.00 s +16\.00 s +8 +4$/);
  assert.match(second ?? "", /raw ssh.* 0\.9 +0\.8$/);
});
