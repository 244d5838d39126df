import assert from "node:assert/strict";
import { encodeFrame, type Frame, FrameError, FrameReader, OPCODES } from "./web_socket_frames.ts";

/** A frame as a server sends it: unmasked. */
function serverFrame(opcode: number, payload: Uint8Array, isLast = true): Uint8Array {
  const { length } = payload;
  const head = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 0xff] : [
    127,
    ...new Uint8Array(new BigUint64Array([BigInt(length)]).buffer).toReversed(),
  ];
  return new Uint8Array([(isLast ? 0x80 : 0) | opcode, ...head, ...payload]);
}

const patterned = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251);

for (const length of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
  Deno.test(`a message of ${length} bytes is read, in whatever pieces it comes`, () => {
    const payload = patterned(length);
    const bytes = serverFrame(OPCODES.binary, payload);
    for (const piece of [1, 7, 65_536, bytes.length]) {
      if (bytes.length / piece > 20_000) continue;
      const reader = new FrameReader(1_048_576);
      const frames: Frame[] = [];
      for (let at = 0; at < bytes.length; at += piece) frames.push(...reader.push(bytes.slice(at, at + piece)));
      assert.deepEqual(frames, [{ opcode: OPCODES.binary, payload }]);
    }
  });

  Deno.test(`a message of ${length} bytes is sent masked, and says its length`, () => {
    const payload = patterned(length);
    const mask = new Uint8Array([1, 2, 3, 4]);
    const frame = encodeFrame(OPCODES.binary, payload, mask);
    assert.equal((frame[1] ?? 0) & 0x80, 0x80);
    const start = frame.length - length;
    assert.deepEqual(frame.slice(start - 4, start), mask);
    assert.deepEqual(frame.slice(start).map((byte, index) => byte ^ (mask[index % 4] ?? 0)), payload);
    // The same without the mask is what a server would send.
    const plain = new Uint8Array([...frame.slice(0, start - 4), ...payload]);
    plain[1] = (plain[1] ?? 0) & 0x7f;
    assert.deepEqual(new FrameReader(1_048_576).push(plain), [{ opcode: OPCODES.binary, payload }]);
  });
}

Deno.test("a message that is given in parts is sent as one", () => {
  const [payload, mask] = [patterned(1_000), new Uint8Array([1, 2, 3, 4])];
  const parts = [payload.subarray(0, 1), payload.subarray(1, 1), payload.subarray(1, 998), payload.subarray(998)];
  assert.deepEqual(encodeFrame(OPCODES.binary, parts, mask), encodeFrame(OPCODES.binary, payload, mask));
});

Deno.test("parts of a message are joined, and a ping between them is told first", () => {
  const reader = new FrameReader(100);
  const [one, two] = [new Uint8Array([1, 2]), new Uint8Array([3])];
  assert.deepEqual(reader.push(serverFrame(OPCODES.binary, one, false)), []);
  const frames = reader.push(
    new Uint8Array([...serverFrame(OPCODES.ping, two), ...serverFrame(OPCODES.continuation, two)]),
  );
  assert.deepEqual(frames, [
    { opcode: OPCODES.ping, payload: two },
    { opcode: OPCODES.binary, payload: new Uint8Array([1, 2, 3]) },
  ]);
});

Deno.test("a server that masks, or sends more than is allowed, is refused", () => {
  assert.throws(
    () => new FrameReader(100).push(encodeFrame(OPCODES.binary, new Uint8Array(3), new Uint8Array(4))),
    FrameError,
  );
  assert.throws(() => new FrameReader(100).push(serverFrame(OPCODES.binary, new Uint8Array(101))), FrameError);
  const reader = new FrameReader(100);
  reader.push(serverFrame(OPCODES.binary, new Uint8Array(60), false));
  assert.throws(() => reader.push(serverFrame(OPCODES.continuation, new Uint8Array(60))), FrameError);
});
