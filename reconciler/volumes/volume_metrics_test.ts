import assert from "node:assert/strict";
import { Registry } from "prom-client";
import type { VolumePassEnd } from "./volume_pass.ts";
import { createVolumeMetrics, outcomeOf, VolumeSeries } from "./volume_metrics.ts";
import type { VolumeState } from "./volume_status.ts";

const root = { filesystem: "ext4", inode: "2", birth: "1.0", fsid: "ab", folder: "/", mounted: "/dev/a" };
const times = { syncedUpTo: "1970-01-01T00:01:00Z", lastGoodSyncTime: "1970-01-01T00:02:00Z" };
const record = { root, entries: 9, files: 8, bytes: 7, ...times };
const GOOD = { outcome: "good", reason: "", transferredBytes: 5, differingFiles: 2 } as const;

function scene() {
  const registry = new Registry();
  const series = new VolumeSeries(createVolumeMetrics(registry), "n/shop");
  /** What would be scraped, less what all series have in common. */
  const scrape = async () => {
    const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return lines.map((line) => line.replace("dr_syncer_pvc_sync_", "").replace('replication="n/shop",', "")).sort();
  };
  const show = (...states: VolumeState[]) => series.show({ isNew: false, states });
  return { series, scrape, show };
}

function state(phase: VolumeState["phase"], fields: Partial<VolumeState> = {}): VolumeState {
  return { claim: "a", phase, holds: [], ...fields };
}

Deno.test("a volume's series say how old its data is, what it waits for and how far it is", async () => {
  const { scrape, show } = scene();
  const verified = { time: "1970-01-01T00:03:00Z", files: 1, differing: 0 };
  show(
    state("Syncing", {
      record: { ...record, verified },
      durationMs: 1_500,
      progress: { percent: 40, bytes: 4, bytesPerSecond: 2 },
    }),
  );
  assert.deepEqual(await scrape(), [
    'differing_files_total{volume="a"} 0',
    'duration_seconds{volume="a"} 1.5',
    'held{volume="a"} 0',
    'last_good_seconds{volume="a"} 120',
    'percent{volume="a"} 40',
    'running{volume="a"} 1',
    'synced_up_to_seconds{volume="a"} 60',
    'transferred_bytes_total{volume="a"} 0',
    'verified_seconds{volume="a"} 180',
  ]);
  const hold = { id: "1", type: "MassDelete", count: 1, reason: "r", since: times.syncedUpTo };
  show(state("Held", { record, holds: [hold] }));
  const held = await scrape();
  assert.ok(held.includes('held{volume="a"} 1') && held.includes('running{volume="a"} 0'), held.join("\n"));
  assert.ok(!held.some((line) => line.startsWith("percent")), held.join("\n"));
});

Deno.test("a volume without a good pass is as old as can be; one that is never copied has no age", async () => {
  const { scrape, show } = scene();
  show(state("Failed"), state("Unsupported", { claim: "b" }));
  const ages = (await scrape()).filter((line) => line.startsWith("last_good"));
  assert.deepEqual(ages, ['last_good_seconds{volume="a"} 0']);
});

Deno.test("passes are counted by how they ended", async () => {
  const { series, scrape, show } = scene();
  show(state("Synced", { record }));
  series.passed("a", GOOD);
  series.passed("a", GOOD);
  series.passed("a", { outcome: "failed", reason: "TargetFull", transferredBytes: 1, differingFiles: 0 });
  const counted = (await scrape()).filter((line) => /^(passes|transferred|differing)/.test(line));
  assert.deepEqual(counted, [
    'differing_files_total{volume="a"} 4',
    'passes_total{volume="a",outcome="failed",reason="TargetFull"} 1',
    'passes_total{volume="a",outcome="good",reason=""} 2',
    'transferred_bytes_total{volume="a"} 11',
  ]);
});

Deno.test("reasons without end are counted as one", async () => {
  const { series, scrape } = scene();
  for (let n = 0; n < 1_000; n++) {
    series.passed("a", { outcome: "failed", reason: `Reason${n}`, transferredBytes: 0, differingFiles: 0 });
  }
  const counted = (await scrape()).filter((line) => line.startsWith("passes"));
  assert.equal(counted.length, 41);
  assert.ok(counted.includes('passes_total{volume="a",outcome="failed",reason="Other"} 960'));
});

Deno.test("series go with their volume, with the copying of data, and with their Replication", async () => {
  const { series, scrape, show } = scene();
  show(state("Synced", { record }), state("Synced", { claim: "b", record, durationMs: 1 }));
  series.passed("a", GOOD);
  series.passed("b", GOOD);
  show(state("Synced", { record }));
  assert.deepEqual((await scrape()).filter((line) => line.includes('"b"')), []);
  assert.ok((await scrape()).length > 0);
  series.show(undefined);
  assert.deepEqual(await scrape(), []);
  show(state("Synced", { record }));
  series.passed("a", GOOD);
  series.end();
  assert.deepEqual(await scrape(), []);
  // What is over late brings nothing back.
  series.passed("a", GOOD);
  show(state("Synced", { record }));
  assert.deepEqual(await scrape(), []);
});

Deno.test("while nothing runs, the age of the data stays, and nothing else is claimed", async () => {
  const { series, scrape, show } = scene();
  show(state("Syncing", { record, progress: { percent: 3, bytes: 4, bytesPerSecond: 2 } }));
  series.rest();
  const lines = await scrape();
  assert.ok(lines.includes('running{volume="a"} 0') && lines.includes('last_good_seconds{volume="a"} 120'));
  assert.ok(!lines.some((line) => line.startsWith("percent")), lines.join("\n"));
});

Deno.test("before the first look nothing is forgotten", async () => {
  const { series, scrape, show } = scene();
  show(state("Synced", { record }));
  series.show({ isNew: true, states: [] });
  assert.ok((await scrape()).length > 0);
});

Deno.test("an outcome is told from what became of the volume, and counts as mended only what is", () => {
  const report = {
    passId: "1",
    outcome: { kind: "good", rescan: false },
    startedAt: times.syncedUpTo,
    durationMs: 1,
    wasDirty: false,
    isDirty: false,
    stats: { entries: 1, created: 0, deleted: 0, transferredFiles: 1, transferredBytes: 7, wireBytes: 9 },
    compared: { files: 9, differing: 2, sample: ["b", "c"] },
  } as const;
  const end: VolumePassEnd = { kind: "report", report };
  const ends = [state("Synced"), state("Failed", { reason: "TargetFull" }), state("Held", { reason: "MassDelete" })];
  assert.deepEqual(ends.map((after) => outcomeOf(after, end)), [
    { outcome: "good", reason: "", transferredBytes: 7, differingFiles: 2 },
    { outcome: "failed", reason: "TargetFull", transferredBytes: 7, differingFiles: 0 },
    { outcome: "held", reason: "MassDelete", transferredBytes: 7, differingFiles: 0 },
  ]);
  assert.deepEqual(outcomeOf(state("Pending", { reason: "Stopped" }), { kind: "stopped" }), {
    outcome: "stopped",
    reason: "Stopped",
    transferredBytes: 0,
    differingFiles: 0,
  });
});
