/**
 * The configuration of a source agent's rsync daemon: one volume, read-only, within a chroot.
 *
 * @module
 */
import { plainPath, SettingsError } from "./plain_value.ts";

/** Name of the one module. */
export const MODULE = "volume";

/** What belongs to us or to the filesystem and is no data of the volume; patterns of rsync(1). */
export const NEVER_COPIED = ["/.dr-syncer/", "/lost+found/"] as const;

/** What the guard script says when it refuses; the other side tells it from other failures by this. */
export const GUARD_MARK = "dr-syncer-guard:";

/** What differs between source agents. */
export interface RsyncdSettings {
  readonly dataPath: string;
  readonly guardScriptPath: string;
  readonly lockPath: string;
  /** Whether the daemon runs as root: then it stays root and changes its root to the volume. */
  readonly isRoot: boolean;
}

/** Text of rsyncd.conf(5). @throws {SettingsError} */
export function rsyncdConf({ dataPath, guardScriptPath, lockPath, isRoot }: RsyncdSettings): string {
  const global = [
    ["use chroot", isRoot ? "yes" : "no"],
    ["lock file", plainPath("lockPath", lockPath)],
    // Of a module it counts only once that is chosen: before that the daemon would ask for the client's name all the same.
    ["reverse lookup", "no"],
  ];
  const module = [
    ["path", plainPath("dataPath", dataPath)],
    ["read only", "yes"],
    ["list", "no"],
    ["numeric ids", "yes"],
    ["munge symlinks", "no"],
    ["exclude", NEVER_COPIED.join(" ")],
    ["pre-xfer exec", `/bin/sh ${plainPath("guardScriptPath", guardScriptPath)}`],
    // A daemon of root becomes nobody unless told otherwise.
    ...(isRoot ? [["uid", "0"], ["gid", "0"]] : []),
  ];
  const format = (settings: string[][]) => settings.map(([name, value]) => `${name} = ${value}\n`).join("");
  return `${format(global)}[${MODULE}]\n${format(module)}`;
}

/** A root of a volume as `stat` tells it, see `guardScript`. */
export const ROOT_FORMATS = { file: "%i %.9W", filesystem: "%T %i" } as const;

/**
 * Text of the script that runs before each transfer: it refuses when the root is not the one this agent started with.
 *
 * @param seen what `stat -c` and `stat -f -c` with `ROOT_FORMATS` said at the start, joined by a space
 * @throws {SettingsError}
 */
export function guardScript(dataPath: string, seen: string): string {
  const path = plainPath("dataPath", dataPath);
  if (!/^[A-Za-z0-9 ./-]+$/.test(seen)) throw new SettingsError("root", seen, "give what stat says of it");
  const { file, filesystem } = ROOT_FORMATS;
  return `export LC_ALL=C
now="$(/usr/bin/stat -c '${file}' ${path}) $(/usr/bin/stat -f -c '${filesystem}' ${path})"
[ "$now" = '${seen}' ] && exit 0
echo '${GUARD_MARK} the root of the source volume is not the one that this agent started with'
exit 1
`;
}
