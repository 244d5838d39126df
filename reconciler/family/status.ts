/**
 * The status of a Replication with a selector, worked out from its children's.
 *
 * @module
 */
import { type ConditionUpdate, findCondition, setCondition } from "../../crds/conditions.ts";
import { templateOf } from "../../crds/family.ts";
import type {
  Hold,
  ObjectReport,
  Phase,
  Replication,
  ReplicationFamily,
  ReplicationStatus,
  SyncStats,
} from "../../crds/types.ts";
import { isOnTheWay } from "../announce.ts";
import type { DeletionWindow } from "../deletes.ts";
import type { NotRunning } from "../status.ts";
import type { Members } from "./members.ts";

/** Most reports a status lists. */
const MAX_REPORTS = 20;
/** Most names in a message. */
const MAX_NAMES = 5;

/** Everything a status says. */
export interface FamilyFacts {
  readonly family: ReplicationFamily;
  readonly now: Date;
  /** First problem of the spec, if any. */
  readonly invalid?: NotRunning;
  /** The problem can never be right: nothing is made, changed or deleted. */
  readonly denied: boolean;
  /** Why the namespaces are not known. */
  readonly waiting?: NotRunning;
  /** As of the last look. */
  readonly members: Pick<Members, "children" | "gone" | "skipped" | "leftOut" | "reports">;
  /** What could not be written, by name of the child. */
  readonly errors: ReadonlyMap<string, NotRunning>;
  readonly holds: readonly Hold[];
  readonly window: DeletionWindow;
  readonly lastManualSync?: string;
}

type Update = Omit<ConditionUpdate, "observedGeneration">;

/** The next status. */
export function computeFamilyStatus(facts: FamilyFacts): ReplicationStatus {
  const { family, members: { children, gone, skipped }, window } = facts;
  const present = children.filter((child) => !gone.includes(child));
  return {
    observedGeneration: family.metadata.generation,
    destinationNamespace: templateOf(family),
    children: {
      total: children.length,
      ready: children.filter((child) => is(child, "Ready")).length,
      synced: children.filter((child) => is(child, "Synced")).length,
      gone: gone.length,
      skipped,
    },
    phase: phaseOf(facts, present),
    syncedUpTo: oldest(present.map(({ status }) => status?.syncedUpTo)),
    lastManualSync: facts.lastManualSync,
    syncStats: sum(children),
    reports: reportsOf(facts),
    holds: [...facts.holds],
    deletions: { windowStart: new Date(window.startWallMs).toISOString(), count: window.count },
    conditions: conditionsOf(facts, present),
  };
}

function is(child: Replication, type: string): boolean {
  return findCondition(child.status?.conditions, type)?.status === "True";
}

/** DR as a whole is as old as its oldest part; undefined while a part was never whole, and when there is none. */
function oldest(times: readonly (string | undefined)[]): string | undefined {
  const known = times.filter((time) => time !== undefined);
  if (known.length < times.length) return undefined;
  return known.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

function sum(children: readonly Replication[]): SyncStats {
  const total: Required<SyncStats> = {
    totalResources: 0,
    successfulSyncs: 0,
    pending: 0,
    failedSyncs: 0,
    conflicts: 0,
    drifted: 0,
    deleted: 0,
  };
  const names = Object.keys(total) as (keyof SyncStats)[];
  for (const { status } of children) for (const name of names) total[name] += status?.syncStats?.[name] ?? 0;
  return total;
}

function phaseOf({ family, denied, waiting }: FamilyFacts, present: readonly Replication[]): Phase {
  if (denied) return "Failed";
  if (waiting !== undefined) return "Pending";
  const phases = new Set(present.map(({ status }) => status?.phase ?? "Pending"));
  const worst = (["Failed", "Pending", "Running", "Completed"] as const).find((phase) => phases.has(phase));
  return worst ?? (family.spec.replicationMode === "Continuous" ? "Running" : "Completed");
}

function conditionsOf(facts: FamilyFacts, present: readonly Replication[]) {
  const observedGeneration = facts.family.metadata.generation;
  const updates = [valid(facts), ready(facts, present), synced(facts, present), degraded(facts), blocked(facts)];
  return updates.reduce(
    (conditions, update) =>
      setCondition(conditions, { ...update, message: update.message.slice(0, 2048), observedGeneration }, facts.now),
    facts.family.status?.conditions,
  );
}

function valid({ invalid }: FamilyFacts): Update {
  if (invalid !== undefined) return { type: "Valid", status: "False", ...invalid };
  return { type: "Valid", status: "True", reason: "Valid", message: "the spec can be honoured" };
}

function ready(facts: FamilyFacts, present: readonly Replication[]): Update {
  const { family, denied, invalid, waiting } = facts;
  const why = (denied ? invalid : undefined) ?? waiting ??
    (family.spec.paused ? { reason: "Paused", message: "spec.paused is true" } : undefined);
  if (why !== undefined) return { type: "Ready", status: "False", ...why };
  if (present.length === 0) {
    return { type: "Ready", status: "True", reason: "NothingSelected", message: "no namespace has such labels" };
  }
  const not = present.filter((child) => !is(child, "Ready"));
  if (not.length === 0) {
    const message = `the Replications of ${present.length} namespaces mirror`;
    return { type: "Ready", status: "True", reason: "Mirroring", message };
  }
  const reasons = not.map(({ status }) => findCondition(status?.conditions, "Ready")?.reason ?? "Starting");
  const named = not.map(({ metadata }, index) => `${metadata.name} (${reasons[index]})`);
  const message = `${not.length} of ${present.length} Replications do not mirror: ${list(named)}`;
  const reason = reasons.every(isOnTheWay) ? "Starting" : "ChildrenNotReady";
  return { type: "Ready", status: "False", reason, message };
}

function synced({ denied, waiting }: FamilyFacts, present: readonly Replication[]): Update {
  if (denied || waiting !== undefined) {
    return { type: "Synced", status: "Unknown", reason: "NotRunning", message: waiting?.message ?? "not started" };
  }
  const not = present.filter((child) => !is(child, "Synced"));
  if (not.length === 0) {
    return { type: "Synced", status: "True", reason: "AllSynced", message: "every object is in DR as it should be" };
  }
  const first = not.every(({ status }) =>
    isOnTheWay(findCondition(status?.conditions, "Synced")?.reason ?? "Starting")
  );
  const message = `${not.length} of ${present.length} Replications are not in sync: ` +
    list(not.map(({ metadata }) => metadata.name));
  return { type: "Synced", status: "False", reason: first ? "FirstSync" : "ChildrenNotSynced", message };
}

function degraded({ members: { children, gone, leftOut }, errors }: FamilyFacts): Update {
  const reasons: [string, string][] = [];
  if (gone.length > 0) {
    const names = list(gone.map(({ spec }) => spec.sourceNamespace));
    const message = `source namespaces are gone: ${names}; their standbys stay as they are until somebody deletes ` +
      "their Replications";
    reasons.push(["SourceNamespaceGone", message]);
  }
  if (errors.size > 0) {
    const texts = [...errors].map(([name, { message }]) => `${name}: ${message}`);
    reasons.push(["ChildrenNotWritten", `Replications cannot be written: ${list(texts)}`]);
  }
  if (leftOut > 0) reasons.push(["NamespacesLeftOut", `${leftOut} namespaces match and are left out: see reports`]);
  const ill = children.filter((child) => is(child, "Degraded") && !gone.includes(child));
  if (ill.length > 0) {
    reasons.push(["ChildrenDegraded", `degraded: ${list(ill.map(({ metadata }) => metadata.name))}`]);
  }
  const [first] = reasons;
  if (first === undefined) {
    return { type: "Degraded", status: "False", reason: "Healthy", message: "nothing is impaired" };
  }
  return { type: "Degraded", status: "True", reason: first[0], message: reasons.map(([, text]) => text).join("; ") };
}

function blocked({ holds }: FamilyFacts): Update {
  const [first] = holds;
  if (first === undefined) {
    return { type: "DeletionBlocked", status: "False", reason: "None", message: "no delete is held" };
  }
  const texts = holds.map(({ id, count, reason, sample }) =>
    `${count} Replications would be deleted: ${reason} (${
      list(sample ?? [], count)
    }); give the namespaces their labels ` +
    `back, or release with annotation dr-syncer.io/approve: ${id}`
  );
  return { type: "DeletionBlocked", status: "True", reason: first.type, message: texts.join("; ") };
}

/** Conditions of a child that are bad news, the worst first, and what they are then. */
const BAD: readonly (readonly [type: string, status: "True" | "False"])[] = [
  ["Valid", "False"],
  ["Fenced", "True"],
  ["Ready", "False"],
  ["Conflict", "True"],
  ["DeletionBlocked", "True"],
  ["DependenciesMissing", "True"],
  ["Synced", "False"],
  ["Degraded", "True"],
];

function reportsOf({ members: { children, gone, reports }, family }: FamilyFacts): ObjectReport[] {
  const all = [...reports];
  for (const child of children) {
    if (all.length >= MAX_REPORTS) break;
    const bad = gone.includes(child) || family.spec.paused ? undefined : worstOf(child);
    if (bad !== undefined) all.push({ kind: "Replication", name: child.metadata.name, ...bad });
  }
  return all.slice(0, MAX_REPORTS);
}

function worstOf({ status }: Replication): Pick<ObjectReport, "reason" | "message"> | undefined {
  for (const [type, bad] of BAD) {
    const found = findCondition(status?.conditions, type);
    if (found?.status === bad && !isOnTheWay(found.reason)) {
      return { reason: found.reason, message: `${type} is ${bad}: ${found.message}`.slice(0, 512) };
    }
  }
  return undefined;
}

function list(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, MAX_NAMES);
  return shown.join(", ") + (count > shown.length ? ` and ${count - shown.length} more` : "");
}
