import assert from "node:assert/strict";
import type { Outcome, PassReport } from "../../agent/report.ts";
import { judgePass } from "./pass_verdict.ts";
import type { VolumePassEnd } from "./volume_pass.ts";
import type { VolumeState } from "./volume_status.ts";

const NOW = Date.parse("2026-01-02T03:04:05.678Z");
const root = { filesystem: "ext4", inode: "2", birth: "1.0", fsid: "ab", folder: "/", mounted: "/dev/a" };
const count = { entries: 5, files: 3, directories: 2, devices: 0, bytes: 100, allocatedBytes: 200 };
const record = {
  root,
  entries: 9,
  files: 8,
  bytes: 7,
  syncedUpTo: "2026-01-01T00:00:00Z",
  lastGoodSyncTime: "2026-01-01T00:00:01Z",
};
const before: VolumeState = { claim: "data", phase: "Syncing", record, path: "Direct", holds: [] };

function report(outcome: Outcome, path?: "Direct" | "Tunnel"): VolumePassEnd {
  const passReport: PassReport = {
    passId: "1",
    outcome,
    startedAt: "2026-01-02T03:04:00.999Z",
    durationMs: 4_000,
    wasDirty: false,
    isDirty: false,
    source: { root, count },
    stats: {
      entries: 5,
      created: 1,
      deleted: 2,
      transferredFiles: 1,
      transferredBytes: 50,
      wireBytes: 60,
    },
  };
  return { kind: "report", report: passReport, path };
}

function failure(failureClass: Extract<Outcome, { kind: "failed" }>["class"]): VolumePassEnd {
  const failedPaths = ["rsync: open failed"];
  return report({ kind: "failed", class: failureClass, reason: "PathsFailed", message: "m", failedPaths });
}

Deno.test("a good pass is remembered as of its beginning", () => {
  const { state, record, retryInMs } = judgePass(before, report({ kind: "good", rescan: false }, "Tunnel"), NOW);
  assert.deepEqual(record, {
    root,
    entries: 5,
    files: 3,
    bytes: 100,
    syncedUpTo: "2026-01-02T03:04:00Z",
    lastGoodSyncTime: "2026-01-02T03:04:05Z",
  });
  const { phase, path, durationMs, transferredBytes, deleted } = state;
  assert.deepEqual({ phase, path, durationMs, transferredBytes, deleted }, {
    phase: "Synced",
    path: "Tunnel",
    durationMs: 4_000,
    transferredBytes: 50,
    deleted: 2,
  });
  assert.equal(retryInMs, undefined);
});

Deno.test("a held pass waits for a person, and the record stays as it was", () => {
  const hold = { id: "abc", type: "SourceShrank", count: 4, reason: "fewer", sample: [] } as const;
  const { state, record: next, retryInMs } = judgePass(before, report({ kind: "held", holds: [hold] }), NOW);
  assert.equal(state.phase, "Held");
  assert.equal(state.reason, "SourceShrank");
  assert.equal(state.record, record);
  assert.match(state.message ?? "", /fewer; release with annotation dr-syncer\.io\/approve: abc/);
  assert.deepEqual(state.holds.map(({ id, volume, since }) => [id, volume, since]), [[
    "abc",
    "data",
    "2026-01-02T03:04:05Z",
  ]]);
  assert.deepEqual([next, retryInMs], [undefined, undefined]);
});

Deno.test("a hold that is found again is as old as it was", () => {
  const hold = { id: "abc", type: "SourceShrank", count: 4, reason: "fewer", sample: [] } as const;
  const first = judgePass(before, report({ kind: "held", holds: [hold] }), NOW).state;
  const again = judgePass({ ...first, phase: "Syncing" }, report({ kind: "held", holds: [hold] }), NOW + 60_000).state;
  assert.equal(again.holds[0]?.since, "2026-01-02T03:04:05Z");
});

for (const failureClass of ["partial", "disk", "transient"] as const) {
  Deno.test(`a pass that fails with class ${failureClass} is tried again, later each time`, () => {
    let state = before;
    const waits: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const verdict = judgePass(state, failure(failureClass), NOW);
      waits.push(verdict.retryInMs);
      state = verdict.state;
    }
    assert.deepEqual(waits.slice(0, 4), [10_000, 20_000, 40_000, 80_000]);
    assert.equal(waits.at(-1), 1_800_000);
    assert.deepEqual([state.phase, state.attempts, state.record], ["Failed", 12, record]);
    assert.deepEqual(state.failedPaths, ["rsync: open failed"]);
    assert.equal(state.path, "Direct");
  });
}

for (const failureClass of ["configuration", "security"] as const) {
  Deno.test(`a pass that fails with class ${failureClass} waits for the next full sync`, () => {
    const { state, retryInMs } = judgePass(before, failure(failureClass), NOW);
    assert.deepEqual([state.phase, state.reason, retryInMs], ["Failed", "PathsFailed", undefined]);
  });
}

Deno.test("a pass that did not come about is a failure, one that was told to stop is none", () => {
  const none = judgePass(before, { kind: "none", reason: "Forbidden", message: "no" }, NOW);
  assert.deepEqual([none.state.phase, none.state.reason, none.retryInMs], ["Failed", "Forbidden", 10_000]);
  const stopped = judgePass({ ...before, attempts: 3 }, { kind: "stopped" }, NOW);
  assert.deepEqual([stopped.state.phase, stopped.state.attempts, stopped.retryInMs], ["Pending", 3, undefined]);
});

Deno.test("a good pass ends the count of failures", () => {
  const failed = judgePass(before, failure("transient"), NOW).state;
  assert.equal(judgePass(failed, report({ kind: "good", rescan: false }), NOW).state.attempts, undefined);
});
