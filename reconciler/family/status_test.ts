import assert from "node:assert/strict";
import type { ObjectReport, Phase, Replication, ReplicationStatus } from "../../crds/types.ts";
import { computeFamilyStatus, type FamilyFacts } from "./status.ts";
import { childOf, familyOf } from "./testing.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const FAMILY = familyOf({ destinationNamespace: "dr-{namespace}" });

interface ChildState {
  readonly phase?: Phase;
  readonly syncedUpTo?: string;
  readonly syncStats?: ReplicationStatus["syncStats"];
  /** `Ready=True Mirroring`. */
  readonly conditions?: readonly string[];
}

const WELL = ["Valid=True Valid", "Ready=True Mirroring", "Synced=True AllSynced", "Degraded=False Healthy"];

function child(name: string, { conditions = WELL, ...state }: ChildState = {}): Replication {
  const status: ReplicationStatus = {
    phase: "Running",
    ...state,
    conditions: conditions.map((text) => {
      const [, type = "", status = "", reason = ""] = /^(\w+)=(\w+) (\w+)$/.exec(text) ?? [];
      const lastTransitionTime = NOW.toISOString();
      return { type, status: status as "True", reason, message: `because of ${reason}`, lastTransitionTime };
    }),
  };
  return { ...childOf(FAMILY, name), status };
}

function statusOf(
  children: readonly Replication[],
  change: Partial<FamilyFacts> = {},
  gone: readonly Replication[] = [],
  reports: readonly ObjectReport[] = [],
): ReplicationStatus {
  return computeFamilyStatus({
    family: FAMILY,
    now: NOW,
    denied: false,
    members: { children, gone, skipped: reports.length, leftOut: reports.length, reports },
    errors: new Map(),
    holds: [],
    window: { startWallMs: NOW.getTime(), count: 0 },
    ...change,
  });
}

function condition(status: ReplicationStatus, type: string): string {
  const found = status.conditions?.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

Deno.test("counts are sums, and DR is as old as its oldest part", () => {
  const stats = (successfulSyncs: number, failedSyncs: number) => ({ successfulSyncs, failedSyncs });
  const older = child("a", { syncedUpTo: "2026-01-01T11:00:00Z", syncStats: stats(3, 1) });
  const newer = child("b", { syncedUpTo: "2026-01-01T11:30:00Z", syncStats: stats(4, 0) });
  const lost = child("c", { syncedUpTo: "2026-01-01T01:00:00Z", syncStats: stats(5, 0) });
  const status = statusOf([older, newer, lost], {}, [lost]);
  assert.deepEqual([status.syncStats?.successfulSyncs, status.syncStats?.failedSyncs], [12, 1]);
  assert.equal(status.syncedUpTo, "2026-01-01T11:00:00Z", "a namespace that is gone commits nothing any more");
  assert.deepEqual(status.children, { total: 3, ready: 3, synced: 3, gone: 1, skipped: 0 });
  assert.equal(status.destinationNamespace, "dr-{namespace}");
  assert.equal(statusOf([older, child("new")]).syncedUpTo, undefined, "a part that was never whole");
  assert.equal(statusOf([]).syncedUpTo, undefined);
});

Deno.test("the phase is that of the worst child", () => {
  const cases: [(Phase | undefined)[], Phase][] = [
    [["Running", "Running"], "Running"],
    [["Running", "Failed", "Pending"], "Failed"],
    [["Completed", undefined], "Pending"],
    [["Completed", "Running"], "Running"],
    [["Completed"], "Completed"],
    [[], "Running"],
  ];
  for (const [phases, expected] of cases) {
    const children = phases.map((phase, index) => child(`n${index}`, { phase }));
    assert.equal(statusOf(children).phase, expected, phases.join());
  }
  assert.equal(statusOf([], { denied: true }).phase, "Failed");
  assert.equal(statusOf([child("a")], { waiting: { reason: "Starting", message: "" } }).phase, "Pending");
  assert.equal(statusOf([], { family: familyOf({ replicationMode: "Manual" }) }).phase, "Completed");
});

Deno.test("conditions tell which children are not well", () => {
  const well = statusOf([child("a")]);
  const types = ["Ready", "Synced", "Degraded", "DeletionBlocked"];
  assert.deepEqual(types.map((type) => condition(well, type)), [
    "True Mirroring",
    "True AllSynced",
    "False Healthy",
    "False None",
  ]);
  assert.equal(condition(statusOf([]), "Ready"), "True NothingSelected");
  const ill = child("b", { conditions: ["Ready=False Fenced", "Synced=False Failures", "Degraded=True NoHints"] });
  const status = statusOf([child("a"), ill]);
  assert.deepEqual(types.map((type) => condition(status, type)), [
    "False ChildrenNotReady",
    "False ChildrenNotSynced",
    "True ChildrenDegraded",
    "False None",
  ]);
  assert.match(status.conditions?.[1]?.message ?? "", /1 of 2 Replications do not mirror: apps\.b \(Fenced\)/);
  const starting = statusOf([child("a"), child("b", { conditions: [] })]);
  assert.equal(condition(starting, "Ready"), "False Starting", "a new child is no alarm");
  assert.equal(condition(starting, "Synced"), "False FirstSync");
  const lost = child("c", { conditions: ["Ready=False SourceNamespaceMissing"] });
  const gone = statusOf([child("a"), lost], {}, [lost]);
  assert.deepEqual([condition(gone, "Ready"), condition(gone, "Degraded")], [
    "True Mirroring",
    "True SourceNamespaceGone",
  ]);
});

Deno.test("a paused or invalid family says so, whatever its children say", () => {
  const paused = statusOf([child("a", { conditions: ["Ready=False Paused"] })], { family: familyOf({ paused: true }) });
  assert.equal(condition(paused, "Ready"), "False Paused");
  assert.deepEqual(paused.reports, []);
  const invalid = statusOf([child("a")], { denied: true, invalid: { reason: "SelectorInvalid", message: "x" } });
  assert.deepEqual(["Valid", "Ready", "Synced"].map((type) => condition(invalid, type)), [
    "False SelectorInvalid",
    "False SelectorInvalid",
    "Unknown NotRunning",
  ]);
});

Deno.test("reports name namespaces first, then children by what is worst about them; at most 20", () => {
  const report = { kind: "Namespace", name: "kube-x", reason: "ProtectedNamespace", message: "" };
  const ill = child("b", { conditions: ["Synced=False Failures", "Valid=False TargetTaken"] });
  const [first, second, ...rest] = statusOf([child("a"), ill], {}, [], [report]).reports ?? [];
  assert.deepEqual([first, rest], [report, []]);
  assert.deepEqual(second, {
    kind: "Replication",
    name: "apps.b",
    reason: "TargetTaken",
    message: "Valid is False: because of TargetTaken",
  });
  const many = Array.from({ length: 30 }, (_, index) => child(`n${index}`, { conditions: ["Ready=False Fenced"] }));
  const status = statusOf(many);
  assert.equal(status.reports?.length, 20);
  assert.equal(statusOf([], {}, [], Array.from({ length: 30 }, () => report)).reports?.length, 20);
  assert.ok((status.conditions?.[1]?.message.length ?? 0) < 300, "a bounded list of names");
});

Deno.test("a hold says what it holds and how it is released", () => {
  const hold = {
    id: "abc",
    type: "Budget",
    count: 7,
    reason: "too many",
    since: NOW.toISOString(),
    sample: ["apps.a", "apps.b"],
  };
  const status = statusOf([child("a")], { holds: [hold] });
  assert.equal(condition(status, "DeletionBlocked"), "True Budget");
  const { message } = status.conditions!.at(-1)!;
  assert.match(message, /7 Replications.*too many \(apps\.a, apps\.b and 5 more\).*dr-syncer\.io\/approve: abc/);
});
