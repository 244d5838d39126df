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
import { type Entry, markOf, type Remainder } from "./memory.ts";
import { type Attempt, fencedFailure } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { omitField, unknownFields } from "./unknown_fields.ts";

/** How many fields a copy may do without: an object that DR knows this little of is better not there. */
const MAX_OMITTED = 16;

/** What was stored and what of it is not as wanted, or why nothing was. */
type Stored =
  | { readonly object: KubeObject; readonly remainder: Remainder | undefined }
  | { readonly failure: Failure };

/** Writes the copy as it was last seen, or creates it where there is none. Throws `KubeError`. */
export async function applyCopy(attempt: Attempt): Promise<Outcome> {
  const { kind, name, entry, context } = attempt;
  if (kind.target === undefined) return await context.missingKind(kind);
  const known = entry.copy;
  const stored = await store(kind.target, attempt, false);
  if ("failure" in stored) return { type: "Failed", failure: stored.failure };
  context.memory.setCopy(entry, markOf(stored.object.metadata));
  entry.remainder = stored.remainder;
  const operation = known === undefined ? "create" : "update";
  context.audit(operation, kind.name, name, entry.copy?.resourceVersion ?? "");
  return { type: "Written", operation };
}

/** What DR would not take of the copy as it was last seen, without writing it; throws `KubeError` when it would refuse it. */
export async function rehearse(
  attempt: Attempt,
): Promise<{ readonly remainder?: Remainder; readonly failure?: Failure }> {
  if (attempt.kind.target === undefined) return {};
  return await store(attempt.kind.target, attempt, true);
}

async function store(type: ResourceType, attempt: Attempt, dryRun: boolean): Promise<Stored> {
  const { kind, want, entry, context } = attempt;
  const schema = context.targetSchema(kind);
  const isRepeated = entry.remainder?.hash === want.hash && entry.remainder.schema === schema;
  const omit = isRepeated ? entry.remainder?.unknownFields ?? [] : [];
  const known = await applyKnown(type, attempt, omit, dryRun);
  if ("failure" in known) return known;
  const difference = differenceOf(known.object, want.object);
  if (difference === undefined) return { object: known.object, remainder: undefined };
  const path = firstDifference(known.object, want.object) ?? "";
  const remainder: Remainder = { hash: want.hash, difference, path, schema, unknownFields: known.omitted };
  return { object: known.object, remainder };
}

/** "1" is a resourceVersion that no copy has: absent → created, existing → 409, never a silent merge. */
function preconditionsOf({ copy }: Entry): { readonly uid?: string; readonly resourceVersion: string } {
  return copy === undefined ? { resourceVersion: "1" } : { uid: copy.uid, resourceVersion: copy.resourceVersion };
}

/** Applies an object without the fields to omit, and without those that DR then names as unknown, a few at a time. */
async function applyKnown(
  type: ResourceType,
  { kind, want, entry, context }: Attempt,
  omit: readonly string[],
  dryRun: boolean,
): Promise<{ readonly object: KubeObject; readonly omitted: readonly string[] } | { readonly failure: Failure }> {
  // Without `Ignore` the server parses the body a second time, to warn nobody; unknown fields are an error of apply itself.
  const options = { fieldManager: FIELD_MANAGER, fieldValidation: "Ignore", signal: context.signal, dryRun } as const;
  const omitted: string[] = [];
  let object = want.object;
  let unknown = omit;
  for (;;) {
    for (const path of unknown) {
      const omission = omitField(object, path, context.specReplicasPath(kind));
      if (omission.type === "Kept") return { failure: keptFailure(path, omission.why) };
      object = omission.object;
      omitted.push(path);
    }
    // Rounds take their time: the fence may have closed meanwhile.
    if (!dryRun && !context.mayWrite()) return { failure: fencedFailure(context) };
    const body: KubeObject = { ...object, metadata: { ...object.metadata, ...preconditionsOf(entry) } };
    try {
      return { object: await context.target.apply(type, body, options), omitted };
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
