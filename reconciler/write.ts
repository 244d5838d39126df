/**
 * The write of one copy: server-side apply with preconditions, without what DR does not know.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject, ResourceType } from "../kube/types.ts";
import { differenceOf, firstDifference } from "./desired/compare.ts";
import { classify, type Failure } from "./failure.ts";
import type { MirroredKind } from "./kinds.ts";
import { type Entry, markOf } from "./memory.ts";
import type { Attempt, MirrorContext } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { omitField, unknownFields } from "./unknown_fields.ts";

/** How many fields a copy may do without: an object that DR knows this little of is better not there. */
const MAX_OMITTED = 16;

/** What was stored, or why nothing was. */
type Stored =
  | { readonly object: KubeObject; readonly omitted: readonly string[] }
  | { readonly failure: Failure };

/** Writes the copy as it was last seen, or creates it where there is none. Throws `KubeError`. */
export async function applyCopy({ kind, name, want, entry, context }: Attempt): Promise<Outcome> {
  if (kind.target === undefined) return await context.missingKind(kind);
  const known = entry.copy;
  const schema = context.targetSchema(kind);
  const isRepeated = entry.remainder?.hash === want.hash && entry.remainder.schema === schema;
  const omit = isRepeated ? entry.remainder?.unknownFields ?? [] : [];
  const stored = await applyKnown(kind.target, want.object, omit, preconditionsOf(entry), kind, context);
  if ("failure" in stored) return { type: "Failed", failure: stored.failure };
  context.memory.setCopy(entry, markOf(stored.object.metadata));
  const difference = differenceOf(stored.object, want.object);
  entry.remainder = difference === undefined ? undefined : {
    hash: want.hash,
    difference,
    path: firstDifference(stored.object, want.object) ?? "",
    schema,
    unknownFields: stored.omitted,
  };
  const operation = known === undefined ? "create" : "update";
  context.audit(operation, kind.name, name, entry.copy?.resourceVersion ?? "");
  return { type: "Written", operation };
}

/** "1" is a resourceVersion that no copy has: absent → created, existing → 409, never a silent merge. */
function preconditionsOf({ copy }: Entry): { readonly uid?: string; readonly resourceVersion: string } {
  return copy === undefined ? { resourceVersion: "1" } : { uid: copy.uid, resourceVersion: copy.resourceVersion };
}

/** Applies an object without the fields to omit, and without those that DR then names as unknown, a few at a time. */
async function applyKnown(
  type: ResourceType,
  whole: KubeObject,
  omit: readonly string[],
  preconditions: object,
  kind: MirroredKind,
  context: MirrorContext,
): Promise<Stored> {
  const omitted: string[] = [];
  let object = whole;
  let unknown = omit;
  for (;;) {
    for (const path of unknown) {
      const omission = omitField(object, path, context.specReplicasPath(kind));
      if (omission.type === "Kept") return { failure: keptFailure(path, omission.why) };
      object = omission.object;
      omitted.push(path);
    }
    const body: KubeObject = { ...object, metadata: { ...object.metadata, ...preconditions } };
    try {
      const stored = await context.target.apply(type, body, { fieldManager: FIELD_MANAGER, signal: context.signal });
      return { object: stored, omitted };
    } catch (error) {
      unknown = isKubeError(error, "Invalid", "ServerError") ? unknownFields(error) : [];
      if (unknown.length === 0) throw error;
      if (omitted.length + unknown.length > MAX_OMITTED) return { failure: classify(error) };
    }
  }
}

function keptFailure(path: string, why: string): Failure {
  return {
    failureClass: "FieldUnknown",
    message: `${path}: field not declared in schema; it is not left out, as ${why}`,
  };
}
