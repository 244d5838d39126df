/**
 * Telling a person who edits a copy from somebody in DR who never agrees: the same difference comes back after each
 * correction, or one difference after another.
 *
 * A correction is a write that no change of the source has asked for.
 *
 * @module
 */

/** Corrections of the same difference, one soon after the other, after which we give in. */
const MAX_CORRECTIONS = 5;
/** Corrections of whatever differs, one soon after the other, after which we give in. */
const MAX_ANY = 10;
/** Corrections further apart have nothing to do with each other: operators look again every ten minutes or more often. */
const SOON_MS = 15 * 60_000;
/** After this long it is tried again: whoever disagreed may be gone. */
const TRUCE_MS = 60 * 60_000;

/** Corrections of one copy so far. */
export interface Dispute {
  /** Hash of the desired object. */
  readonly hash: string;
  /** See `differenceOf`. */
  readonly difference: string;
  /** Of this difference, without another in between. */
  readonly corrections: number;
  /** Of any. */
  readonly all: number;
  readonly lastWallMs: number;
}

/** The dispute after one more correction. */
export function corrected(
  before: Dispute | undefined,
  { hash, difference }: Pick<Dispute, "hash" | "difference">,
  nowWallMs: number,
): Dispute {
  const goesOn = before?.hash === hash && nowWallMs - before.lastWallMs < SOON_MS;
  const isSame = goesOn && before.difference === difference;
  return {
    hash,
    difference,
    corrections: isSame ? before.corrections + 1 : 1,
    all: goesOn ? before.all + 1 : 1,
    lastWallMs: nowWallMs,
  };
}

/** How long a difference is left as it is, in milliseconds; 0 when it is to be corrected. */
export function truceMs(
  dispute: Dispute | undefined,
  { hash, difference }: Pick<Dispute, "hash" | "difference">,
  nowWallMs: number,
): number {
  if (dispute?.hash !== hash) return 0;
  const isTooOften = dispute.difference === difference && dispute.corrections >= MAX_CORRECTIONS;
  if (!isTooOften && dispute.all < MAX_ANY) return 0;
  return Math.max(0, dispute.lastWallMs + TRUCE_MS - nowWallMs);
}
