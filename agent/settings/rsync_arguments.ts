/**
 * The arguments of rsync on the target's side. Each is one argument of a process: none goes through a shell.
 *
 * @module
 */
import { plainPath, SettingsError } from "./plain_value.ts";
import { MODULE, NEVER_COPIED } from "./rsyncd_conf.ts";
import { SOURCE_HOST } from "./ssh_config.ts";

/** Folder of our own on a target volume, below its root. */
export const OWN_FOLDER = ".dr-syncer";

/** Output of a plan, a line each: what happens, the size, the name with odd bytes written as `\#ooo`. */
export const PLAN_FORMAT = "%i %l %n";

/** Seconds without a byte after which rsync gives up. */
const SILENCE_SECONDS = 120;
/** The same while files are read to be compared: nothing is said meanwhile. ssh notices by itself when the other side is gone. */
const COMPARING_SILENCE_SECONDS = 7_200;

/** What a pass may be told. */
export interface TransferOptions {
  /** Program and arguments that reach the source, without the host. */
  readonly ssh: readonly string[];
  /** Root of the target volume. */
  readonly dataPath: string;
  /** Patterns of rsync(1): neither copied nor deleted. */
  readonly excludes: readonly string[];
  /** KiB a second; no limit unless told. */
  readonly bandwidthKiBps?: number;
  /** zstd at level 1, for links slower than a processor; none unless told. */
  readonly compress?: boolean;
  /** Compares what the files hold instead of size and time. */
  readonly checksum?: boolean;
  /** Half-written files lie in our own folder, where a killed rsync leaves them to go on from: costs 0.1 ms a file. */
  readonly keepParts?: boolean;
  /** Path of a list, see `ChangeList`: nothing else is compared, and nothing else deleted. */
  readonly changes?: string;
  /** Copies while the source's list is still being made, which on a long way takes longer. */
  readonly incremental?: boolean;
  /** Leaves holes where a file has them: rsync then writes each KiB by itself. */
  readonly sparse?: boolean;
}

/** Shows what a pass would do, and does nothing. @throws {SettingsError} */
export function planArguments(options: TransferOptions): string[] {
  return ["--dry-run", `--out-format=${PLAN_FORMAT}`, "--info=stats2", ...listed(options), ...common(options)];
}

/**
 * Carries a pass out.
 *
 * @param maxDeletes second bound behind the plan: more than this is never deleted, even if the source changes meanwhile
 * @throws {SettingsError}
 */
export function passArguments(options: TransferOptions, maxDeletes: number): string[] {
  const own = `${plainPath("dataPath", options.dataPath)}/${OWN_FOLDER}`;
  return [
    "--info=progress2,stats2",
    "--outbuf=Line",
    `--partial-dir=${own}/partial`,
    ...(options.keepParts ? [`--temp-dir=${own}/temporary`] : []),
    `--max-delete=${maxDeletes}`,
    ...listed(options),
    ...common(options),
  ];
}

/** What a list's folders hold is compared one level deep; deleted is what such a folder lacks, never what a list names. */
function listed({ changes }: TransferOptions): string[] {
  if (changes === undefined) return [];
  return ["--from0", `--files-from=${plainPath("changes", changes)}`, "--dirs", "--ignore-missing-args"];
}

/**
 * Copies what a list names, and deletes nothing: folders with everything in them, or what such a folder holds itself.
 *
 * @throws {SettingsError}
 */
export function copyListArguments(
  options: TransferOptions,
  ownPath: string,
  channel: number,
  isRecursive: boolean,
): string[] {
  return [
    "--info=progress2,stats2",
    "--outbuf=Line",
    ...(options.keepParts ? [`--temp-dir=${ownPath}/temporary`] : []),
    "--from0",
    `--files-from=${listPath(ownPath, channel)}`,
    isRecursive ? "--recursive" : "--dirs",
    ...common(options).filter((argument) => argument !== "--delete-delay"),
  ];
}

/**
 * Compares what a list names by what it holds: shows what differs (`isPlan`), or mends it. Deletes nothing, and passes over what
 * the source has no more.
 *
 * @throws {SettingsError}
 */
export function sampleArguments(options: TransferOptions, isPlan: boolean): string[] {
  const own = `${plainPath("dataPath", options.dataPath)}/${OWN_FOLDER}`;
  return [
    ...(isPlan
      ? ["--dry-run", `--out-format=${PLAN_FORMAT}`, "--info=stats2"]
      : ["--info=progress2,stats2", "--outbuf=Line"]),
    "--from0",
    `--files-from=${samplePath(own)}`,
    "--ignore-missing-args",
    ...common({ ...options, checksum: true }).filter((argument) => argument !== "--delete-delay"),
  ];
}

/** Where the list of a channel is, below our own folder. */
export function listPath(ownPath: string, channel: number): string {
  return `${ownPath}/temporary/list-${channel}`;
}

/** Where the list of files to be compared is, below our own folder. */
export function samplePath(ownPath: string): string {
  return `${ownPath}/temporary/sample`;
}

/** Where the list of what has changed is, below our own folder. */
export function changesPath(ownPath: string): string {
  return `${ownPath}/temporary/changes`;
}

function common(options: TransferOptions): string[] {
  const { ssh, dataPath, excludes, bandwidthKiBps, compress, checksum, sparse } = options;
  return [
    "-aHAX",
    ...(sparse ? ["--sparse"] : []),
    "--numeric-ids",
    "--no-devices",
    "--specials",
    ...(options.incremental ? [] : ["--no-inc-recursive"]),
    "--delete-delay",
    // Nanoseconds count: by default an edit of the same length in the same second is never seen.
    "--modify-window=-1",
    "--no-human-readable",
    "--no-motd",
    `--timeout=${checksum ? COMPARING_SILENCE_SECONDS : SILENCE_SECONDS}`,
    // Of extended attributes the users' own alone: others belong to the node.
    "--filter=-x! user.*",
    ...[...NEVER_COPIED, ...excludes.map(pattern)].map((exclude) => `--exclude=${exclude}`),
    ...(bandwidthKiBps === undefined ? [] : [`--bwlimit=${Math.max(1, Math.round(bandwidthKiBps))}`]),
    ...(compress ? ["--compress", "--compress-choice=zstd", "--compress-level=1"] : []),
    ...(checksum ? ["--checksum"] : []),
    // rsync splits this at spaces by itself.
    `--rsh=${ssh.map(word).join(" ")}`,
    `${SOURCE_HOST}::${MODULE}/`,
    `${plainPath("dataPath", dataPath)}/`,
  ];
}

function word(value: string): string {
  if (/^[A-Za-z0-9/._-]+$/.test(value)) return value;
  throw new SettingsError("ssh", value, "give words of letters, digits, slashes, dots and dashes");
}

function pattern(exclude: string): string {
  if (exclude !== "" && !/[\0\n]/.test(exclude)) return exclude;
  throw new SettingsError("exclude", exclude, "give a pattern of rsync(1) in one line");
}
