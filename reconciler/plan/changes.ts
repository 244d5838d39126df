/**
 * From what a dry pass found to the rows of a plan.
 *
 * @module
 */
import {
  PLAN_ACTIONS,
  type PlanAction,
  type PlannedChange,
  type PlannedField,
  type ReplicationPlan,
} from "../../crds/plan.ts";
import { DESIRED_HASH, MANAGED_BY } from "../../crds/keys.ts";
import { groupResource, type ResourceType } from "../../kube/types.ts";
import { type Failure, type FailureClass, remedyOf } from "../failure.ts";
import type { Finding } from "../finding.ts";
import type { MirroredKind } from "../kinds.ts";
import { splitKey } from "../memory.ts";
import type { Outcome } from "../outcome.ts";
import type { Hold } from "../../crds/types.ts";
import type { DryWrite } from "./dry_run_client.ts";
import { fieldChanges } from "./field_changes.ts";
import { DEFINITION_PLANNED, type PassResult } from "./pass.ts";
import { showValuesOf } from "./secret_values.ts";

const INCOMPLETE: ReadonlySet<FailureClass> = new Set(["Unreachable", "Throttled"]);

/** What rows are made from. */
export interface Findings {
  readonly pass: PassResult;
  readonly writes: readonly DryWrite[];
  readonly holds: readonly Hold[];
  /** On the Namespace of the copies. */
  readonly namespace: readonly Finding[];
  /** Random, of this run: see `secret_values.ts`. */
  readonly hmacKey: Uint8Array;
}

/** The rows of a plan, in the order of a full pass, and their counts. */
export function changesOf(findings: Findings): Pick<ReplicationPlan, "changes" | "summary"> {
  const { pass, writes } = findings;
  const kinds = new Map(pass.plan.kinds.map((kind) => [kind.name, kind]));
  const clusterScoped = clusterRows(writes, findings);
  const rows: { tier: number; key: string; change: PlannedChange }[] = [];
  for (const [kindName, failure] of pass.unlisted) {
    const kind = kinds.get(kindName);
    if (kind !== undefined) rows.push({ tier: kind.tier, key: kindName, change: blocked(kind, "*", failure) });
  }
  for (const [key, outcome] of pass.outcomes) {
    const { kind: kindName, name } = splitKey(key);
    const kind = kinds.get(kindName);
    const change = kind === undefined ? undefined : changeOf(kind, name, outcome, findings);
    if (kind !== undefined && change !== undefined) rows.push({ tier: kind.tier, key, change });
  }
  rows.sort((a, b) => a.tier - b.tier || (a.key < b.key ? -1 : 1));
  const changes = [...clusterScoped, ...rows.map(({ change }) => change)];
  return { changes, summary: summaryOf(changes, unchangedIn(pass, rows)) };
}

/** Failures that say nothing of the object: the plan is not whole then. */
export function failuresOf({ outcomes, unlisted }: PassResult): string[] {
  const failures = [...outcomes.values()].flatMap((outcome) => outcome.type === "Failed" ? [outcome.failure] : []);
  const lost = [...failures, ...unlisted.values()].filter(({ failureClass }) => INCOMPLETE.has(failureClass));
  return [...new Set(lost.map(({ message }) => message))];
}

/** No rows at all. */
export function noChanges(): Pick<ReplicationPlan, "changes" | "summary"> {
  return { changes: [], summary: summaryOf([], 0) };
}

function changeOf(
  kind: MirroredKind,
  name: string,
  outcome: Outcome,
  findings: Findings,
): PlannedChange | undefined {
  const of = (action: PlanAction): PlannedChange => ({ action, ...describe(kind.source), name });
  switch (outcome.type) {
    case "Written":
      return writtenRow(of(outcome.operation), kind, name, findings);
    case "Conflict":
      return blocked(kind, name, { failureClass: "Conflict", message: outcome.message });
    case "Failed":
      return blocked(kind, name, outcome.failure);
    case "Waiting":
      if (outcome.why === DEFINITION_PLANNED) return { ...of("create"), checked: false };
      return { ...of("blocked"), reason: outcome.why, message: `its deletion waits: ${outcome.why}` };
    case "Held": {
      const hold = findings.holds.find(({ type }) => type === outcome.holdType);
      const message = `its deletion is held: ${hold?.reason ?? outcome.holdType}; approve ${hold?.id ?? "its hold"}`;
      return { ...of("blocked"), reason: outcome.holdType, message };
    }
    case "Left":
      return { ...of("blocked"), reason: outcome.reason, message: outcome.message };
    case "Unchanged":
    case "Skipped":
    case "Gone":
      return undefined;
  }
}

function writtenRow(
  row: PlannedChange,
  kind: MirroredKind,
  name: string,
  findings: Findings,
): PlannedChange | undefined {
  const target = kind.target ?? kind.source;
  const writes = findings.writes.filter(({ type, name: written }) =>
    written === name && groupResource(type) === groupResource(target)
  );
  return withFields(row, target, writes, findings);
}

function withFields(
  row: PlannedChange,
  target: ResourceType,
  writes: readonly DryWrite[],
  { hmacKey }: Findings,
): PlannedChange | undefined {
  const unchecked = writes.some(({ checked }) => !checked) ? { checked: false as const } : {};
  if (row.action !== "update" && row.action !== "adopt") return { ...row, ...unchecked };
  const show = showValuesOf(target, hmacKey);
  const fields = new Map<string, PlannedField>();
  for (const { before, after } of writes) {
    // What a dry run stored is not there for the next one: the first to change a field tells the truth.
    for (const field of fieldChanges(before, after, show)) {
      if (!fields.has(field.path)) fields.set(field.path, field);
    }
  }
  // A difference that the server does not let us make: the mirror tries it once, and nothing changes.
  if (fields.size === 0 && row.action === "update") return undefined;
  return { ...row, ...unchecked, fields: worthShowing([...fields.values()]) };
}

/** The hash changes with every other field: it tells something only where it is alone. */
function worthShowing(fields: readonly PlannedField[]): PlannedField[] {
  const others = fields.filter(({ path }) => !path.includes(DESIRED_HASH));
  return others.length > 0 ? others : [...fields];
}

/** Definitions that are created, and the Namespace; what of it cannot be written is blocked. */
function clusterRows(writes: readonly DryWrite[], findings: Findings): PlannedChange[] {
  const byObject = Map.groupBy(
    writes.filter(({ type }) => !type.namespaced),
    ({ type, name }) => `${groupResource(type)}/${name}`,
  );
  const rows = [...byObject.values()].flatMap((ofOne) => {
    const [{ type, name, before }] = ofOne as [DryWrite];
    const isOurs = before?.metadata.labels?.[MANAGED_BY] !== undefined;
    const action = before === undefined ? "create" : isOurs ? "update" : "adopt";
    return withFields({ action, ...describe(type), name }, type, ofOne, findings) ?? [];
  });
  const failures = findings.namespace.filter(({ isFailure }) => isFailure);
  const blocked = failures.map(({ kind, name, reason, message }) =>
    ({ action: "blocked", group: "", kind, name, reason, message }) as const
  );
  return [...rows, ...blocked];
}

function blocked(kind: MirroredKind, name: string, failure: Failure): PlannedChange {
  return {
    action: "blocked",
    ...describe(kind.source),
    name,
    reason: failure.failureClass,
    message: `${failure.message}; ${remedyOf(failure)}`,
  };
}

function describe({ group, kind }: ResourceType): { group: string; kind: string } {
  return { group, kind };
}

function unchangedIn({ memory }: PassResult, rows: readonly { key: string }[]): number {
  const changed = new Set(rows.map(({ key }) => key));
  return [...memory.entries()].filter(([key, { state }]) => state === "Synced" && !changed.has(key)).length;
}

function summaryOf(changes: readonly PlannedChange[], unchanged: number): ReplicationPlan["summary"] {
  const count = (action: PlanAction) => changes.filter((change) => change.action === action).length;
  const counts = Object.fromEntries(PLAN_ACTIONS.map((action) => [action, count(action)])) as Record<
    PlanAction,
    number
  >;
  return { ...counts, unchanged };
}
