/**
 * How a pass ends that does not get to its end.
 *
 * @module
 */
import { CensusError } from "./census.ts";
import { failedPaths, judgeExit } from "./exit_class.ts";
import { FolderError } from "./own_folder.ts";
import { KeyFileError } from "./plain_file.ts";
import type { Outcome } from "./report.ts";
import { SettingsError } from "./settings/plain_value.ts";

/** An end before the work is done. */
export class Ended extends Error {
  override readonly name = "Ended";
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** The end that an exit code of rsync or ssh means; `stopped` when somebody asked for it. */
export function endOf(exitCode: number, errors: string, stopped: boolean): Ended {
  const verdict = judgeExit(exitCode, errors, stopped);
  if (verdict.kind === "good") return new Ended(verdict);
  const said = errors.trim().slice(0, 2_000);
  const message = said === "" ? verdict.message : `${verdict.message}: ${said}`;
  const { class: failureClass, reason } = verdict;
  return new Ended({
    kind: "failed",
    class: failureClass,
    reason,
    message,
    exitCode,
    failedPaths: failedPaths(errors),
  });
}

/** The outcome that an error means. */
export function explain(error: unknown, stopped: boolean): Outcome {
  if (error instanceof Ended) return error.outcome;
  const message = error instanceof Error ? error.message : String(error);
  const failed = { kind: "failed", message, failedPaths: [] } as const;
  if (stopped) return { ...failed, class: "stopped", reason: "Stopped" };
  if (error instanceof FolderError) {
    return { ...failed, class: error.reason === "Busy" ? "transient" : "configuration", reason: error.reason };
  }
  if (error instanceof SettingsError || error instanceof KeyFileError) {
    return { ...failed, class: "configuration", reason: "Settings" };
  }
  return { ...failed, class: "transient", reason: error instanceof CensusError ? "CensusFailed" : "Internal" };
}
