/**
 * Cuts a tree into parts that several streams can share: folders with all they hold. rsync is slow with long lists of names,
 * as it compares each name that comes with each that it asked for.
 *
 * @module
 */
import type { WalkEntry } from "./tree_walk.ts";

/** What an entry costs besides its bytes, in bytes: names, attributes, its place on the disk. */
const ENTRY_COST_BYTES = 16_384;
/** A folder that costs more is cut. */
const MAX_SHARE_BYTES = 64 * 1_048_576;

/** A folder whose entries are coming. */
interface Frame {
  readonly path: Uint8Array;
  costBytes: number;
  /** Folders in it that are small enough. */
  readonly shares: { readonly path: Uint8Array; readonly costBytes: number }[];
}

/**
 * Takes entries as find prints them, the root first, and tells records for `NameSplitter`: a share's cost and path; a dash
 * and a folder that was cut, of which only what it holds itself is left to copy; a star when files have several names,
 * which no two streams could copy as one.
 */
export class ShareWalk {
  readonly #tell: (mark: string, path: Uint8Array) => void;
  readonly #frames: Frame[] = [];
  #hasLinks = false;

  constructor(tell: (mark: string, path: Uint8Array) => void) {
    this.#tell = tell;
  }

  /** Takes the next entry. */
  add({ depth, type, sizeBytes, names, path }: WalkEntry): void {
    while (this.#frames.length > depth) this.#close();
    if (type === "d") {
      this.#frames.push({ path: path.slice(), costBytes: ENTRY_COST_BYTES, shares: [] });
      return;
    }
    if (names > 1 && !this.#hasLinks) {
      this.#hasLinks = true;
      this.#tell("*", new Uint8Array());
    }
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.costBytes += ENTRY_COST_BYTES + (type === "f" ? sizeBytes : 0);
  }

  /** Tells what is left. */
  finish(): void {
    while (this.#frames.length > 0) this.#close();
  }

  #close(): void {
    const frame = this.#frames.pop();
    const above = this.#frames.at(-1);
    if (frame === undefined) return;
    if (above !== undefined) above.costBytes += frame.costBytes;
    if (above !== undefined && frame.costBytes <= MAX_SHARE_BYTES) {
      above.shares.push(frame);
      return;
    }
    for (const { path, costBytes } of frame.shares) this.#tell(String(costBytes), path);
    const path = above === undefined ? new TextEncoder().encode(".") : frame.path;
    this.#tell("-", Uint8Array.from([...path, 0x2f]));
  }
}
