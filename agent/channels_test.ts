import assert from "node:assert/strict";
import fc from "fast-check";
import { NameSplitter } from "./channels.ts";

/** Feeds names in chunks of a size, and answers with what each list got; a length below 0 is none. */
function split(
  names: readonly Uint8Array[],
  lengths: readonly number[],
  channels: number,
  chunkBytes: number,
): number[][] {
  const spell = (length = 0) => length < 0 ? "- " : `${length} `;
  const parts = names.flatMap((name, index) => [...new TextEncoder().encode(spell(lengths[index])), ...name, 0]);
  const splitter = new NameSplitter(channels);
  const lists: number[][] = Array.from({ length: channels + 1 }, () => []);
  for (let start = 0; start < parts.length; start += chunkBytes) {
    for (const { channel, names } of splitter.push(Uint8Array.from(parts.slice(start, start + chunkBytes)))) {
      lists[channel]?.push(...names);
    }
  }
  return lists;
}

/** The names of a list, as text that sorts. */
function namesOf(list: readonly number[]): string[] {
  return String.fromCharCode(...list).split("\0").slice(0, -1);
}

Deno.test("every name gets into one list, whole, and what has no length into the last", () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 12, min: 1 });
  const file = fc.tuple(name, fc.oneof(fc.nat(3_000_000), fc.constant(-1)));
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
        const [alone, others] = [[] as string[], [] as string[]];
        for (const [name, length] of files) (length < 0 ? others : alone).push(String.fromCharCode(...name));
        assert.deepEqual(lists.slice(0, -1).flatMap(namesOf).sort(), alone.sort());
        assert.deepEqual(namesOf(lists.at(-1) ?? []), others);
      },
    ),
  );
});

Deno.test("each channel gets about as much", () => {
  const names = Array.from({ length: 4_096 }, (_, index) => new TextEncoder().encode(String(index).padStart(4, "0")));
  const counts = split(names, names.map(() => 0), 4, 4_096).map((list) => list.length / 5);
  assert.deepEqual(counts, [1_024, 1_024, 1_024, 1_024, 0]);
});

Deno.test("a large file is worth many small ones", () => {
  const names = Array.from({ length: 1_025 }, (_, index) => new TextEncoder().encode(String(index).padStart(4, "0")));
  const lengths = names.map((_, index) => index === 0 ? 1_024 * 16_384 : 0);
  const counts = split(names, lengths, 2, 4_096).map((list) => list.length / 5);
  assert.deepEqual(counts, [1, 1_024, 0]);
});
