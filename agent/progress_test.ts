import assert from "node:assert/strict";
import { OutputParts, parseProgress } from "./progress.ts";

Deno.test("progress is told against what the plan said, with rate and time that remains", () => {
  const text = "    262,144,000  12%  100.00MB/s    0:00:18 (xfr#5, to-chk=10/100)";
  assert.deepEqual(parseProgress(text, 524_288_000), {
    percent: 50,
    bytes: 262_144_000,
    bytesPerSecond: 104_857_600,
    remainingSeconds: 3,
  });
});

const others: [string, string][] = [
  ["a figure at the end", "Number of files: 1,234 (reg: 1,000)"],
  ["nothing", ""],
  ["a name that looks like it", "*deleting 12 100% of it"],
];
for (const [name, text] of others) {
  Deno.test(`no progress: ${name}`, () => assert.equal(parseProgress(text, 1), undefined));
}

Deno.test("a standstill has no remaining time; more than planned is no more than all", () => {
  assert.equal(parseProgress("  0   0%    0.00kB/s    0:00:00", 10)?.remainingSeconds, undefined);
  assert.equal(parseProgress("  20 100%    1.50kB/s    0:00:00", 10)?.percent, 100);
  assert.equal(parseProgress("  20 100%    1.50kB/s    0:00:00", 10)?.bytesPerSecond, 1_536);
});

Deno.test("reports that overwrite each other are told apart, across chunks", () => {
  const parts = new OutputParts();
  const push = (text: string) => parts.push(new TextEncoder().encode(text));
  assert.deepEqual(push("\r  1,0"), [""]);
  assert.deepEqual(push("00  1%\r  2,000"), ["  1,000  1%"]);
  assert.deepEqual(push("\nNumber"), ["  2,000"]);
});
