/**
 * What a person wants to hear of a volume's passes: the first copy, the first failure, the recovery, corruption. Holds are told with those
 * of deletes, see announce.ts.
 *
 * @module
 */
import type { VolumeState } from "./volume_status.ts";

/** Most files that an Event names. */
const MAX_NAMES = 5;

/** An Event of a Replication. */
export type Tell = (type: "Normal" | "Warning", reason: string, note: string) => void;

/** Tells what a pass has changed. */
export function tellNews(before: VolumeState, after: VolumeState, tell: Tell): void {
  const { claim, phase, reason = phase, message = "", record } = after;
  const failed = before.attempts ?? 0;
  if (phase === "Failed" && (failed === 0 || before.reason !== after.reason)) {
    tell("Warning", "VolumeFailed", `volume ${claim}: ${reason}: ${message}`);
  }
  if (phase !== "Synced") return;
  const differing = record?.verified?.time === before.record?.verified?.time ? 0 : record?.verified?.differing ?? 0;
  if (differing > 0) tell("Warning", "VolumeDiffered", describeDiffering(after, differing));
  const what = `${record?.files ?? 0} files, ${record?.bytes ?? 0} bytes`;
  if (before.record === undefined) {
    tell("Normal", "VolumeSynced", `volume ${claim} is in DR for the first time: ${what}`);
  } else if (failed > 0) {
    tell("Normal", "VolumeRecovered", `volume ${claim} is in DR again, after ${failed} failed passes`);
  } else if (before.holds.length > 0) tell("Normal", "VolumeReleased", `volume ${claim} is in DR as approved: ${what}`);
}

function describeDiffering({ claim, differingPaths = [] }: VolumeState, differing: number): string {
  const shown = differingPaths.slice(0, MAX_NAMES);
  const names = `${shown.join(", ")}${differing > shown.length ? ", …" : ""}`;
  return `volume ${claim}: ${differing} files in DR held something else than the source's, at the same length and time; ` +
    `they are mended: ${names}`;
}
