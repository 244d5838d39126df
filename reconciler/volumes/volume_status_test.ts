import assert from "node:assert/strict";
import { replicationStatus } from "../../crds/schema/replication.ts";
import {
  retryOf,
  type VolumeFacts,
  volumeFields,
  volumeHolds,
  volumesSynced,
  type VolumeState,
} from "./volume_status.ts";

const root = { filesystem: "ext4", inode: "2", birth: "1.0", fsid: "ab", folder: "/", mounted: "/dev/a" };
const record = {
  root,
  entries: 9,
  files: 8,
  bytes: 7,
  syncedUpTo: "2026-01-01T00:00:00Z",
  lastGoodSyncTime: "2026-01-01T00:00:01Z",
};

function state(claim: string, phase: VolumeState["phase"], fields: Partial<VolumeState> = {}): VolumeState {
  return { claim, phase, holds: [], ...fields };
}

function facts(states: readonly VolumeState[], fields: Partial<VolumeFacts> = {}): VolumeFacts {
  return { isNew: false, states, ...fields };
}

Deno.test("a status lists what needs attention first, and counts all", () => {
  const many = Array.from({ length: 60 }, (_, index) => state(`v-${String(index).padStart(2, "0")}`, "Synced"));
  const { volumes = [], volumeStats } = volumeFields(facts([...many, state("a", "Held"), state("z", "Failed")]));
  assert.equal(volumes.length, 50);
  assert.deepEqual(volumes.slice(0, 3).map(({ name }) => name), ["z", "a", "v-00"]);
  assert.deepEqual(volumeStats, { total: 62, synced: 60 });
});

Deno.test("a volume tells what is known of it, and the schema takes it", () => {
  const full = state("data", "Failed", {
    reason: "TargetFull",
    message: "m",
    record: { ...record, verified: { time: "2025-12-01T00:00:00Z", files: 4, differing: 2 } },
    path: "Direct",
    durationMs: 1_234.5,
    transferredBytes: 5,
    deleted: 1,
    attempts: 2,
    nextAttemptWallMs: Date.parse("2026-01-01T00:01:00.9Z"),
    failedPaths: ["p"],
  });
  const fields = volumeFields(facts([full]));
  assert.deepEqual(fields.volumes?.[0], {
    name: "data",
    phase: "Failed",
    reason: "TargetFull",
    message: "m",
    path: "Direct",
    syncedUpTo: record.syncedUpTo,
    lastGoodSyncTime: record.lastGoodSyncTime,
    duration: "1235ms",
    files: 8,
    bytes: 7,
    transferredBytes: 5,
    deleted: 1,
    lastVerifiedTime: "2025-12-01T00:00:00Z",
    verifiedFiles: 4,
    differing: 2,
    attempts: 2,
    nextAttemptTime: "2026-01-01T00:01:00Z",
    failedPaths: ["p"],
  });
  assert.equal(replicationStatus.safeParse(fields).error, undefined);
});

const conditions: readonly (readonly [string, VolumeFacts, string])[] = [
  ["nothing was looked at", facts([], { isNew: true }), "Unknown NotLooked"],
  ["there are no volumes", facts([]), "True AllSynced"],
  ["all are synced", facts([state("a", "Synced"), state("b", "Synced")]), "True AllSynced"],
  ["one is copied once more", facts([state("a", "Syncing", { record })]), "True AllSynced"],
  ["one is copied for the first time", facts([state("a", "Syncing")]), "False Syncing"],
  ["one that failed is tried again", facts([state("a", "Syncing", { record, attempts: 1 })]), "False Failed"],
  [
    "one that is held is tried again",
    facts([state("a", "Syncing", {
      record,
      holds: [{ id: "a", type: "SourceShrank", volume: "a", count: 1, reason: "r", since: "2026-01-01T00:00:00Z" }],
    })]),
    "False Held",
  ],
  ["its first pass has not begun", facts([state("a", "Pending", { reason: "Waiting" })]), "False Waiting"],
  ["a Pod is in the way", facts([state("a", "Pending", { reason: "TargetInUse" })]), "False Pending"],
  ["one is held, another waits", facts([state("a", "Pending"), state("b", "Held")]), "False Held"],
  ["one is never copied", facts([state("a", "Synced"), state("b", "Unsupported")]), "False Unsupported"],
  [
    "they cannot be listed",
    facts([state("a", "Synced")], { problem: { reason: "Forbidden", message: "m" } }),
    "False Forbidden",
  ],
];

for (const [name, given, expected] of conditions) {
  Deno.test(`VolumesSynced is ${expected} when ${name}`, () => {
    const { status, reason } = volumesSynced(given);
    assert.equal(`${status} ${reason}`, expected);
  });
}

Deno.test("holds of all volumes are told", () => {
  const hold = { id: "a", type: "SourceShrank", volume: "a", count: 1, reason: "r", since: "2026-01-01T00:00:00Z" };
  assert.deepEqual(volumeHolds(facts([state("a", "Held", { holds: [hold] }), state("b", "Synced")])), [hold]);
});

Deno.test("a volume that is copied once more counts as what its last pass left it", () => {
  const states = [
    state("good", "Syncing", { record }),
    state("failed", "Syncing", { record, attempts: 2 }),
    state("new", "Syncing"),
  ];
  const { volumes = [], volumeStats } = volumeFields(facts(states));
  assert.deepEqual(volumeStats, { total: 3, synced: 1 });
  assert.deepEqual(volumes.map(({ name }) => name), ["failed", "new", "good"]);
});

Deno.test("why a pass failed is told until the next one has ended", () => {
  const failed = state("a", "Failed", { reason: "TargetFull", message: "m", attempts: 1 });
  const { phase, reason, message, attempts } = retryOf(failed);
  assert.deepEqual([phase, reason, message, attempts], ["Syncing", "TargetFull", "m", 1]);
  const waiting = retryOf(state("a", "Pending", { reason: "TargetInUse", message: "m" }));
  assert.deepEqual([waiting.phase, waiting.reason, waiting.message], ["Syncing", undefined, undefined]);
});

Deno.test("a running pass tells how far it is, how fast, and how long it will take", () => {
  const progress = { percent: 12, bytes: 3, bytesPerSecond: 4_096, remainingSeconds: 3_723 };
  const fields = volumeFields(facts([state("a", "Syncing", { progress })]));
  assert.deepEqual(fields.volumes, [{ name: "a", phase: "Syncing", percent: 12, rate: 4_096, remaining: "1h2m3s" }]);
  assert.equal(replicationStatus.safeParse(fields).error, undefined);
  const { remainingSeconds: _, ...stuck } = progress;
  const [still] = volumeFields(facts([state("a", "Syncing", { progress: { ...stuck, bytesPerSecond: 0 } })])).volumes ??
    [];
  assert.deepEqual(still, { name: "a", phase: "Syncing", percent: 12, rate: 0 });
  assert.deepEqual(volumeFields(facts([state("a", "Failed", { progress })])).volumes, [{ name: "a", phase: "Failed" }]);
});

Deno.test("a status tells when the next pass is due, and what was asked for last", () => {
  const fields = volumeFields(facts([], { nextSync: new Date("2026-01-01T02:00:00Z"), lastManualSync: "x" }));
  assert.deepEqual(fields.volumeStats, {
    total: 0,
    synced: 0,
    nextSyncTime: "2026-01-01T02:00:00Z",
    lastManualSync: "x",
  });
  assert.equal(replicationStatus.safeParse(fields).error, undefined);
});
