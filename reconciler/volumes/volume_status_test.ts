import assert from "node:assert/strict";
import { replicationStatus } from "../../crds/schema/replication.ts";
import { type VolumeFacts, volumeFields, volumeHolds, volumesSynced, type VolumeState } from "./volume_status.ts";

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
    record,
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
