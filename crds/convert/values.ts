/**
 * Values of the first version in our spelling.
 *
 * @module
 */
import { CronError, parseCron } from "../cron.ts";
import type { Remarks } from "./finding.ts";

const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Kinds that some named although they are in no namespace. */
const CLUSTER_SCOPED = /^(persistentvolumes?|pvs?|namespaces?|ns|storageclass(es)?|sc|clusterrole(binding)?s?)(\.|$)/i;
const DEFINITIONS = /^(customresourcedefinitions?|crds?)(\.|$)/i;
const SPELLING = /^[A-Za-z][A-Za-z0-9.-]*$/;

/** A schedule that we can parse, or undefined with a remark. */
export function scheduleFrom(value: unknown, field: string, { lost }: Remarks): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const schedule = DESCRIPTORS[value.trim()] ?? value.trim();
  try {
    parseCron(schedule);
    return schedule;
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    lost(field, `${error.message}; write five cron fields`);
    return undefined;
  }
}

/** Kinds as we spell them, each once; `*` alone where it is among them. */
export function resourceTypesFrom(value: unknown, field: string, { lost }: Remarks): string[] {
  const found = new Map<string, string>();
  for (const item of Array.isArray(value) ? value : []) {
    const text = String(item).trim();
    if (text === "*") return ["*"];
    // `apps/Deployment` is as common as `deployments.apps`.
    const spelling = text.replace(/^([A-Za-z0-9.-]+)\/([A-Za-z]+)$/, "$2.$1");
    if (CLUSTER_SCOPED.test(spelling)) lost(field, `${text} is in no namespace and not mirrored; remove it`);
    else if (DEFINITIONS.test(spelling)) lost(field, `${text}: definitions come with their objects, see spec.crds`);
    else if (!SPELLING.test(spelling)) {
      lost(field, `${JSON.stringify(item)} names no kind; write deployments or widgets.example.com`);
    } else if (!found.has(spelling.toLowerCase())) found.set(spelling.toLowerCase(), spelling);
  }
  return [...found.values()];
}

/** `[{from, to}]` from a list of such, or from a mapping; each `from` once. */
export function mappingsFrom(value: unknown, field: string, { lost }: Remarks): { from: string; to: string }[] {
  const entries: unknown[] = Array.isArray(value)
    ? value
    : Object.entries(value ?? {}).map(([from, to]) => ({ from, to }));
  const mappings = new Map<string, string>();
  for (const entry of entries) {
    const { from, to } = (entry ?? {}) as { from?: unknown; to?: unknown };
    if (typeof from !== "string" || typeof to !== "string") lost(field, "an entry lacks from or to; add it");
    else if (mappings.has(from)) lost(field, `${from} is mapped twice; the first entry counts`);
    else mappings.set(from, to);
  }
  return [...mappings].map(([from, to]) => ({ from, to }));
}

/** A text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** One text or a list of them. */
export function listOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).flatMap((item) => textOf(item) ?? []);
}
