/**
 * Frames of the WebSocket protocol (RFC 6455), as a client sends and receives them.
 *
 * @module
 */

/** What a frame is. */
export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A message, or a frame that is none: close, ping, pong. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** What a server must not send. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** A frame of a client, whole and masked with four random bytes. The payload may come in parts: each is copied once. */
export function encodeFrame(opcode: number, payload: Uint8Array | readonly Uint8Array[], mask: Uint8Array): Uint8Array {
  const parts = payload instanceof Uint8Array ? [payload] : payload;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const sizeBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const headBytes = 2 + sizeBytes + 4;
  // The payload begins at a word, so that it can be masked word by word.
  const padBytes = -headBytes & 3;
  const buffer = new ArrayBuffer((padBytes + headBytes + length + 3) & ~3);
  const frame = new Uint8Array(buffer, padBytes, headBytes + length);
  const view = new DataView(buffer, padBytes);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (sizeBytes === 0 ? length : sizeBytes === 2 ? 126 : 127);
  if (sizeBytes === 2) view.setUint16(2, length);
  if (sizeBytes === 8) view.setBigUint64(2, BigInt(length));
  frame.set(mask, headBytes - 4);
  let offset = headBytes;
  for (const part of parts) {
    frame.set(part, offset);
    offset += part.length;
  }
  const words = new Uint32Array(buffer, padBytes + headBytes);
  const [word = 0] = new Uint32Array(mask.slice(0, 4).buffer);
  for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ word;
  return frame;
}

/** Puts frames of a server together; messages that come in parts are joined. */
export class FrameReader {
  readonly #maxBytes: number;
  #rest = new Uint8Array();
  #parts: Uint8Array[] = [];
  #partsOpcode = 0;

  /** @param maxBytes no message is longer */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The messages and control frames that this chunk completes; they share no memory with it. @throws {FrameError} */
  push(chunk: Uint8Array): Frame[] {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const frames: Frame[] = [];
    let start = 0;
    for (;;) {
      const next = this.#frameAt(bytes, start);
      if (next === undefined) break;
      start = next.end;
      const frame = this.#joined(next);
      if (frame !== undefined) frames.push(frame);
    }
    this.#rest = bytes.slice(start);
    return frames;
  }

  #frameAt(bytes: Uint8Array, start: number): Frame & { readonly end: number; readonly isLast: boolean } | undefined {
    if (bytes.length < start + 2) return undefined;
    const [first = 0, second = 0] = bytes.subarray(start, start + 2);
    if ((second & 0x80) !== 0) throw new FrameError("the server masked a frame");
    const short = second & 0x7f;
    const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const from = start + 2 + sizeBytes;
    if (bytes.length < from) return undefined;
    const view = new DataView(bytes.buffer, start + 2, sizeBytes);
    const length = sizeBytes === 0 ? short : sizeBytes === 2 ? view.getUint16(0) : Number(view.getBigUint64(0));
    if (length > this.#maxBytes) throw new FrameError(`the server sent a frame of ${length} bytes`);
    if (bytes.length < from + length) return undefined;
    return {
      opcode: first & 0x0f,
      isLast: (first & 0x80) !== 0,
      payload: bytes.subarray(from, from + length),
      end: from + length,
    };
  }

  #joined({ opcode, isLast, payload }: Frame & { readonly isLast: boolean }): Frame | undefined {
    // Control frames may come between the parts of a message.
    if (opcode >= OPCODES.close) return { opcode, payload };
    if (opcode !== OPCODES.continuation) {
      if (isLast) return { opcode, payload };
      this.#partsOpcode = opcode;
    }
    this.#parts.push(payload);
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (length > this.#maxBytes) throw new FrameError(`the server sent a message of over ${this.#maxBytes} bytes`);
    if (!isLast) return undefined;
    const message = new Uint8Array(length);
    let offset = 0;
    for (const part of this.#parts) {
      message.set(part, offset);
      offset += part.length;
    }
    this.#parts = [];
    return { opcode: this.#partsOpcode, payload: message };
  }
}
