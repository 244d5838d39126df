/**
 * Condition `DependenciesMissing`: what copies need and the DR cluster lacks.
 *
 * @module
 */
import type { ConditionUpdate } from "../crds/conditions.ts";
import type { DependencyFacts, MissingClass } from "./dependencies.ts";

/** Most classes that a message names. */
const MAX_NAMES = 10;
const REMEDY = "create them in DR, or let the copies name others: storageClassMappings, overrides";

/** Works the condition out; `kinds` tells of each kind that DR does not serve. */
export function dependenciesMissing(
  kinds: readonly string[],
  { missing, unreadable }: DependencyFacts,
): Omit<ConditionUpdate, "observedGeneration"> {
  const type = "DependenciesMissing";
  if (kinds.length > 0 || missing.length > 0) {
    const message = [...kinds, ...(missing.length > 0 ? [told(missing)] : [])].join("; ");
    return { type, status: "True", reason: kinds.length > 0 ? "KindMissing" : "ClassMissing", message };
  }
  if (unreadable !== undefined) {
    const message = `it is not known whether DR has the classes that copies name: ${unreadable}`;
    return { type, status: "Unknown", reason: "ClassesUnreadable", message };
  }
  return { type, status: "False", reason: "None", message: "DR has every kind and class that copies need" };
}

function told(missing: readonly MissingClass[]): string {
  const names = missing.slice(0, MAX_NAMES).map(({ name, users }) => `${name} (${shown(users)})`).join(", ");
  const more = missing.length > MAX_NAMES ? ` and ${missing.length - MAX_NAMES} more` : "";
  return `DR lacks classes without which an activation would hang: ${names}${more}: ${REMEDY}`;
}

function shown(users: readonly string[]): string {
  return users.length > 1 ? `${users[0]} and ${users.length - 1} more` : users.join("");
}
