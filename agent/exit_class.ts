/**
 * What an exit code of rsync means, together with what was said on standard error: 5 and 12 mean many things.
 *
 * @module
 */
import { GUARD_MARK } from "./settings/rsyncd_conf.ts";

/** What is to be done about it. */
export type FailureClass =
  | "partial" // some paths were not copied: tried again, not a good pass
  | "held" // a person has to decide
  | "disk" // the target volume is full
  | "transient" // tried again, later each time
  | "configuration" // does not heal by itself
  | "security" // told at once, not tried again
  | "stopped"; // somebody asked for it

/** Why a pass did not end well. */
export type FailureReason =
  | "PathsFailed"
  | "TooManyDeletes"
  | "GuardRefused"
  | "TargetFull"
  | "TargetWrite"
  | "HostKeyChanged"
  | "KeyRefused"
  | "Unreachable"
  | "ConnectionLost"
  | "TimedOut"
  | "SourceBusy"
  | "UnknownModule"
  | "SourceMissing"
  | "Unsupported"
  | "OutOfMemory"
  | "Stopped"
  | "Unknown";

/** The verdict on an end of rsync or ssh. */
export type Verdict =
  | { readonly kind: "good"; /** Files vanished while they were copied: look again soon. */ readonly rescan: boolean }
  | { readonly kind: "bad"; readonly class: FailureClass; readonly reason: FailureReason; readonly message: string };

type Meaning = readonly [FailureClass, FailureReason, string];

/** Codes of an end before the transfer began. */
const AT_START: readonly number[] = [5, 12, 255];

/**
 * What standard error says, for some codes only: the name of a file that failed may say anything. The first that fits
 * counts.
 */
const SAYINGS: readonly (readonly [readonly number[], RegExp, Meaning])[] = [
  [AT_START, /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/, [
    "security",
    "HostKeyChanged",
    "the source's host key is not the pinned one",
  ]],
  [AT_START, /: Permission denied \(publickey|Too many authentication failures/, [
    "security",
    "KeyRefused",
    "the source refused our key",
  ]],
  [AT_START, new RegExp(GUARD_MARK), ["held", "GuardRefused", "the guard at the source refused the transfer"]],
  [AT_START, /@ERROR: Unknown module/, ["configuration", "UnknownModule", "the source serves no such volume"]],
  [AT_START, /@ERROR: (chdir|chroot)/, ["configuration", "SourceMissing", "the source's volume cannot be entered"]],
  [AT_START, /@ERROR: max connections/, ["transient", "SourceBusy", "the source serves others"]],
  [AT_START, /Connection refused|Could not resolve hostname|No route to host|Network is unreachable|timed out/, [
    "transient",
    "Unreachable",
    "the source cannot be reached",
  ]],
  [[11, 12, 23], /\((28|122)\)$/m, ["disk", "TargetFull", "the target volume is full"]],
];

/** What the codes mean by themselves, see rsync(1). 255 is ssh's. */
const CODES: Readonly<Record<number, Meaning>> = {
  1: ["configuration", "Unsupported", "rsync did not understand its arguments"],
  2: ["configuration", "Unsupported", "the two rsyncs speak different protocols"],
  4: ["configuration", "Unsupported", "one rsync lacks what was asked for"],
  5: ["transient", "ConnectionLost", "the connection ended before the transfer began"],
  10: ["transient", "ConnectionLost", "the connection failed"],
  11: ["disk", "TargetWrite", "the target volume could not be written"],
  12: ["transient", "ConnectionLost", "the connection broke"],
  20: ["transient", "ConnectionLost", "rsync was ended from outside"],
  22: ["transient", "OutOfMemory", "rsync had not enough memory"],
  23: ["partial", "PathsFailed", "some paths could not be copied"],
  25: ["held", "TooManyDeletes", "more was gone at the source than the plan had shown"],
  30: ["transient", "TimedOut", "no byte came for too long"],
  35: ["transient", "TimedOut", "the source did not answer in time"],
  255: ["transient", "ConnectionLost", "the connection failed"],
};

/** Judges an end. `errors` is what was said on standard error. */
export function judgeExit(code: number, errors: string, stopped = false): Verdict {
  if (stopped) return bad(["stopped", "Stopped", "it was stopped"]);
  // Signals: KILL and the like.
  const byCode = CODES[code] ?? (code > 128 ? CODES[20] : undefined);
  if (code === 0 || code === 24) return { kind: "good", rescan: code === 24 };
  const said = SAYINGS.find(([codes, pattern]) => codes.includes(code) && pattern.test(errors));
  return bad(said?.[2] ?? byCode ?? ["transient", "Unknown", `rsync ended with exit code ${code}`]);
}

function bad([failureClass, reason, message]: Meaning): Verdict {
  return { kind: "bad", class: failureClass, reason, message };
}

/** Lines of standard error that name paths that failed, at most `limit`. */
export function failedPaths(errors: string, limit = 20): string[] {
  const lines = errors.split("\n").filter((line) => /^rsync: .*(failed|error|denied|cannot)/i.test(line));
  return lines.slice(0, limit).map((line) => line.slice(0, 500));
}
