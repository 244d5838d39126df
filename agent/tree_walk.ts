/**
 * Reads what find prints of a tree, byte by byte: names need not be text, and a tree has many entries.
 *
 * @module
 */

/** One entry of a tree. */
export interface WalkEntry {
  /** 0 for the root itself. */
  readonly depth: number;
  /** As find's `%y` tells it: `f`, `d`, `l`, … */
  readonly type: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  /** How many names it has. */
  readonly names: number;
  /** Last change of content, attributes or place, in seconds of the filesystem's clock. */
  readonly changedSeconds: number;
  /** From the root, without a slash before it; empty when names were not asked for. */
  readonly path: Uint8Array;
}

const [NUL, SPACE, DOT, ZERO] = [0, 0x20, 0x2e, 0x30];
/** Digits behind the dot of `%C@`. */
const FRACTION = 1e-10;
const BLOCK_BYTES = 512;

/** What find is to print for an entry. */
export function walkFormat(withPaths: boolean): string {
  return `%d %y %s %b %n %C@ ${withPaths ? "%P" : ""}\\0`;
}

/** Takes what find prints, in chunks. */
export class WalkReader {
  #rest = new Uint8Array();

  /** Calls `onEntry` for each entry that this chunk completes. */
  push(chunk: Uint8Array, onEntry: (entry: WalkEntry) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      onEntry(readEntry(bytes.subarray(start, end)));
      start = end + 1;
    }
    this.#rest = bytes.slice(start);
  }
}

function readEntry(record: Uint8Array): WalkEntry {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (; isDigit(record[at]); at++) value = value * 10 + (record[at] as number) - ZERO;
    return value;
  };
  const depth = number();
  const type = String.fromCharCode(record[++at] ?? 0);
  at += 2;
  const [sizeBytes, blocks, names] = [number(), (at++, number()), (at++, number())];
  at++;
  let changedSeconds = number();
  if (record[at] === DOT) {
    at++;
    changedSeconds += number() * FRACTION;
  }
  if (record[at] !== SPACE) throw new TypeError(`find printed what is no entry: ${new TextDecoder().decode(record)}`);
  const path = record.subarray(at + 1);
  return { depth, type, sizeBytes, allocatedBytes: blocks * BLOCK_BYTES, names, changedSeconds, path };
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte < ZERO + 10;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
