/**
 * `dr-syncer plan`: flags, given Replications, output.
 *
 * @module
 */
import { Command, Option } from "commander";
import type * as z from "zod";
import { CONTROL_NAMESPACE } from "../crds/keys.ts";
import { REPLICATIONS } from "../crds/resource_types.ts";
import type { Plan, PlannedChange, PlannedField, ReplicationPlan } from "../crds/plan.ts";
import { remoteCluster as remoteClusterSchema } from "../crds/schema/remote_cluster.ts";
import { replication as replicationSchema } from "../crds/schema/replication.ts";
import type { AnyReplication, RemoteCluster } from "../crds/types.ts";
import { apiVersionOf, type KubeObject } from "../kube/types.ts";
import { formatValue, MACHINE_FORMATS, type MachineFormat, type ManifestDocument, VerbError } from "./output.ts";
import { formatTable } from "./table.ts";
import { trackingKeyOption } from "./tracking_key.ts";

/** What `plan` was told. */
export interface PlanFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace: string;
  readonly replication?: string;
  readonly filename?: readonly string[];
  /** As the controller has it. */
  readonly trackingKey: readonly string[];
  readonly output: "table" | MachineFormat;
}

/** Objects that are not applied yet, or not like this. */
export interface GivenObjects {
  readonly replications: readonly AnyReplication[];
  readonly remoteClusters: readonly RemoteCluster[];
}

/** Longest value in a table, in characters. */
const MAX_VALUE = 60;

/** The command, for the program's tree of commands. */
export function planCommand(run: (flags: PlanFlags) => Promise<void>): Command {
  return new Command("plan")
    .summary("show what a sync would do in DR, field by field")
    .description(
      "Show what a sync would do in DR, field by field. Writes nothing: the DR cluster judges dry runs.\n" +
        "Values of Secrets are shown as HMACs with a key of this run.\n\n" +
        "Exit code: 0 nothing to do, 2 changes (or something blocked), 1 an error.",
    )
    .option("--kubeconfig <file>", "kubeconfig of the control cluster (default: KUBECONFIG, else ~/.kube/config)")
    .option("--context <name>", "its context (default: the current one)")
    .option("-n, --namespace <name>", "control namespace: RemoteClusters, Replications, Secrets", CONTROL_NAMESPACE)
    .option("-r, --replication <[namespace/]name>", "plan this Replication (default: all of the control namespace)")
    .option(
      "-f, --filename <file...>",
      "plan the Replications (and RemoteClusters) of these files, applied or not; - for standard input",
    )
    .addOption(trackingKeyOption())
    .addOption(
      new Option("-o, --output <format>", "table for people, json or yaml for machines")
        .choices(["table", ...MACHINE_FORMATS]).default("table"),
    )
    .action(run);
}

/** Our objects of files, as the API server would complete them. Throws `VerbError` for anything else. */
export function givenObjects(documents: readonly ManifestDocument[], namespace: string): GivenObjects {
  const given: { replications: AnyReplication[]; remoteClusters: RemoteCluster[] } = {
    replications: [],
    remoteClusters: [],
  };
  for (const document of documents) {
    const object = document.value as Partial<KubeObject> | null;
    const { kind, apiVersion, metadata } = object ?? {};
    const what = `${document.file}: ${kind ?? "a document without kind"} ${metadata?.name ?? "without name"}`;
    const isOurs = apiVersion === apiVersionOf(REPLICATIONS) && typeof metadata?.name === "string";
    if (!isOurs || (kind !== "Replication" && kind !== "RemoteCluster")) {
      const remedy = `give Replications and RemoteClusters of ${apiVersionOf(REPLICATIONS)} with a name`;
      throw new VerbError(`${what} cannot be planned: ${remedy}`);
    }
    const header = { apiVersion, metadata: { namespace, ...metadata } };
    if (kind === "Replication") {
      // The schema has seen to it that there is one source: the spec is of one sort or the other.
      const { spec } = complete(replicationSchema, object, what) as Pick<AnyReplication, "spec">;
      given.replications.push({ ...header, kind, spec } as AnyReplication);
    } else given.remoteClusters.push({ ...header, kind, spec: complete(remoteClusterSchema, object, what).spec });
  }
  return given;
}

/** Checked and with defaults. Throws `VerbError` that names every field at fault. */
function complete<T>(schema: z.ZodType<T>, object: Partial<KubeObject> | null, what: string): T {
  const { apiVersion: _a, kind: _k, metadata: _m, status: _s, ...rest } = object ?? {};
  const result = schema.safeParse(rest);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join(".") || "object"}: ${message}`);
  throw new VerbError(`${what} is invalid: ${issues.join("; ")}`);
}

/** 0: nothing to do. 2: something to do, or blocked. 1: no plan, or no whole one. */
export function planExitCode({ replications }: Plan): 0 | 1 | 2 {
  if (replications.some(({ errors }) => errors.length > 0)) return 1;
  return replications.some(({ changes }) => changes.length > 0) ? 2 : 0;
}

/** The plan as text. */
export function formatPlan(plan: Plan, format: PlanFlags["output"]): string {
  return format === "table" ? plan.replications.map(formatReplication).join("\n") : formatValue(plan, format);
}

function formatReplication(plan: ReplicationPlan): string {
  const lines = [`Replication ${plan.replication}: ${plan.source} → ${plan.destination}`];
  lines.push(...plan.errors.map((error) => `  error: ${error}`), ...plan.notes.map((note) => `  note: ${note}`));
  if (plan.changes.length > 0) {
    const table = formatTable(["ACTION", "KIND", "NAME", "DETAIL"], plan.changes.flatMap(rowsOf));
    lines.push(...table.map((line) => `  ${line}`));
  }
  const counts = Object.entries(plan.summary).filter(([, count]) => count > 0);
  const isState = (name: string) => name === "blocked" || name === "unchanged";
  const summary = counts.map(([name, count]) => `${count} ${isState(name) ? name : `to ${name}`}`);
  if (plan.children !== undefined && plan.errors.length === 0) {
    lines.push(
      `  ${plan.children.length === 0 ? "no namespace matches" : `Replications: ${plan.children.join(", ")}`}`,
    );
  } else if (plan.errors.length === 0 || counts.length > 0) {
    lines.push(`  ${summary.join(", ") || "nothing to mirror"}`);
  }
  return `${lines.map(oneLine).join("\n")}\n`;
}

/** One line for each field; the first one names the object. */
function rowsOf(change: PlannedChange): string[][] {
  const { action, group, kind, name } = change;
  const [first = "", ...more] = detailsOf(change);
  return [
    [action, group === "" ? kind : `${kind}.${group}`, name, first],
    ...more.map((detail) => ["", "", "", detail]),
  ];
}

function detailsOf({ fields, reason, message, checked, action }: PlannedChange): string[] {
  if (reason !== undefined) return [`${reason}: ${message ?? ""}`];
  if (action === "orphan") return ["its source is gone; this kind is never deleted, only marked"];
  const unchecked = checked === false
    ? ["not judged by the DR cluster yet: what it needs, or its place, comes first"]
    : [];
  return [...unchecked, ...(fields ?? []).map(formatField)];
}

function formatField({ path, from, to }: PlannedField): string {
  return `${path}: ${formatCell(from)} → ${formatCell(to)}`;
}

function formatCell(value: unknown): string {
  if (value === undefined) return "(absent)";
  const text = typeof value === "string" && value.startsWith("hmac:") ? value : JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

/** What servers say may span lines. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\t]+/g, " ");
}
