/**
 * Files of the target that are picked by chance to be compared by what they hold. Names are bytes, and never leave them.
 *
 * @module
 */
import { nameFiles } from "./census.ts";

const NUL = 0;
const SPACE = 0x20;

/** How much is compared at most; one file in any case. */
export interface SampleLimits {
  readonly files: number;
  /** Lengths of the files, together. */
  readonly bytes: number;
}

/** A file that was picked. */
interface Picked {
  readonly bytes: number;
  /** Its name and a NUL. */
  readonly name: Uint8Array;
}

/** Takes `LENGTH NAME NUL …` in chunks and picks files, each with the same chance. */
export class SampleReader {
  readonly #limits: SampleLimits;
  readonly #random: () => number;
  readonly #picked: Picked[] = [];
  #rest = new Uint8Array();
  #seen = 0;

  /** @param random at least 0, less than 1 */
  constructor(limits: SampleLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  push(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    let start = 0;
    for (let end = bytes.indexOf(NUL); end !== -1; end = bytes.indexOf(NUL, start)) {
      const space = bytes.indexOf(SPACE, start);
      const length = Number(new TextDecoder().decode(bytes.subarray(start, space)));
      this.#offer({ bytes: length, name: bytes.slice(space + 1, end + 1) });
      start = end + 1;
    }
    this.#rest = bytes.slice(start);
  }

  /** Vitter's algorithm R: of any number of files, each is as likely to be among the picked. */
  #offer(file: Picked): void {
    this.#seen++;
    if (this.#picked.length < this.#limits.files) this.#picked.push(file);
    else {
      const place = Math.floor(this.#random() * this.#seen);
      if (place < this.#limits.files) this.#picked[place] = file;
    }
  }

  /** What was picked, as far as the bytes go: names, each with a NUL. */
  finish(): Uint8Array[] {
    let left = this.#limits.bytes;
    // The first files would have the better chance: any order but theirs.
    const files = this.#picked.map((file) => ({ file, order: this.#random() })).sort((a, b) => a.order - b.order);
    const taken = files.filter(({ file: { bytes } }, index) => {
      if (bytes > left && index > 0) return false;
      left -= bytes;
      return true;
    });
    return taken.map(({ file: { name } }) => name);
  }
}

/** Picks files below a path and writes their names to a list; answers how many. @throws {CensusError} */
export async function writeSample(
  dataPath: string,
  listPath: string,
  limits: SampleLimits,
  random: () => number,
  signal: AbortSignal,
): Promise<number> {
  const reader = new SampleReader(limits, random);
  await nameFiles(dataPath, signal, (chunk) => reader.push(chunk));
  const names = reader.finish();
  using file = await Deno.open(listPath, { create: true, truncate: true, write: true, mode: 0o600 });
  for (const name of names) {
    for (let written = 0; written < name.length;) written += await file.write(name.subarray(written));
  }
  return names.length;
}
