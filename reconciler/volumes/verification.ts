/**
 * Comparing what volumes hold: how, and when it is time to.
 *
 * @module
 */
import { parseDurationMs } from "../../crds/duration.ts";
import { verification } from "../../crds/schema/volumes.ts";
import type { ReplicationSpec } from "../../crds/types.ts";
import type { VolumeRecord } from "./volume_record.ts";

/** How contents are compared. */
export interface Verification {
  readonly mode: "None" | "Sampled" | "Full";
  /** Not more often than this. */
  readonly intervalMs: number;
}

/** How much of a volume a sample is, at most. */
export const SAMPLE = { files: 1_000, bytes: 1_073_741_824 } as const;

/** The setting, with defaults. */
export function verificationOf(spec: NonNullable<ReplicationSpec["pvc"]>["verification"]): Verification {
  const { mode, interval } = spec ?? verification.parse({});
  return { mode, intervalMs: parseDurationMs(interval) };
}

/** What a pass that begins now compares. A first copy has nothing to be compared with. */
export function comparisonOf(
  { mode, intervalMs }: Verification,
  record: Pick<VolumeRecord, "verified"> | undefined,
  nowWallMs: number,
): Verification["mode"] {
  if (record === undefined) return "None";
  const { verified } = record;
  return verified === undefined || nowWallMs - Date.parse(verified.time) >= intervalMs ? mode : "None";
}
