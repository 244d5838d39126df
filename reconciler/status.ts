/**
 * The status of a Replication: what is true, worked out from plain data.
 *
 * @module
 */
import { type ConditionUpdate, setCondition } from "../crds/conditions.ts";
import type {
  Condition,
  Failure,
  Hold,
  ObjectReport,
  Phase,
  Replication,
  ReplicationStatus,
  ResourceStatus,
  Role,
  SyncStats,
} from "../crds/types.ts";
import { destinationNamespaceOf } from "../crds/world.ts";
import type { Finding } from "./finding.ts";
import type { DependencyFacts } from "./dependencies.ts";
import { dependenciesMissing } from "./dependencies_missing.ts";
import type { DeletionWindow, NamespaceState } from "./deletes.ts";
import type { Failure as ObjectFailure } from "./failure.ts";
import type { LostKind } from "./lost_kinds.ts";
import type { Entry } from "./memory.ts";
import { splitKey } from "./memory.ts";
import { reportsOn } from "./reports.ts";
import { type StandbyFacts, standbyQuiet } from "./standby_quiet.ts";
import { type VolumeFacts, volumeFields, volumeHolds, volumesSynced } from "./volumes/volume_status.ts";

/** Most failures a status lists. */
const MAX_FAILURES = 20;
/** Most reports a status lists. */
const MAX_REPORTS = 20;
/** Most holds a status lists. */
const MAX_HOLDS = 20;

/** Why a Replication does not run. */
export interface NotRunning {
  readonly reason: string;
  readonly message: string;
}

/** What a running Replication shows. */
export interface RunningFacts {
  readonly entries: Iterable<[string, Entry]>;
  readonly pending: number;
  readonly deleted: number;
  /** Deletes that wait for an approval. */
  readonly holds: readonly Hold[];
  readonly window: DeletionWindow;
  /** Kinds that cannot be listed or watched, and why. */
  readonly kindErrors: ReadonlyMap<string, ObjectFailure>;
  /** Kinds whose watch is not connected. */
  readonly disconnected: readonly string[];
  /** Kind names by `resource.group`. */
  readonly kindNames: ReadonlyMap<string, { readonly group: string; readonly kind: string }>;
  /** Pods of the source that nothing would start in DR. */
  readonly barePods: readonly string[];
  /** Rules of the spec that no object uses (`imageRewrites[0]`). */
  readonly unusedRules: readonly string[];
  readonly lastPass?: { readonly startedWallMs: number; readonly endedWallMs: number };
  readonly syncedUpToWallMs?: number;
  readonly namespace: NamespaceState;
  /** The DR cluster does not answer since. */
  readonly unreachableSinceWallMs?: number;
  /** Whether admission hints reach us; undefined when they are not expected (a remote source). */
  readonly hints?: boolean;
  readonly standby: StandbyFacts;
  readonly dependencies: DependencyFacts;
  /** Definitions, and the Namespace, that are not as the source has them. */
  readonly findings: readonly Finding[];
  /** Kinds that the source does not serve any more and of which copies are in DR. */
  readonly lostKinds: readonly LostKind[];
  /** Undefined where none are copied. */
  readonly volumes?: VolumeFacts;
}

/** Everything a status says. */
export interface StatusFacts {
  readonly replication: Replication;
  readonly now: Date;
  readonly replicationId?: string;
  /** First problem of the spec, if any. */
  readonly invalid?: NotRunning;
  /** The problem can never be right: nothing runs. Otherwise it is a warning. */
  readonly denied?: boolean;
  readonly notRunning?: NotRunning;
  /** The object is being deleted: nothing is mirrored any more. */
  readonly deleting?: boolean;
  readonly fenced?: string;
  readonly role?: Role;
  readonly epoch?: number;
  readonly running?: RunningFacts;
  readonly nextSyncTime?: Date;
  readonly lastManualSync?: string;
  readonly syncing: boolean;
}

/** The next status; fields we do not set any more are absent. */
export function computeStatus(facts: StatusFacts): ReplicationStatus {
  const { replication, running } = facts;
  const before = replication.status ?? {};
  const counts = running === undefined ? undefined : lastCounts(facts, running) ?? count(running);
  const pass = running?.lastPass;
  return {
    ...before,
    observedGeneration: replication.metadata.generation,
    replicationId: facts.replicationId ?? before.replicationId,
    destinationNamespace: destinationNamespaceOf(replication),
    phase: phaseOf(facts, counts),
    role: facts.role ?? before.role,
    epoch: facts.epoch ?? (facts.replicationId === before.replicationId ? before.epoch : undefined),
    syncedUpTo: later(before.syncedUpTo, running?.syncedUpToWallMs),
    lastSyncTime: pass === undefined ? before.lastSyncTime : toTime(pass.endedWallMs),
    lastSyncDuration: pass === undefined ? before.lastSyncDuration : `${pass.endedWallMs - pass.startedWallMs}ms`,
    nextSyncTime: facts.nextSyncTime === undefined ? undefined : toTime(facts.nextSyncTime.getTime()),
    lastManualSync: facts.lastManualSync ?? before.lastManualSync,
    ...(running === undefined || counts === undefined ? {} : {
      syncStats: counts.stats,
      resourceStatus: counts.kinds,
      failures: counts.failures,
      reports: reportsOf(running, replication.metadata.name),
      holds: holdsOf(running).slice(0, MAX_HOLDS),
      ...volumesOf(running),
      deletions: { windowStart: toTime(running.window.startWallMs), count: running.window.count },
    }),
    conditions: conditionsOf(facts, counts),
  };
}

function holdsOf({ holds, volumes }: RunningFacts): Hold[] {
  return [...holds, ...(volumes === undefined ? [] : volumeHolds(volumes))];
}

/** What an earlier process found holds until the first look of this one. */
function volumesOf({ volumes }: RunningFacts): Pick<ReplicationStatus, "volumes" | "volumeStats"> {
  if (volumes === undefined) return { volumes: undefined, volumeStats: undefined };
  return volumes.isNew ? {} : volumeFields(volumes);
}

/** Without watches, what the last pass found holds until the next one, also in a process that was started since. */
function rests({ replication: { spec, status } }: StatusFacts): boolean {
  return spec.replicationMode !== "Continuous" && status?.lastSyncTime !== undefined;
}

/** What the status already says, where no pass of this process has found anything yet. */
function lastCounts(facts: StatusFacts, running: RunningFacts): Counts | undefined {
  const { status } = facts.replication;
  if (running.lastPass !== undefined || !rests(facts) || status?.syncStats === undefined) return undefined;
  const { failures = [], resourceStatus = [], syncStats } = status;
  const none = {
    totalResources: 0,
    successfulSyncs: 0,
    pending: 0,
    failedSyncs: 0,
    conflicts: 0,
    drifted: 0,
    deleted: 0,
  };
  const ofClass = (name: string) => failures.filter((failure) => failure.class === name);
  return {
    stats: { ...none, ...syncStats },
    kinds: resourceStatus,
    failures,
    conflicts: ofClass("Conflict").map(({ name }) => name),
    missing: ofClass("KindMissing"),
  };
}

interface Counts {
  readonly stats: Required<SyncStats>;
  readonly kinds: ResourceStatus[];
  readonly failures: Failure[];
  readonly conflicts: string[];
  /** All failures for want of a kind, also those that the status has no room for. */
  readonly missing: Failure[];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function count(running: RunningFacts): Counts {
  const stats = {
    totalResources: 0,
    successfulSyncs: 0,
    pending: 0,
    failedSyncs: 0,
    conflicts: 0,
    drifted: 0,
    deleted: running.deleted,
  };
  const kinds = new Map<string, ResourceStatus>();
  const failures: Failure[] = [];
  const conflicts: string[] = [];
  for (const [key, entry] of running.entries) {
    if (entry.state === "Skipped" || entry.state === "OwnedByDR" || entry.state === "Deleting") continue;
    const { name } = splitKey(key);
    const kind = kindStatus(kinds, entry.kind, running);
    kind.total++;
    stats.totalResources++;
    if (entry.state === "Synced") {
      kind.synced++;
      stats.successfulSyncs++;
    } else if (entry.state === "Pending") stats.pending++;
    else if (entry.state === "Drifted") stats.drifted++;
    else {
      kind.failed++;
      if (entry.state === "Conflict") {
        stats.conflicts++;
        conflicts.push(key);
      } else stats.failedSyncs++;
    }
    if (entry.failure !== undefined && entry.state !== "Synced") {
      failures.push(failureOf(kind.kind, name, entry.failure));
    }
  }
  for (const [kind, error] of running.kindErrors) {
    failures.push({ kind, name: "*", class: error.failureClass, message: error.message, attempts: 0 });
  }
  for (const { kind, name, isFailure, reason, message } of running.findings) {
    if (isFailure) failures.push({ kind, name, class: reason, message, attempts: 1 });
  }
  return {
    stats,
    kinds: [...kinds.values()].sort((a, b) => byText(a.kind, b.kind) || byText(a.group, b.group)),
    failures: failures.slice(0, MAX_FAILURES),
    missing: failures.filter((failure) => failure.class === "KindMissing"),
    conflicts,
  };
}

/** Rules without effect, what is in DR but not adapted, what is not there although no rule says so: at most 20. */
function reportsOf(running: RunningFacts, replicationName: string): ObjectReport[] {
  const reports = unusedReport(running.unusedRules, replicationName);
  for (const { kind, name, isFailure, reason, message } of running.findings) {
    if (!isFailure) reports.push({ kind, name, reason, message });
  }
  for (const [key, entry] of running.entries) {
    for (const { reason, message } of [...reportsOn(entry), ...(entry.kept ?? [])]) {
      if (reports.length >= MAX_REPORTS) return reports;
      const kind = running.kindNames.get(entry.kind)?.kind ?? entry.kind;
      reports.push({ kind, name: splitKey(key).name, reason, message });
    }
  }
  const pods = running.barePods.slice(0, MAX_REPORTS - reports.length);
  const message = "no controller would start this Pod in DR: it is not mirrored";
  return [...reports, ...pods.map((name) => ({ kind: "Pod", name, reason: "UnownedPod", message }))];
}

function unusedReport(rules: readonly string[], name: string): ObjectReport[] {
  if (rules.length === 0) return [];
  const fields = rules.map((rule) => `spec.${rule}`).join(", ").slice(0, 1024);
  const message = `no mirrored object has what these speak of: ${fields}; correct or remove them`;
  return [{ kind: "Replication", name, reason: "MatchesNothing", message }];
}

function kindStatus(kinds: Map<string, ResourceStatus>, name: string, running: RunningFacts): ResourceStatus {
  let status = kinds.get(name);
  if (status === undefined) {
    const { group, kind } = running.kindNames.get(name) ?? { group: "", kind: name };
    status = { group, kind, total: 0, synced: 0, failed: 0 };
    kinds.set(name, status);
  }
  return status;
}

function failureOf(kind: string, name: string, failure: NonNullable<Entry["failure"]>): Failure {
  return {
    kind,
    name,
    class: failure.failureClass,
    message: failure.message,
    attempts: failure.attempts,
    nextRetryTime: toTime(failure.nextRetryWallMs),
  };
}

function phaseOf(facts: StatusFacts, counts: Counts | undefined): Phase {
  if (facts.deleting) return "Deleting";
  if (facts.denied || facts.fenced !== undefined) return "Failed";
  if (facts.notRunning !== undefined || counts === undefined) return "Pending";
  if (facts.replication.spec.replicationMode === "Continuous" || facts.syncing) return "Running";
  if (facts.running?.lastPass === undefined && !rests(facts)) return "Pending";
  return counts.stats.failedSyncs + counts.stats.conflicts > 0 ? "Failed" : "Completed";
}

function conditionsOf(facts: StatusFacts, counts: Counts | undefined): Condition[] {
  const observedGeneration = facts.replication.metadata.generation;
  const withVolumes = facts.replication.spec.pvc?.syncData === true;
  const known = facts.replication.status?.conditions;
  let conditions = withVolumes ? known : known?.filter(({ type }) => type !== "VolumesSynced");
  for (const update of conditionUpdates(facts, counts)) {
    conditions = setCondition(
      conditions,
      { ...update, message: update.message.slice(0, 2048), observedGeneration },
      facts.now,
    );
  }
  return conditions ?? [];
}

type Update = Omit<ConditionUpdate, "observedGeneration">;

function conditionUpdates(facts: StatusFacts, counts: Counts | undefined): Update[] {
  const { running } = facts;
  const valid: Update = facts.invalid === undefined
    ? { type: "Valid", status: "True", reason: "Valid", message: "the spec can be honoured" }
    : { type: "Valid", status: "False", ...facts.invalid };
  const fenced: Update = facts.fenced === undefined
    ? { type: "Fenced", status: "False", reason: "Ours", message: "the fence Lease is ours" }
    : { type: "Fenced", status: "True", reason: "NotOurs", message: facts.fenced };
  const updates = [valid, ready(facts), ...(facts.fenced !== undefined || running !== undefined ? [fenced] : [])];
  if (running === undefined || counts === undefined) {
    const message = ((facts.denied ? facts.invalid : undefined) ?? facts.notRunning)?.message ?? facts.fenced ??
      "not started";
    const unknown = (type: string): Update => ({ type, status: "Unknown", reason: "NotRunning", message });
    const volumes = facts.replication.spec.pvc?.syncData ? [unknown("VolumesSynced")] : [];
    return [...updates, unknown("Synced"), unknown("StandbyQuiet"), ...volumes];
  }
  return [
    ...updates,
    synced(counts, running, running.lastPass === undefined && !rests(facts)),
    degraded(running),
    conflict(counts),
    blocked(running),
    ...dependencies(counts, running, running.lastPass === undefined && rests(facts)),
    standbyQuiet(running.standby),
    ...(running.volumes === undefined ? [] : [volumesSynced(running.volumes)]),
  ];
}

function ready(facts: StatusFacts): Update {
  const why = (facts.denied && !facts.deleting ? facts.invalid : undefined) ?? facts.notRunning ??
    (facts.fenced === undefined ? undefined : { reason: "Fenced", message: facts.fenced });
  if (why !== undefined) return { type: "Ready", status: "False", ...why };
  if (facts.running?.unreachableSinceWallMs !== undefined) {
    const since = toTime(facts.running.unreachableSinceWallMs);
    const message =
      `DR cluster ${facts.replication.spec.destinationCluster} does not answer since ${since}; changes wait`;
    return { type: "Ready", status: "False", reason: "DestinationUnreachable", message };
  }
  return { type: "Ready", status: "True", reason: "Mirroring", message: "changes are mirrored" };
}

function synced({ stats }: Counts, running: RunningFacts, isFirst: boolean): Update {
  const open = stats.totalResources - stats.successfulSyncs;
  if (isFirst) {
    return { type: "Synced", status: "False", reason: "FirstSync", message: `${stats.successfulSyncs} objects so far` };
  }
  if (open === 0 && running.kindErrors.size > 0) {
    const message = `${running.kindErrors.size} kinds cannot be read: what they hold is not compared`;
    return { type: "Synced", status: "False", reason: "KindUnreadable", message };
  }
  const outdated = running.findings.filter(({ isFailure }) => isFailure);
  if (open === 0 && outdated[0] !== undefined) {
    const names = outdated.slice(0, 10).map(({ kind, name }) => `${kind} ${name}`);
    const reason = outdated[0].kind === "Namespace" ? "NamespaceOutdated" : "DefinitionOutdated";
    const message = `DR does not have these as the source has them: ${names.join(", ")}`;
    return { type: "Synced", status: "False", reason, message };
  }
  if (open > 0) {
    const message = `${open} of ${stats.totalResources} objects are not in DR as they should be`;
    return {
      type: "Synced",
      status: "False",
      reason: stats.failedSyncs + stats.conflicts > 0 ? "Failures" : stats.pending > 0 ? "Pending" : "Drifted",
      message,
    };
  }
  return { type: "Synced", status: "True", reason: "AllSynced", message: "every object is in DR as it should be" };
}

function degraded(running: RunningFacts): Update {
  const reasons: [string, string][] = [];
  for (const [kind, error] of running.kindErrors) reasons.push(["KindUnreadable", `${kind}: ${error.message}`]);
  if (running.disconnected.length > 0) reasons.push(["WatchLost", `not watched: ${running.disconnected.join(", ")}`]);
  if (running.hints === false) {
    reasons.push(["NoHints", "admission hints do not reach the controller; the watch alone mirrors"]);
  }
  if (running.namespace === "Gone" || running.namespace === "Terminating") {
    reasons.push(["SourceNamespaceGone", "the source namespace is gone or Terminating; DR is left as it is"]);
  }
  if (running.namespace === "Recreated") {
    reasons.push(["SourceNamespaceRecreated", "the source namespace was created anew; deletions wait for an approval"]);
  }
  for (const { message } of running.lostKinds) reasons.push(["SourceKindGone", message]);
  const first = reasons[0];
  if (first === undefined) {
    return { type: "Degraded", status: "False", reason: "Healthy", message: "nothing is impaired" };
  }
  return { type: "Degraded", status: "True", reason: first[0], message: reasons.map(([, text]) => text).join("; ") };
}

function conflict({ conflicts }: Counts): Update {
  if (conflicts.length === 0) {
    return { type: "Conflict", status: "False", reason: "None", message: "no object is in the way" };
  }
  const names = conflicts.slice(0, 5).join(", ");
  const message = `${conflicts.length} objects of the DR namespace are not ours and stay as they are: ${names}; ` +
    'delete or rename them, set conflictPolicy: Adopt, or label the source object dr-syncer.io/ignore: "true"';
  return { type: "Conflict", status: "True", reason: "NotOurs", message };
}

function blocked({ holds }: RunningFacts): Update {
  if (holds.length === 0) {
    return { type: "DeletionBlocked", status: "False", reason: "None", message: "no delete is held" };
  }
  const texts = holds.map((hold) =>
    `${hold.count} deletes: ${hold.reason}` +
    (hold.type === "SourceNamespaceGone" ? "" : `; release with annotation dr-syncer.io/approve: ${hold.id}`)
  );
  return { type: "DeletionBlocked", status: "True", reason: holds[0]?.type ?? "Held", message: texts.join("; ") };
}

/** Nothing, where only a pass of this process could tell whether what an earlier one missed is still missing. */
function dependencies({ missing }: Counts, running: RunningFacts, isUnknown: boolean): Update[] {
  const kinds = [...new Set(missing.map((failure) => failure.message))].slice(0, 5);
  const update = dependenciesMissing(kinds, running.dependencies);
  return isUnknown && update.status === "False" ? [] : [update];
}

/** How far DR is can not go back: what was in DR stays there. */
function later(before: string | undefined, wallMs: number | undefined): string | undefined {
  if (wallMs === undefined) return before;
  if (before !== undefined && Date.parse(before) > wallMs) return before;
  return toTime(wallMs);
}

/** metav1.Time has whole seconds; rounded down, so that a time that is a promise is never too late. */
function toTime(wallMs: number): string {
  return new Date(Math.floor(wallMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
