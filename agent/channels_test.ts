import assert from "node:assert/strict";
import fc from "fast-check";
import { NameSplitter } from "./channels.ts";

/** Feeds names in chunks of a size, and answers with what each channel got. */
function split(
  names: readonly Uint8Array[],
  lengths: readonly number[],
  channels: number,
  chunkBytes: number,
): number[][] {
  const parts = names.flatMap((name, index) => [...new TextEncoder().encode(`${lengths[index]} `), ...name, 0]);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const splitter = new NameSplitter(channels, names.length, total);
  const lists: number[][] = Array.from({ length: channels }, () => []);
  for (let start = 0; start < parts.length; start += chunkBytes) {
    for (const { channel, names } of splitter.push(Uint8Array.from(parts.slice(start, start + chunkBytes)))) {
      lists[channel]?.push(...names);
    }
  }
  return lists;
}

Deno.test("every name gets into one list, whole and in order, however the bytes come", () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 12, min: 1 });
  const file = fc.tuple(name, fc.nat(1_000_000));
  fc.assert(
    fc.property(
      fc.array(file, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 40 }),
      (files, channels, chunk) => {
        const names = files.map(([name]) => name);
        const lists = split(
          names,
          files.map(([, length]) => length),
          channels,
          chunk,
        );
        assert.deepEqual(lists.flat(), names.flatMap((name) => [...name, 0]));
      },
    ),
  );
});

Deno.test("each channel gets about as much", () => {
  const names = Array.from({ length: 1_000 }, (_, index) => new TextEncoder().encode(String(index).padStart(4, "0")));
  const counts = split(names, names.map(() => 10), 4, 4_096).map((list) => list.length / 5);
  assert.deepEqual(counts, [250, 250, 250, 250]);
});

Deno.test("a large file is worth many small ones", () => {
  const names = Array.from({ length: 101 }, (_, index) => new TextEncoder().encode(String(index).padStart(4, "0")));
  const counts = split(names, names.map((_, index) => index === 0 ? 100 * 16_384 : 0), 2, 4_096).map((list) =>
    list.length / 5
  );
  assert.ok((counts[0] ?? 0) < 5, String(counts));
});
