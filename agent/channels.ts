/**
 * Splits the names of a first copy among channels. On a long way one stream waits more than it sends.
 *
 * @module
 */
import { listPath } from "./settings/rsync_arguments.ts";

const NUL = 0;
const SPACE = 0x20;
const DASH = 0x2d;
/** What a file costs besides its bytes, in bytes: names, attributes, its place on the disk. */
const FILE_COST_BYTES = 16_384;
/** Neighbours stay together for so long: hardly two channels work in one folder. */
const BLOCK_BYTES = 2 * 1_048_576;

/**
 * Takes what `nameEntries` prints, in chunks, and hands out the names, NULs included, to channels: blocks of neighbours,
 * each to the channel that has least to do. What has no length is for the list behind the last channel.
 */
export class NameSplitter {
  readonly #costs: number[];
  #channel = 0;
  #blockBytes = 0;
  #rest = new Uint8Array();

  constructor(channels: number) {
    this.#costs = new Array<number>(channels).fill(0);
  }

  /** What each list gets of this chunk: parts that follow each other, by channel. */
  push(chunk: Uint8Array): { readonly channel: number; readonly names: Uint8Array }[] {
    const bytes = joined([this.#rest, chunk]);
    const parts = new Map<number, Uint8Array[]>();
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      const space = bytes.indexOf(SPACE, start);
      const channel = bytes[start] === DASH ? this.#costs.length : this.#channelFor(numberAt(bytes, start, space));
      const part = parts.get(channel) ?? [];
      part.push(bytes.subarray(space + 1, end + 1));
      parts.set(channel, part);
      start = end + 1;
    }
    this.#rest = bytes.slice(start);
    return [...parts].map(([channel, names]) => ({ channel, names: joined(names) }));
  }

  #channelFor(lengthBytes: number): number {
    if (this.#blockBytes >= BLOCK_BYTES) {
      this.#channel = this.#costs.indexOf(Math.min(...this.#costs));
      this.#blockBytes = 0;
    }
    const cost = FILE_COST_BYTES + lengthBytes;
    this.#blockBytes += cost;
    this.#costs[this.#channel] = (this.#costs[this.#channel] ?? 0) + cost;
    return this.#channel;
  }
}

function numberAt(bytes: Uint8Array, start: number, end: number): number {
  return Number(new TextDecoder().decode(bytes.subarray(start, end)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** Files that take the names of each channel; disposing closes them. */
export class NameLists implements Disposable {
  readonly #files: readonly Deno.FsFile[];
  readonly #splitter: NameSplitter;

  private constructor(files: readonly Deno.FsFile[], splitter: NameSplitter) {
    this.#files = files;
    this.#splitter = splitter;
  }

  /** Makes them on the volume itself, below our own folder: names of millions of files are no matter for memory. */
  static async create(ownPath: string, splitter: NameSplitter, lists: number): Promise<NameLists> {
    const options = { createNew: true, write: true, mode: 0o600 };
    const paths = Array.from({ length: lists }, (_, list) => listPath(ownPath, list));
    return new NameLists(await Promise.all(paths.map((path) => Deno.open(path, options))), splitter);
  }

  /** Writes what has come. */
  async add(chunk: Uint8Array): Promise<void> {
    for (const { channel, names } of this.#splitter.push(chunk)) {
      const file = this.#files[channel];
      for (let written = 0; file && written < names.length;) written += await file.write(names.subarray(written));
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#files) file.close();
  }
}
