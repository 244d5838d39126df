import assert from "node:assert/strict";
import { tellNews } from "./volume_news.ts";
import type { VolumeReason } from "./volume_reasons.ts";
import type { VolumeState } from "./volume_status.ts";

const root = { filesystem: "ext4", inode: "2", birth: "1.0", fsid: "ab", folder: "/", mounted: "/dev/a" };
const times = { syncedUpTo: "2026-01-01T00:00:00Z", lastGoodSyncTime: "2026-01-01T00:00:01Z" };
const record = { root, entries: 9, files: 8, bytes: 7, ...times };
const hold = { id: "1", type: "MassDelete", count: 1, reason: "r", since: times.syncedUpTo };

function state(phase: VolumeState["phase"], fields: Partial<VolumeState> = {}): VolumeState {
  return { claim: "a", phase, holds: [], ...fields };
}

const failed = (attempts: number, reason: VolumeReason = "TargetFull") =>
  state("Failed", { attempts, reason, message: "m", record });

const differing = (count: number, differingPaths: string[] = ["b"]) => (
  { record: { ...record, verified: { time: "2026-01-01T00:00:00Z", files: 9, differing: count } }, differingPaths }
);

const cases: readonly (readonly [string, VolumeState, VolumeState, string[]])[] = [
  ["a first copy is told", state("Pending"), state("Synced", { record }), [
    "Normal VolumeSynced: volume a is in DR for the first time: 8 files, 7 bytes",
  ]],
  ["a further good pass is not", state("Synced", { record }), state("Synced", { record }), []],
  ["nor is the first one of a new process", state("Pending", { record }), state("Synced", { record }), []],
  ["a first failure is told", state("Synced", { record }), failed(1), [
    "Warning VolumeFailed: volume a: TargetFull: m",
  ]],
  ["a failure of what was only waited for is", state("Pending", { reason: "TargetFull" }), failed(1), [
    "Warning VolumeFailed: volume a: TargetFull: m",
  ]],
  ["the same failure again is not", failed(1), failed(2), []],
  ["another failure is", failed(1), failed(2, "KeyRefused"), ["Warning VolumeFailed: volume a: KeyRefused: m"]],
  ["a recovery is told", failed(3), state("Synced", { record }), [
    "Normal VolumeRecovered: volume a is in DR again, after 3 failed passes",
  ]],
  [
    "files that differed are told",
    state("Synced", { record }),
    state("Synced", differing(7, ["b", "c", "d", "e", "f", "g"])),
    [
      "Warning VolumeDiffered: volume a: 7 files in DR held something else than the source's, at the same length and time; " +
      "they are mended: b, c, d, e, f, …",
    ],
  ],
  [
    "those of an earlier comparison are not told again",
    state("Synced", differing(1)),
    state("Synced", differing(1)),
    [],
  ],
  ["a comparison that found nothing is no news", state("Synced", { record }), state("Synced", differing(0)), []],
  ["a hold is told elsewhere", state("Synced", { record }), state("Held", { record, holds: [hold] }), []],
  ["its release is told", state("Held", { record, holds: [hold] }), state("Synced", { record }), [
    "Normal VolumeReleased: volume a is in DR as approved: 8 files, 7 bytes",
  ]],
];

for (const [name, before, after, expected] of cases) {
  Deno.test(`events of volumes: ${name}`, () => {
    const lines: string[] = [];
    tellNews(before, after, (type, reason, note) => lines.push(`${type} ${reason}: ${note}`));
    assert.deepEqual(lines, expected);
  });
}
