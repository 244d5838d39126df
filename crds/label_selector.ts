/**
 * Label selectors as Kubernetes means them (metav1.LabelSelector): checked, and asked.
 *
 * @module
 */
import type { LabelSelector } from "./types.ts";
import type { Problem } from "./verdict.ts";

/** Prefix and name of a label key, and a label value (apimachinery, validation.IsQualifiedName and IsValidLabelValue). */
const PREFIX = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

type Requirement = NonNullable<LabelSelector["matchExpressions"]>[number];

/** Whether labels satisfy every part of a selector; an empty selector takes all. */
export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>> = {}): boolean {
  const has = (key: string, value: string) => Object.hasOwn(labels, key) && labels[key] === value;
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => has(key, value)) &&
    (selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, labels));
}

function satisfies({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

/** What makes a selector one that no API server would take; `field` is where it stands. */
export function selectorProblems(field: string, selector: LabelSelector | undefined): Problem[] {
  const labels = Object.entries(selector?.matchLabels ?? {}).flatMap(([key, value]) => [
    ...keyProblems(`${field}.matchLabels`, key),
    ...valueProblems(`${field}.matchLabels.${key}`, value),
  ]);
  const expressions = (selector?.matchExpressions ?? []).flatMap((requirement, index) =>
    requirementProblems(`${field}.matchExpressions[${index}]`, requirement)
  );
  return [...labels, ...expressions];
}

function requirementProblems(field: string, { key, operator, values = [] }: Requirement): Problem[] {
  const needsValues = operator === "In" || operator === "NotIn";
  const count = needsValues === values.length > 0 ? [] : [problem(
    `${field}.values`,
    values.join(","),
    needsValues ? `operator ${operator} needs at least one value` : `operator ${operator} takes no values`,
    needsValues ? "add a value, or use Exists or DoesNotExist" : "remove the values, or use In or NotIn",
  )];
  const wrong = values.flatMap((value, index) => valueProblems(`${field}.values[${index}]`, value));
  return [...keyProblems(`${field}.key`, key), ...count, ...wrong];
}

function keyProblems(field: string, key: string): Problem[] {
  const slash = key.indexOf("/");
  if (NAME.test(key.slice(slash + 1)) && (slash < 0 || PREFIX.test(key.slice(0, slash)))) return [];
  return [problem(field, key, "this is no label key", "write name or example.com/name")];
}

function valueProblems(field: string, value: string): Problem[] {
  if (VALUE.test(value)) return [];
  const remedy = "write at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
  return [problem(field, value, "this is no label value", remedy)];
}

function problem(field: string, value: string, message: string, remedy: string): Problem {
  return { field, value, message, remedy, reason: "SelectorInvalid" };
}
