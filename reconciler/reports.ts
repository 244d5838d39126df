/**
 * What is worth knowing about a copy that is where it should be.
 *
 * @module
 */
import type { Entry } from "./memory.ts";

/** A report on one object, without any value of it. */
export interface EntryReport {
  readonly reason: string;
  readonly message: string;
}

/** Why a copy is left as it is, what could not be adapted in it, and what DR did not take of it. */
export function reportsOn({ reports = [], remainder, left }: Entry): readonly EntryReport[] {
  if (left !== undefined) {
    const what = left.reason === "Drifted"
      ? "it stays so until the source object changes"
      : "it is not written any more";
    return [...reports, { reason: left.reason, message: `${left.message}: ${what}` }];
  }
  if (remainder === undefined) return reports;
  const { unknownFields, path } = remainder;
  if (unknownFields.length === 0) {
    return [...reports, {
      reason: "Normalised",
      message: `the DR cluster keeps ${path} otherwise than it was written`,
    }];
  }
  const message = `the DR cluster does not know ${unknownFields.join(", ")}: the copy is without, also when it is ` +
    "activated; upgrade the DR cluster or its CRD";
  return [...reports, { reason: "FieldUnknown", message }];
}
