/**
 * What a pass tells of itself.
 *
 * @module
 */
import type { Census } from "./census.ts";
import type { FailureClass, FailureReason } from "./exit_class.ts";
import type { Hold } from "./guards.ts";
import type { Moment } from "./moment.ts";
import type { Progress } from "./progress.ts";
import type { TransferStats } from "./statistics.ts";

/** Reasons of our own besides those that rsync gives. */
export type PassReason =
  | FailureReason
  | "Busy"
  | "Fenced"
  | "Foreign"
  | "Unheard"
  | "CensusFailed"
  | "Settings"
  | "Internal";

/** How a pass ended. */
export type Outcome =
  | { readonly kind: "good"; /** Files vanished while they were copied: look again soon. */ readonly rescan: boolean }
  | { readonly kind: "held"; readonly holds: readonly Hold[] }
  | {
    readonly kind: "failed";
    readonly class: FailureClass;
    readonly reason: PassReason;
    /** For people; holds what ssh or rsync said. */
    readonly message: string;
    readonly exitCode?: number;
    /** At most 20 lines, each of which names a path. */
    readonly failedPaths: readonly string[];
  };

/** What a comparison of contents has found. */
export interface Comparison {
  /** Files that were compared. */
  readonly files: number;
  /** Files of the target that held something else than the source's at the same length and time. */
  readonly differing: number;
  /** Some of them, at most 20, odd bytes as `\#ooo`. */
  readonly sample: readonly string[];
}

/** A pass, once it is over. */
export interface PassReport {
  readonly passId: string;
  readonly outcome: Outcome;
  /** RFC 3339. What the source had committed before this time is in the target when the outcome is good. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** Whether an earlier pass had left the target half-written. */
  readonly wasDirty: boolean;
  /** Whether this one leaves it so. */
  readonly isDirty: boolean;
  /** Undefined when the source was not reached. */
  readonly source?: Census;
  /** Entries of the target before the pass. */
  readonly targetEntries?: number;
  /** Nothing was compared but what the source said had changed. */
  readonly changesOnly?: true;
  /** Of the source's clock: what had changed before is in the target. Only of a good pass, where that can be said. */
  readonly seenUntil?: Moment;
  /** What was transferred; all 0 when nothing had to be. */
  readonly stats?: TransferStats;
  /** Of a pass that compared what was in the target already; all of it is mended when the outcome is good. */
  readonly compared?: Comparison;
}

/** What a pass is at. */
export type Step = "Connecting" | "Planning" | "Transferring" | "Comparing" | "Flushing";

/** A pass that runs. */
export interface PassState {
  readonly passId: string;
  readonly step: Step;
  readonly progress?: Progress;
}
