/**
 * Splits the names of a first copy among channels. On a long way one stream waits more than it sends.
 *
 * @module
 */
import { listPath } from "./settings/rsync_arguments.ts";

const NUL = 0;
const SPACE = 0x20;
/** What a file costs besides its bytes, in bytes: names, attributes, its place on the disk. */
const FILE_COST_BYTES = 16_384;

/**
 * Takes `LENGTH NAME NUL …` in chunks and hands out the names, NULs included, to channels: each gets neighbours, so that no
 * two work in one folder, and about as much as the others.
 */
export class NameSplitter {
  readonly #share: number;
  readonly #channels: number;
  #rest = new Uint8Array();
  #cost = 0;

  /** @param files how many there are, @param bytes how long together: a guess is good enough */
  constructor(channels: number, files: number, bytes: number) {
    this.#channels = channels;
    this.#share = Math.max(1, (files * FILE_COST_BYTES + bytes) / channels);
  }

  /** What each channel gets of this chunk: parts that follow each other, by channel. */
  push(chunk: Uint8Array): { readonly channel: number; readonly names: Uint8Array }[] {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const parts = new Map<number, Uint8Array[]>();
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      const space = bytes.indexOf(SPACE, start);
      const channel = this.#channelFor(Number(new TextDecoder().decode(bytes.subarray(start, space))));
      const part = parts.get(channel) ?? [];
      part.push(bytes.subarray(space + 1, end + 1));
      parts.set(channel, part);
      start = end + 1;
    }
    this.#rest = bytes.slice(start);
    return [...parts].map(([channel, names]) => ({ channel, names: joined(names) }));
  }

  #channelFor(lengthBytes: number): number {
    const channel = Math.min(this.#channels - 1, Math.floor(this.#cost / this.#share));
    this.#cost += FILE_COST_BYTES + lengthBytes;
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
  static async create(ownPath: string, splitter: NameSplitter, channels: number): Promise<NameLists> {
    const options = { createNew: true, write: true, mode: 0o600 };
    const paths = Array.from({ length: channels }, (_, channel) => listPath(ownPath, channel));
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
