/**
 * Reads request bodies within bounds.
 *
 * @module
 */
import { parseForHint, parseHead, WHOLE_PARSE_BYTES } from "./review_head.ts";

/** API servers send both objects of an update; etcd's limit is 1.5 MiB each, their own request limit 3 MiB. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** Second look for the end of the head, when userInfo is long. */
const SECOND_LOOK_BYTES = 4 * WHOLE_PARSE_BYTES;

/** The whole body; undefined when it is over the limit. Rejects when the connection breaks. */
export async function readWhole(request: Request, limitBytes: number): Promise<Uint8Array | undefined> {
  const declared = declaredBytes(request);
  if (declared !== undefined && declared <= limitBytes) return new Uint8Array(await request.arrayBuffer());
  const chunks = new Chunks();
  for await (const chunk of request.body ?? []) {
    if (chunks.sizeBytes + chunk.length <= limitBytes) chunks.add(chunk);
    else chunks.overflow();
  }
  return chunks.overflowed ? undefined : chunks.join();
}

/**
 * The review as far as a hint needs it: a large body is read to its end, but kept only until its head is complete.
 * `oversize` when it was over the limit and its head did not suffice. Throws `SyntaxError` or `TypeError` on what is
 * not JSON; rejects when the connection breaks.
 */
export async function readForHint(request: Request, limitBytes: number): Promise<unknown | "oversize"> {
  const declared = declaredBytes(request);
  if (declared !== undefined && declared <= SECOND_LOOK_BYTES) {
    return parseForHint(new Uint8Array(await request.arrayBuffer()));
  }
  const chunks = new Chunks();
  let head: unknown;
  let nextLookBytes = WHOLE_PARSE_BYTES;
  for await (const chunk of request.body ?? []) {
    if (head !== undefined) continue; // the rest only has to be read, or the connection could not be used again
    if (chunks.sizeBytes + chunk.length > limitBytes) chunks.overflow();
    else chunks.add(chunk);
    if (chunks.sizeBytes < nextLookBytes) continue;
    head = parseHead(chunks.join());
    nextLookBytes = nextLookBytes < SECOND_LOOK_BYTES ? SECOND_LOOK_BYTES : Infinity;
  }
  if (head !== undefined) return head;
  return chunks.overflowed ? "oversize" : parseForHint(chunks.join());
}

function declaredBytes(request: Request): number | undefined {
  const header = request.headers.get("content-length");
  return header === null ? undefined : Number(header);
}

class Chunks {
  #chunks: Uint8Array[] = [];
  sizeBytes = 0;
  overflowed = false;

  add(chunk: Uint8Array): void {
    if (this.overflowed) return;
    this.#chunks.push(chunk);
    this.sizeBytes += chunk.length;
  }

  /** Nothing of it is of use any more. */
  overflow(): void {
    this.overflowed = true;
    this.#chunks = [];
    this.sizeBytes = 0;
  }

  join(): Uint8Array {
    if (this.#chunks.length === 1) return this.#chunks[0] ?? new Uint8Array();
    const out = new Uint8Array(this.sizeBytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunks = [out];
    return out;
  }
}
