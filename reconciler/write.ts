/**
 * The write of one copy: a create where there is none, else server-side apply with preconditions; without what DR does not know.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject, ResourceType } from "../kube/types.ts";
import { differenceOf, firstDifference } from "./desired/compare.ts";
import { classify, type Failure } from "./failure.ts";
import { ownAsApplied } from "./field_owner.ts";
import { type CopyMark, markOf, type Remainder } from "./memory.ts";
import { type Attempt, fencedFailure, type MirrorContext } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";
import { omitField, unknownFields } from "./unknown_fields.ts";

/** No object has it: an apply that names it creates, or answers 409. */
const ABSENT = "1";
/** How many fields a copy may do without: an object that DR knows this little of is better not there. */
const MAX_OMITTED = 16;

/** What was stored and what of it is not as wanted, or why nothing was. */
type Stored =
  | { readonly object: KubeObject; readonly remainder: Remainder | undefined }
  | { readonly failure: Failure };

/** Writes the copy as it was last seen, or creates it where there is none. Throws `KubeError`. */
export async function applyCopy(attempt: Attempt): Promise<Outcome> {
  const { kind, name, want, entry, context } = attempt;
  if (kind.target === undefined) return await context.missingKind(kind);
  const known = entry.copy;
  const writes = await ownAsApplied(attempt) ? 2 : 1;
  const stored = await store(kind.target, attempt, false).catch((error: unknown) => {
    // The first of the two was carried out.
    if (writes === 2) context.audit("take", kind.name, name, entry.copy?.resourceVersion ?? "");
    throw error;
  });
  if ("failure" in stored) return { type: "Failed", failure: stored.failure };
  context.memory.setCopy(entry, markOf(stored.object.metadata));
  entry.remainder = stored.remainder;
  entry.written = want.hash;
  const operation = known === undefined ? "create" : "update";
  context.audit(operation, kind.name, name, entry.copy?.resourceVersion ?? "");
  return { type: "Written", operation, writes };
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
  const known = await writeKnown(type, attempt, omit, dryRun);
  if ("failure" in known) return known;
  const difference = differenceOf(known.object, want.object);
  if (difference === undefined) return { object: known.object, remainder: undefined };
  const path = firstDifference(known.object, want.object) ?? "";
  const remainder: Remainder = { hash: want.hash, difference, path, schema, unknownFields: known.omitted };
  return { object: known.object, remainder };
}

/** Writes an object without the fields to omit, and without those that DR then names as unknown, a few at a time. */
async function writeKnown(
  type: ResourceType,
  { kind, want, entry, context }: Attempt,
  omit: readonly string[],
  dryRun: boolean,
): Promise<{ readonly object: KubeObject; readonly omitted: readonly string[] } | { readonly failure: Failure }> {
  const omitted: string[] = [];
  let object = want.object;
  let unknown = omit;
  for (;;) {
    for (const path of unknown) {
      const omission = omitField(object, path, kind.specReplicasPath);
      if (omission.type === "Kept") return { failure: keptFailure(path, omission.why) };
      object = omission.object;
      omitted.push(path);
    }
    // An update names the copy that an activation would have changed; a create has nothing but the fence.
    if (!dryRun && entry.copy === undefined) await context.fence.prove();
    // Rounds take their time: the fence may have closed meanwhile.
    if (!dryRun && !context.mayWrite()) return { failure: fencedFailure(context) };
    try {
      const isYoung = context.isYoung(kind);
      return { object: await send(type, { object, copy: entry.copy, isYoung }, context, dryRun), omitted };
    } catch (error) {
      unknown = isKubeError(error, "Invalid", "BadRequest", "ServerError") ? unknownFields(error) : [];
      if (unknown.length === 0) throw error;
      if (omitted.length + unknown.length > MAX_OMITTED) return { failure: classify(error) };
    }
  }
}

/** One write. What exists is never merged into silently: a create answers 409 then, an update names the copy that it was decided on. */
async function send(
  type: ResourceType,
  { object, copy, isYoung }: { object: KubeObject; copy: CopyMark | undefined; isYoung: boolean },
  { target, signal }: MirrorContext,
  dryRun: boolean,
): Promise<KubeObject> {
  const options = { fieldManager: FIELD_MANAGER, signal, dryRun } as const;
  if (copy === undefined && isYoung) {
    // The API server holds back each POST of a custom resource for 2 s while its definition is younger than that, an apply it does not.
    const body = { ...object, metadata: { ...object.metadata, resourceVersion: ABSENT } };
    return await target.apply(type, body, { ...options, fieldValidation: "Ignore" });
  }
  // A create drops unknown fields, unless it is strict.
  if (copy === undefined) return await target.create(type, object, { ...options, fieldValidation: "Strict" });
  const { uid, resourceVersion } = copy;
  const body: KubeObject = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
  // Without `Ignore` the server parses the body a second time, to warn nobody; unknown fields are an error of apply itself.
  return await target.apply(type, body, { ...options, fieldValidation: "Ignore" });
}

function keptFailure(path: string, why: string): Failure {
  return {
    failureClass: "FieldUnknown",
    message: `${path}: field not declared in schema; it is not left out, as ${why}`,
  };
}
