/**
 * Overrides of a Replication that could never be carried out, or would take away what makes a copy provably ours.
 *
 * @module
 */
import { GROUP } from "./keys.ts";
import { parsePointer } from "./json_pointer.ts";
import { selectorProblems } from "./label_selector.ts";
import type { AnyReplication, JsonPatchOperation } from "./types.ts";
import type { Problem } from "./verdict.ts";

const NEEDS_VALUE: ReadonlySet<string> = new Set(["add", "replace", "test"]);
const NEEDS_FROM: ReadonlySet<string> = new Set(["move", "copy"]);

/** What is wrong with the overrides of a Replication. */
export function overrideProblems({ spec }: AnyReplication): Problem[] {
  return (spec.overrides ?? []).flatMap(({ name, match, jsonPatch }) => {
    const field = `spec.overrides[${name}]`;
    return [
      ...selectorProblems(`${field}.match.labelSelector`, match.labelSelector),
      ...jsonPatch.flatMap((operation, index) => operationProblems(`${field}.jsonPatch[${index}]`, operation)),
    ];
  });
}

function operationProblems(field: string, operation: JsonPatchOperation): Problem[] {
  const { op, path, from } = operation;
  if (NEEDS_VALUE.has(op) && !Object.hasOwn(operation, "value")) {
    return [problem(`${field}.value`, "", `${op} needs a value, and null is none`, "add it, or use remove")];
  }
  if (NEEDS_FROM.has(op) && from === undefined) {
    return [problem(`${field}.from`, "", `${op} needs the pointer it takes the value from`, "add it")];
  }
  const takesAway = op === "move" && from !== undefined;
  return [
    ...pointerProblems(`${field}.path`, path, op !== "test"),
    ...(from === undefined ? [] : pointerProblems(`${field}.from`, from, takesAway)),
    ...keyValueProblems(`${field}.value`, operation),
  ];
}

function pointerProblems(field: string, pointer: string, isChanged: boolean): Problem[] {
  const keys = parsePointer(pointer);
  if (keys === undefined) {
    return [problem(field, pointer, "this is no JSON pointer", "begin with /; write ~1 for a / in a key, ~0 for a ~")];
  }
  const why = isChanged ? whyFixed(keys) : undefined;
  if (why === undefined) return [];
  return [problem(field, pointer, why, "patch below another field, or one label or annotation of your own")];
}

/** Why a place may not be changed: it is, holds, or is part of what the copy is known by. */
function whyFixed(keys: readonly string[]): string | undefined {
  const [first, second, key] = keys;
  if (first === undefined) return "this is the whole object";
  if (keys.some((one) => one.startsWith(`${GROUP}/`))) return `only dr-syncer writes ${GROUP} keys`;
  if (first === "apiVersion" || first === "kind") return "a copy is of the kind of its source";
  if (first === "status") return "a copy has no status but its own";
  if (first !== "metadata") return undefined;
  if (second === undefined) return "this holds the name, the namespace and the proof that the copy is ours";
  if (second !== "labels" && second !== "annotations") return `metadata.${second} is not the spec's to set`;
  return key === undefined ? `this holds ${GROUP} keys, which only dr-syncer writes` : undefined;
}

function keyValueProblems(field: string, { path, value }: JsonPatchOperation): Problem[] {
  if (!path.startsWith("/metadata/") || value === undefined || typeof value === "string") return [];
  return [problem(field, JSON.stringify(value), "a label or annotation is a string", "put it in quotes")];
}

function problem(field: string, value: string, message: string, remedy: string): Problem {
  return { field, value, message, remedy, reason: "OverrideInvalid" };
}
