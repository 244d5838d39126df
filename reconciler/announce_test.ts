import assert from "node:assert/strict";
import type { Condition, ReplicationStatus } from "../crds/types.ts";
import { announceChanges } from "./announce.ts";

function condition(type: string, status: Condition["status"], reason = "Why"): Condition {
  return { type, status, reason, message: "text", lastTransitionTime: "2026-01-01T00:00:00Z" };
}

function told(before: ReplicationStatus | undefined, after: ReplicationStatus): string[] {
  const lines: string[] = [];
  announceChanges(before, after, (type, reason, note) => lines.push(`${type} ${reason}: ${note}`));
  return lines;
}

Deno.test("a change of phase and role is told once", () => {
  const after: ReplicationStatus = { phase: "Running", role: "Standby", epoch: 2 };
  assert.deepEqual(told({ phase: "Pending" }, after), [
    "Normal PhaseRunning: phase is now Running",
    "Normal RoleStandby: the DR namespace is now Standby, epoch 2",
  ]);
  assert.deepEqual(told(after, after), []);
  assert.deepEqual(told(after, { ...after, phase: "Failed" }), ["Warning PhaseFailed: phase is now Failed"]);
});

Deno.test("a condition that turns bad is a warning, one that turns good is not; which is which depends on it", () => {
  const pairs = [["Ready", "True"], ["Synced", "True"], ["Degraded", "False"], ["Fenced", "False"]] as const;
  for (const [type, good] of pairs) {
    const bad = good === "True" ? "False" : "True";
    const [fine, wrong] = [{ conditions: [condition(type, good)] }, { conditions: [condition(type, bad, "Bad")] }];
    assert.deepEqual(told(fine, wrong), [`Warning Bad: ${type} is ${bad}: text`]);
    assert.deepEqual(told(wrong, fine), [`Normal Why: ${type} is ${good}: text`]);
    assert.deepEqual(told(undefined, wrong).length, 1, `${type} at first sight`);
    assert.deepEqual(told(undefined, fine), []);
  }
});

Deno.test("another reason is news, another message is not", () => {
  const before = { conditions: [condition("Ready", "False", "A")] };
  assert.deepEqual(told(before, { conditions: [condition("Ready", "False", "B")] }), [
    "Warning B: Ready is False: text",
  ]);
  assert.deepEqual(told(before, { conditions: [{ ...condition("Ready", "False", "A"), message: "other" }] }), []);
});

Deno.test("a hold is told once, with its names", () => {
  const hold = {
    id: "0123456789",
    type: "Budget",
    count: 3,
    reason: "too many",
    sample: ["configmaps/a", "secrets/b"],
  };
  const held = { holds: [hold] } as ReplicationStatus;
  assert.deepEqual(told(undefined, held), [
    "Warning DeletionHeld: hold 0123456789 on 3 deletes: too many: configmaps/a, secrets/b, …",
  ]);
  assert.deepEqual(told(held, held), []);
});

Deno.test("a hold of a volume is no delete", () => {
  const since = "2026-01-01T00:00:00Z";
  const hold = { id: "0123456789", type: "MassDelete", volume: "data", count: 3, reason: "volume data: many", since };
  assert.deepEqual(told(undefined, { holds: [hold] }), ["Warning VolumeHeld: hold 0123456789: volume data: many"]);
});

Deno.test("a first copy on its way is no warning", () => {
  for (const reason of ["NotLooked", "Waiting", "Syncing"]) {
    assert.deepEqual(told(undefined, { conditions: [condition("VolumesSynced", "False", reason)] }), [], reason);
  }
  const failed = { conditions: [condition("VolumesSynced", "False", "Failed")] };
  assert.deepEqual(told(undefined, failed), ["Warning Failed: VolumesSynced is False: text"]);
});
