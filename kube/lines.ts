/**
 * Lines of a byte stream.
 *
 * @module
 */

const NEWLINE = 0x0a;

/** One line without its newline. */
export interface Line {
  readonly text: string;
  /** Length in bytes, the newline not counted. */
  readonly sizeBytes: number;
}

/**
 * Splits bytes that arrive in chunks into lines of UTF-8 text. What is left of a chunk is copied, so that the chunk may be
 * released, and joined once a line is complete: each byte is searched once and copied at most twice, however long the line.
 */
export class LineSplitter {
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** Bytes of the line that has no end yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Calls `onLine` for each line that this chunk completes; stops early when it answers false. */
  push(chunk: Uint8Array, onLine: (line: Line) => boolean | void): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (onLine(line) === false) return;
    }
    if (start === chunk.length) return;
    this.#pending.push(chunk.slice(start));
    this.#pendingBytes += chunk.length - start;
  }

  #complete(tail: Uint8Array): Line {
    if (this.#pending.length === 0) return { text: this.#decoder.decode(tail), sizeBytes: tail.length };
    const joined = new Uint8Array(this.#pendingBytes + tail.length);
    let offset = 0;
    for (const part of this.#pending) {
      joined.set(part, offset);
      offset += part.length;
    }
    joined.set(tail, offset);
    this.#pending = [];
    this.#pendingBytes = 0;
    return { text: this.#decoder.decode(joined), sizeBytes: joined.length };
  }
}

/** The lines of a stream; a last line without a newline counts as one unless it is empty. */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const splitter = new LineSplitter();
  const ready: Line[] = [];
  const collect = (line: Line): void => {
    ready.push(line);
  };
  for await (const chunk of body) {
    splitter.push(chunk, collect);
    yield* ready.splice(0);
  }
  if (splitter.pendingBytes > 0) splitter.push(Uint8Array.of(NEWLINE), collect);
  yield* ready;
}
