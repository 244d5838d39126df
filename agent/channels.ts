/**
 * Splits the names of a first copy among channels. On a long way one stream waits more than it sends.
 *
 * @module
 */
import { listPath } from "./settings/rsync_arguments.ts";

const NUL = 0;
const SPACE = 0x20;
/**
 * Takes what `nameShares` tells, in chunks, and hands out the paths, NULs included: each share to the channel that has least
 * to do, and what has no cost to the list behind the last channel.
 */
export class NameSplitter {
  readonly #costs: number[];
  #hasLinks = false;
  #rest = new Uint8Array();

  constructor(channels: number) {
    this.#costs = new Array<number>(channels).fill(0);
  }

  /** Whether files have several names, which channels cannot share. */
  get hasLinks(): boolean {
    return this.#hasLinks;
  }

  /** What each list gets of this chunk: parts that follow each other, by channel. */
  push(chunk: Uint8Array): { readonly channel: number; readonly names: Uint8Array }[] {
    const bytes = joined([this.#rest, chunk]);
    const parts = new Map<number, Uint8Array[]>();
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      const space = bytes.indexOf(SPACE, start);
      const mark = new TextDecoder().decode(bytes.subarray(start, space));
      start = end + 1;
      if (mark === "*") {
        this.#hasLinks = true;
        continue;
      }
      const channel = mark === "-" ? this.#costs.length : this.#channelFor(Number(mark));
      const part = parts.get(channel) ?? [];
      part.push(bytes.subarray(space + 1, end + 1));
      parts.set(channel, part);
    }
    this.#rest = bytes.slice(start);
    return [...parts].map(([channel, names]) => ({ channel, names: joined(names) }));
  }

  #channelFor(costBytes: number): number {
    const channel = this.#costs.indexOf(Math.min(...this.#costs));
    this.#costs[channel] = (this.#costs[channel] ?? 0) + costBytes;
    return channel;
  }
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
