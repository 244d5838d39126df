import assert from "node:assert/strict";
import fc from "fast-check";
import type { Hold, Replication, ReplicationStatus } from "../crds/types.ts";
import type { Failure } from "./failure.ts";
import { type Entry, Memory } from "./memory.ts";
import { computeStatus, type RunningFacts, type StatusFacts } from "./status.ts";

const NOW = new Date("2026-01-01T00:10:00.700Z");

function replication(status?: ReplicationStatus, mode = "Continuous"): Replication {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: "app", namespace: "dr-syncer-system", generation: 4 },
    spec: { destinationCluster: "dr", sourceNamespace: "app", replicationMode: mode } as Replication["spec"],
    status,
  };
}

function memoryOf(states: Record<string, Partial<Entry>>): Memory {
  const memory = new Memory();
  for (const [key, fields] of Object.entries(states)) Object.assign(memory.ensure(key), { state: "Synced", ...fields });
  return memory;
}

function runningOf(fields: Partial<RunningFacts> = {}, memory = memoryOf({ "configmaps/a": {} })): RunningFacts {
  return {
    entries: { [Symbol.iterator]: () => memory.entries() },
    pending: 0,
    deleted: 0,
    holds: [],
    window: { startWallMs: Date.parse("2026-01-01T00:00:00.9Z"), count: 0 },
    kindErrors: new Map(),
    disconnected: [],
    kindNames: new Map([["configmaps", { group: "", kind: "ConfigMap" }], ["deployments.apps", {
      group: "apps",
      kind: "Deployment",
    }]]),
    barePods: [],
    unusedRules: [],
    lastPass: { startedWallMs: NOW.getTime() - 5_000, endedWallMs: NOW.getTime() - 4_000 },
    syncedUpToWallMs: NOW.getTime(),
    namespace: "Present",
    hints: true,
    standby: { wanted: true, intruders: [], refused: [], quota: 0, inForce: true },
    dependencies: { missing: [] },
    findings: [],
    lostKinds: [],
    ...fields,
  };
}

function factsOf(fields: Partial<StatusFacts> = {}): StatusFacts {
  return { replication: replication(), now: NOW, syncing: false, ...fields };
}

function conditions(facts: Partial<StatusFacts>): Record<string, string> {
  const { conditions = [] } = computeStatus(factsOf(facts));
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

const failing = (failureClass: Failure["failureClass"], message = "no"): Partial<Entry> => ({
  state: failureClass === "Conflict" ? "Conflict" : "Failed",
  failure: { failureClass, message, attempts: 2, nextRetryWallMs: NOW.getTime() },
});

const hold = (
  type: string,
): Hold => ({ id: "0123456789", type, count: 7, reason: "why", since: "2026-01-01T00:00:00Z" } as Hold);

const HEALTHY = {
  Valid: "True Valid",
  Ready: "True Mirroring",
  Fenced: "False Ours",
  Synced: "True AllSynced",
  Degraded: "False Healthy",
  Conflict: "False None",
  DeletionBlocked: "False None",
  DependenciesMissing: "False None",
  StandbyQuiet: "True Quiet",
};

const NOT_RUNNING = { StandbyQuiet: "Unknown NotRunning" };

const table: { what: string; facts: Partial<StatusFacts>; expected: Record<string, string> }[] = [
  { what: "all is well", facts: { running: runningOf() }, expected: HEALTHY },
  {
    what: "it waits for a cluster",
    facts: { notRunning: { reason: "DestinationNotReady", message: "no" } },
    expected: { Valid: "True Valid", Ready: "False DestinationNotReady", Synced: "Unknown NotRunning", ...NOT_RUNNING },
  },
  {
    what: "the spec cannot be honoured",
    facts: { invalid: { reason: "Cycle", message: "no" }, denied: true },
    expected: { Valid: "False Cycle", Ready: "False Cycle", Synced: "Unknown NotRunning", ...NOT_RUNNING },
  },
  {
    what: "it is being deleted, right or not",
    facts: {
      invalid: { reason: "Cycle", message: "no" },
      denied: true,
      deleting: true,
      notRunning: { reason: "Deleting", message: "so far" },
    },
    expected: {
      Valid: "False Cycle",
      Ready: "False Deleting",
      Synced: "Unknown NotRunning",
      StandbyQuiet: "Unknown NotRunning",
    },
  },
  {
    what: "the fence is not ours",
    facts: { fenced: "held by another", notRunning: { reason: "Fenced", message: "held by another" } },
    expected: {
      Valid: "True Valid",
      Ready: "False Fenced",
      Fenced: "True NotOurs",
      Synced: "Unknown NotRunning",
      ...NOT_RUNNING,
    },
  },
  {
    what: "the first pass is not over",
    facts: { running: runningOf({ lastPass: undefined }) },
    expected: { ...HEALTHY, Synced: "False FirstSync" },
  },
  {
    what: "DR does not answer",
    facts: { running: runningOf({ unreachableSinceWallMs: NOW.getTime() }) },
    expected: { ...HEALTHY, Ready: "False DestinationUnreachable" },
  },
  {
    what: "an object is not written yet",
    facts: { running: runningOf({}, memoryOf({ "configmaps/a": { state: "Pending" } })) },
    expected: { ...HEALTHY, Synced: "False Pending" },
  },
  {
    what: "an object is refused",
    facts: { running: runningOf({}, memoryOf({ "configmaps/a": failing("Denied") })) },
    expected: { ...HEALTHY, Synced: "False Failures" },
  },
  {
    what: "an object is in the way",
    facts: { running: runningOf({}, memoryOf({ "configmaps/a": failing("Conflict") })) },
    expected: { ...HEALTHY, Synced: "False Failures", Conflict: "True NotOurs" },
  },
  {
    what: "DR lacks a kind",
    facts: { running: runningOf({}, memoryOf({ "widgets.example.com/a": failing("KindMissing") })) },
    expected: { ...HEALTHY, Synced: "False Failures", DependenciesMissing: "True KindMissing" },
  },
  {
    what: "a kind cannot be listed",
    facts: {
      running: runningOf({ kindErrors: new Map([["configmaps", { failureClass: "Forbidden", message: "no" }]]) }),
    },
    expected: { ...HEALTHY, Synced: "False KindUnreadable", Degraded: "True KindUnreadable" },
  },
  {
    what: "a watch is lost",
    facts: { running: runningOf({ disconnected: ["configmaps"] }) },
    expected: { ...HEALTHY, Degraded: "True WatchLost" },
  },
  {
    what: "hints do not come",
    facts: { running: runningOf({ hints: false }) },
    expected: { ...HEALTHY, Degraded: "True NoHints" },
  },
  { what: "no hints are expected", facts: { running: runningOf({ hints: undefined }) }, expected: HEALTHY },
  {
    what: "the source namespace is gone",
    facts: { running: runningOf({ namespace: "Gone" }) },
    expected: { ...HEALTHY, Degraded: "True SourceNamespaceGone" },
  },
  {
    what: "the source namespace was created anew",
    facts: { running: runningOf({ namespace: "Recreated" }) },
    expected: { ...HEALTHY, Degraded: "True SourceNamespaceRecreated" },
  },
  {
    what: "copies of a kind that the source does not serve any more are in DR",
    facts: { running: runningOf({ lostKinds: [{ name: "widgets.example.com", copies: 2, message: "why" }] }) },
    expected: { ...HEALTHY, Degraded: "True SourceKindGone" },
  },
  {
    what: "deletes are held",
    facts: { running: runningOf({ holds: [hold("Budget")] }) },
    expected: { ...HEALTHY, DeletionBlocked: "True Budget" },
  },
  {
    what: "an object is not mirrored on purpose, another is being deleted",
    facts: {
      running: runningOf({}, memoryOf({ "configmaps/a": { state: "Skipped" }, "configmaps/b": { state: "Deleting" } })),
    },
    expected: HEALTHY,
  },
];

for (const { what, facts, expected } of table) {
  Deno.test(`conditions when ${what}`, () => {
    assert.deepEqual(conditions(facts), expected);
  });
}

const lastPass = { startedWallMs: 0, endedWallMs: 1 };
const bad = memoryOf({ "configmaps/a": failing("Denied") });
const phases: { what: string; facts: Partial<StatusFacts>; mode?: string; expected: string }[] = [
  { what: "waiting", facts: { notRunning: { reason: "Paused", message: "" } }, expected: "Pending" },
  { what: "invalid", facts: { invalid: { reason: "Cycle", message: "" }, denied: true }, expected: "Failed" },
  {
    what: "warned",
    facts: { invalid: { reason: "TypeUnknown", message: "" }, running: runningOf() },
    expected: "Running",
  },
  { what: "fenced", facts: { fenced: "no", running: runningOf() }, expected: "Failed" },
  { what: "being deleted, though fenced", facts: { fenced: "no", deleting: true }, expected: "Deleting" },
  { what: "Continuous", facts: { running: runningOf() }, expected: "Running" },
  { what: "Continuous with failures", facts: { running: runningOf({}, bad) }, expected: "Running" },
  {
    what: "Scheduled before its first pass",
    mode: "Scheduled",
    facts: { running: runningOf({ lastPass: undefined }) },
    expected: "Pending",
  },
  {
    what: "Scheduled in a pass",
    mode: "Scheduled",
    facts: { running: runningOf({ lastPass }), syncing: true },
    expected: "Running",
  },
  {
    what: "Scheduled after a pass",
    mode: "Scheduled",
    facts: { running: runningOf({ lastPass }) },
    expected: "Completed",
  },
  {
    what: "Manual after a pass with failures",
    mode: "Manual",
    facts: { running: runningOf({ lastPass }, bad) },
    expected: "Failed",
  },
];

for (const { what, facts, mode, expected } of phases) {
  Deno.test(`a Replication that is ${what} has phase ${expected}`, () => {
    assert.equal(computeStatus(factsOf({ ...facts, replication: replication(undefined, mode) })).phase, expected);
  });
}

Deno.test("transition times move only on a transition", () => {
  const later = new Date(NOW.getTime() + 60_000);
  const first = computeStatus(factsOf({ running: runningOf() }));
  const same = computeStatus(
    factsOf({ running: runningOf({ disconnected: ["configmaps"] }), replication: replication(first), now: later }),
  );
  const timeOf = (status: ReplicationStatus, type: string) =>
    status.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
  assert.equal(timeOf(same, "Synced"), timeOf(first, "Synced"));
  assert.equal(timeOf(first, "Degraded"), "2026-01-01T00:10:00Z");
  assert.equal(timeOf(same, "Degraded"), "2026-01-01T00:11:00Z");
});

Deno.test("how far DR is never goes back, and is never told too late", () => {
  const moments = fc.option(fc.integer({ min: NOW.getTime() - 90_000, max: NOW.getTime() }), { nil: undefined });
  fc.assert(fc.property(fc.array(fc.tuple(moments, fc.boolean())), (sequence) => {
    let status: ReplicationStatus | undefined;
    let furthestMs = -Infinity;
    for (const [syncedUpToWallMs, runs] of sequence) {
      const before = Date.parse(status?.syncedUpTo ?? "1970-01-01T00:00:00Z");
      const running = runs ? runningOf({ syncedUpToWallMs }) : undefined;
      status = computeStatus(factsOf({ running, replication: replication(status) }));
      if (runs && syncedUpToWallMs !== undefined) furthestMs = Math.max(furthestMs, syncedUpToWallMs);
      if (status.syncedUpTo === undefined) continue;
      const after = Date.parse(status.syncedUpTo);
      assert.ok(after >= before, "went back");
      assert.ok(after <= furthestMs, "is later than was proven");
    }
  }));
});

Deno.test("objects are counted by kind and state", () => {
  const memory = memoryOf({
    "configmaps/a": {},
    "configmaps/b": { state: "Pending" },
    "configmaps/c": failing("Quota"),
    "configmaps/d": failing("Conflict"),
    "configmaps/e": { state: "Skipped" },
    "configmaps/f": { state: "Drifted" },
    "configmaps/g": { state: "OwnedByDR" },
    "deployments.apps/a": {},
  });
  const { syncStats, resourceStatus, failures } = computeStatus(
    factsOf({ running: runningOf({ deleted: 3 }, memory) }),
  );
  assert.deepEqual(syncStats, {
    totalResources: 6,
    successfulSyncs: 2,
    pending: 1,
    failedSyncs: 1,
    conflicts: 1,
    drifted: 1,
    deleted: 3,
  });
  assert.deepEqual(resourceStatus, [
    { group: "", kind: "ConfigMap", total: 5, synced: 1, failed: 2 },
    { group: "apps", kind: "Deployment", total: 1, synced: 1, failed: 0 },
  ]);
  assert.deepEqual(failures?.map(({ kind, name, class: of }) => `${kind}/${name} ${of}`), [
    "ConfigMap/c Quota",
    "ConfigMap/d Conflict",
  ]);
});

Deno.test("kinds come in the same order whatever was seen first", () => {
  const kindNames = new Map([["a.x", { group: "x", kind: "Same" }], ["a.y", { group: "y", kind: "Same" }]]);
  const orders = [["a.x/1", "a.y/1"], ["a.y/1", "a.x/1"]].map((keys) => {
    const memory = memoryOf(Object.fromEntries(keys.map((key) => [key, {}])));
    return computeStatus(factsOf({ running: runningOf({ kindNames }, memory) })).resourceStatus?.map((one) =>
      one.group
    );
  });
  assert.deepEqual(orders, [["x", "y"], ["x", "y"]]);
});

Deno.test("a missing kind shows even when the list of failures has no room for it", () => {
  const states = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [`configmaps/${index}`, failing("Denied")]),
  );
  const memory = memoryOf({ ...states, "widgets.example.com/a": failing("KindMissing", "no widgets") });
  const status = computeStatus(factsOf({ running: runningOf({}, memory) }));
  assert.equal(status.failures?.length, 20);
  assert.equal(status.conditions?.find((one) => one.type === "DependenciesMissing")?.message, "no widgets");
});

Deno.test("a hold tells how to release it, unless nothing does", () => {
  const messageOf = (type: string) =>
    computeStatus(factsOf({ running: runningOf({ holds: [hold(type)] }) })).conditions?.find((one) =>
      one.type === "DeletionBlocked"
    )?.message ?? "";
  assert.match(messageOf("Budget"), /^7 deletes: why; release with annotation dr-syncer\.io\/approve: 0123456789$/);
  assert.doesNotMatch(messageOf("SourceNamespaceGone"), /release/);
});

Deno.test("what is known stays while it does not run; times have whole seconds", () => {
  const before = computeStatus(
    factsOf({ running: runningOf(), replicationId: "id", role: "Standby", epoch: 2, lastManualSync: "x" }),
  );
  assert.equal(before.lastSyncDuration, "1000ms");
  assert.deepEqual(before.deletions, { windowStart: "2026-01-01T00:00:00Z", count: 0 });
  const after = computeStatus(
    factsOf({ replication: replication(before), replicationId: "id", notRunning: { reason: "Paused", message: "" } }),
  );
  for (
    const key of ["replicationId", "role", "epoch", "lastManualSync", "syncStats", "deletions", "syncedUpTo"] as const
  ) {
    assert.deepEqual(after[key], before[key], key);
  }
  assert.equal(after.observedGeneration, 4);
  // An epoch belongs to one pair of namespaces.
  assert.equal(computeStatus(factsOf({ replication: replication(before), replicationId: "other" })).epoch, undefined);
  assert.match(after.syncedUpTo ?? "", /^2026-01-01T00:10:00Z$/);
});

Deno.test("a copy that is left as it is does not count as failed, and says why", () => {
  const left = { reason: "Drifted", message: "data.a was changed in the DR cluster" };
  const memory = memoryOf({ "configmaps/a": { state: "Drifted", left }, "configmaps/b": {} });
  const running = runningOf({}, memory);
  assert.equal(conditions({ running }).Synced, "False Drifted");
  const { reports = [], failures } = computeStatus(factsOf({ running }));
  assert.deepEqual(failures, []);
  assert.equal(
    reports[0]?.message,
    "data.a was changed in the DR cluster: it stays so until the source object changes",
  );
});

Deno.test("what DR does not take of a copy is reported by path", () => {
  const remainder = { hash: "h", difference: "d", path: "spec.a", unknownFields: [] };
  const reported = (fields: string[]) => {
    const memory = memoryOf({ "configmaps/a": { remainder: { ...remainder, unknownFields: fields } } });
    return computeStatus(factsOf({ running: runningOf({}, memory) })).reports?.map((
      { reason, message },
    ) => [reason, message]);
  };
  assert.deepEqual(reported([]), [["Normalised", "the DR cluster keeps spec.a otherwise than it was written"]]);
  assert.deepEqual(reported([".spec.b", ".spec.c"])?.[0]?.[0], "FieldUnknown");
  assert.match(
    reported([".spec.b", ".spec.c"])?.[0]?.[1] ?? "",
    /does not know \.spec\.b, \.spec\.c: .*also when it is activated/,
  );
});

Deno.test("rules of the spec that match nothing are reported by field, what a copy keeps by object", () => {
  const kept = { reason: "KeptInDR" as const, message: "keeps spec.storageClassName" };
  const memory = memoryOf({ "configmaps/a": { kept: [kept] } });
  const unusedRules = ["imageRewrites[1]", "storageClassMappings[fast]"];
  const { reports } = computeStatus(factsOf({ running: runningOf({ unusedRules }, memory) }));
  assert.deepEqual(reports?.map(({ kind, name, reason }) => [kind, name, reason]), [
    ["Replication", "app", "MatchesNothing"],
    ["ConfigMap", "a", "KeptInDR"],
  ]);
  assert.match(reports?.[0]?.message ?? "", /spec\.imageRewrites\[1\], spec\.storageClassMappings\[fast\]/);
});

Deno.test("what was not adapted, and Pods that nothing would start, are reported: at most 20", () => {
  const report = { reason: "NamespaceMention" as const, message: "data.url names namespace app" };
  const memory = memoryOf({ "configmaps/a": { reports: [report] }, "configmaps/b": {} });
  const barePods = Array.from({ length: 30 }, (_, index) => `p${index}`);
  const { reports = [] } = computeStatus(factsOf({ running: runningOf({ barePods }, memory) }));
  assert.equal(reports.length, 20);
  assert.deepEqual(reports[0], { kind: "ConfigMap", name: "a", ...report });
  assert.deepEqual([reports[1]?.kind, reports[1]?.name, reports[1]?.reason], ["Pod", "p0", "UnownedPod"]);
});

/** A Replication whose volumes are copied, as an earlier process left it. */
function withVolumes(syncData = true): Replication {
  const before = replication({
    volumes: [{ name: "data", phase: "Synced" }],
    volumeStats: { total: 1, synced: 1 },
    conditions: [{ type: "VolumesSynced", status: "True", reason: "AllSynced", message: "", lastTransitionTime: "" }],
  });
  return { ...before, spec: { ...before.spec, pvc: { syncData } } };
}

Deno.test("what is held of a volume is told as a hold, and is no delete that waits", () => {
  const held = { ...hold("SourceShrank"), volume: "data" };
  const volumes = { isNew: false, states: [{ claim: "data", phase: "Held", message: "m", holds: [held] } as const] };
  const running = runningOf({ volumes });
  const status = computeStatus(factsOf({ replication: withVolumes(), running }));
  assert.deepEqual(status.holds, [held]);
  assert.deepEqual(status.volumes, [{ name: "data", phase: "Held", message: "m" }]);
  assert.deepEqual(status.volumeStats, { total: 1, synced: 0 });
  const { VolumesSynced, DeletionBlocked } = conditions({ replication: withVolumes(), running });
  assert.deepEqual({ VolumesSynced, DeletionBlocked }, { VolumesSynced: "False Held", DeletionBlocked: "False None" });
});

Deno.test("what an earlier process found of volumes holds until the first look of this one", () => {
  const running = runningOf({ volumes: { isNew: true, states: [] } });
  const { volumes, volumeStats } = computeStatus(factsOf({ replication: withVolumes(), running }));
  assert.deepEqual({ volumes, volumeStats }, {
    volumes: [{ name: "data", phase: "Synced" }],
    volumeStats: { total: 1, synced: 1 },
  });
});

Deno.test("of volumes that are copied no more nothing is told", () => {
  const status = computeStatus(factsOf({ replication: withVolumes(false), running: runningOf() }));
  assert.deepEqual([status.volumes, status.volumeStats], [undefined, undefined]);
  assert.equal(status.conditions?.find(({ type }) => type === "VolumesSynced"), undefined);
});

Deno.test("while a Replication does not run, nobody knows of its volumes", () => {
  const notRunning = { reason: "Paused", message: "m" };
  assert.equal(conditions({ replication: withVolumes(), notRunning }).VolumesSynced, "Unknown NotRunning");
});
