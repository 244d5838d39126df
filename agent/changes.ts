/**
 * What has changed in a source since a moment, as a list for rsync. It names changed files, and folders with a slash at the
 * end, in which rsync compares what they hold, one level deep, and deletes what the source lacks.
 *
 * @module
 */
import type { WalkEntry } from "./tree_walk.ts";

/** Longer lists are none: a pass over everything is as fast. */
export const MAX_CHANGES = 10_000;
/** Names of a list together. */
export const MAX_LIST_BYTES = 1_048_576;

/** How much of a folder has to be compared. */
type Depth = "level" | "whole";

/**
 * Finds changes in what find prints, parents before children.
 *
 * A folder has changed when something in it came or went, when its attributes changed, or when it was moved. It can only
 * have been moved when the folder that it is in has changed, too: then everything in it has to be compared, however old.
 */
export class ChangeList {
  readonly #sinceSeconds: number;
  readonly #folders = new Map<string, Depth>();
  #names: string[] = [];
  #bytes = 0;
  #hasRoot = false;
  #isTooLong = false;

  constructor(sinceSeconds: number) {
    this.#sinceSeconds = sinceSeconds;
  }

  /** Takes the next entry; the root comes first. */
  add({ depth, type, changedSeconds, path }: WalkEntry): void {
    if (this.#isTooLong || type === "b" || type === "c") return;
    const isChanged = changedSeconds >= this.#sinceSeconds;
    // Most entries have not changed, and nothing above them has: they cost next to nothing.
    if (!isChanged && (type !== "d" || this.#folders.size === 0)) return;
    const name = latin1(path);
    const above = depth === 0 ? undefined : this.#folders.get(parentOf(name));
    if (type !== "d") {
      if (above !== undefined) return;
      // rsync gives a listed file's folders their times back, but not the root.
      return depth === 1 ? this.#pushRoot() : this.#push(name);
    }
    if (!isChanged && above !== "whole") return;
    this.#folders.set(name, above === undefined ? "level" : "whole");
    if (depth === 0) this.#pushRoot();
    else this.#push(`${name}/`);
  }

  /** The names, each with a NUL behind it; undefined when there are too many. */
  finish(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#isTooLong) return undefined;
    return Uint8Array.from(this.#names.map((name) => `${name}\0`).join(""), (letter) => letter.charCodeAt(0));
  }

  #pushRoot(): void {
    if (!this.#hasRoot) this.#push("./");
    this.#hasRoot = true;
  }

  #push(name: string): void {
    this.#names.push(name);
    this.#bytes += name.length + 1;
    if (this.#names.length <= MAX_CHANGES && this.#bytes <= MAX_LIST_BYTES) return;
    this.#isTooLong = true;
    this.#names = [];
    this.#folders.clear();
  }
}

/** Names that no list of ours holds: the root's neighbours, and what is never copied. */
const NEVER_LISTED = [".dr-syncer", "lost+found"];

/**
 * Whether a list is one that `ChangeList` could have made. The source is trusted less: with another one, rsync might be
 * led out of the volume or into our own folder.
 */
export function isPlainList(list: Uint8Array): boolean {
  if (list.length > MAX_LIST_BYTES) return false;
  if (list.length === 0) return true;
  if (list.at(-1) !== 0) return false;
  const names = latin1(list.subarray(0, -1)).split("\0");
  return names.length <= MAX_CHANGES && names.every(isPlainName);
}

function isPlainName(name: string): boolean {
  if (name === "./") return true;
  const parts = name.replace(/\/$/, "").split("/");
  return parts.every((part) => part !== "" && part !== "." && part !== "..") && !NEVER_LISTED.includes(parts[0] ?? "");
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** A letter a byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8_192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8_192));
  }
  return text;
}
