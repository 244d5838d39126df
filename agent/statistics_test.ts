import assert from "node:assert/strict";
import { addStatistic, completeStatistics, type TransferStats } from "./statistics.ts";

Deno.test("the figures of a transfer are read, with and without commas", () => {
  const lines = `
Number of files: 100,005 (reg: 100,000, dir: 5)
Number of created files: 3 (reg: 3)
Number of deleted files: 12
Number of regular files transferred: 7
Total file size: 1000 bytes
Total transferred file size: 123,456 bytes
Literal data: 10 bytes
Total bytes sent: 100
Total bytes received: 2,000`.split("\n");
  const stats = lines.reduce<Partial<TransferStats>>(addStatistic, {});
  assert.deepEqual(completeStatistics(stats), {
    entries: 100_005,
    created: 3,
    deleted: 12,
    transferredFiles: 7,
    transferredBytes: 123_456,
    wireBytes: 2_100,
  });
});
