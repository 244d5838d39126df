/**
 * Moments of a source's clock. Times of change (ctime) are the kernel's: nobody can set them, and writes through mappings
 * have them, too. What has changed since a moment is told by them, as long as the clock has gone on evenly.
 *
 * @module
 */
import { runForText } from "./child.ts";
import type { RootIdentity } from "./identity.ts";

/** A moment of a source's clock. */
export interface Moment {
  /** Which boot of which kernel the clock is of. */
  readonly boot: string;
  /** When that was, in seconds since 1970: another number once the clock has been set. */
  readonly bootTime: number;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** What a source says of its clock besides a census. */
export interface SourceClock extends Moment {
  /** The latest change that the census has seen. */
  readonly newestSeconds: number;
}

/** The kernel dates changes by its ticks, of which the slowest lasts 10 ms. */
const TICK_SECONDS = 0.02;

/** Filesystems whose moved entries get a new time of change; others need not (POSIX lets them choose). */
const DATES_MOVES = ["ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs"];

/** Whether all changes of a volume can be told by their times: one kernel, and a filesystem that dates moves. */
export function datesChanges({ filesystem }: RootIdentity): boolean {
  return DATES_MOVES.includes(filesystem);
}

/** Reads the clock of this kernel. @throws {ChildError} when /proc cannot be read */
export async function readClock(nowWallMs: number, signal: AbortSignal): Promise<Moment> {
  const args = ["/proc/sys/kernel/random/boot_id", "/proc/stat"];
  // Deno reads /proc only with every permission granted.
  const text = await runForText({ program: "/usr/bin/cat", args, signal });
  const [boot = ""] = text.split("\n");
  return { boot, bootTime: Number(text.match(/^btime (\d+)$/m)?.[1] ?? 0), seconds: nowWallMs / 1_000 };
}

/** Whether two moments are of one clock that has not been set in between. */
export function isSameClock(a: Moment, b: Moment): boolean {
  return a.boot !== "" && a.boot === b.boot && a.bootTime === b.bootTime;
}

/**
 * The moment before which everything was seen by looks that began `elapsedSeconds` before the answer came. Never later
 * than the latest change: a snapshot's clock stands still while the volume goes on.
 */
export function seenUntil({ boot, bootTime, seconds, newestSeconds }: SourceClock, elapsedSeconds: number): Moment {
  return { boot, bootTime, seconds: Math.min(newestSeconds, seconds - elapsedSeconds) - TICK_SECONDS };
}
