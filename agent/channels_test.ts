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

Deno.test("each share goes where there is least to do", () => {
  const names = Array.from({ length: 9 }, (_, index) => new TextEncoder().encode(String(index)));
  const lists = split(names, names.map((_, index) => index === 0 ? 7 : 1), 2, 4_096).map(namesOf);
  assert.deepEqual(lists, [["0", "8"], ["1", "2", "3", "4", "5", "6", "7"], []]);
});

Deno.test("files of several names are told", () => {
  const splitter = new NameSplitter(2);
  splitter.push(new TextEncoder().encode("5 a\0"));
  assert.equal(splitter.hasLinks, false);
  assert.deepEqual(splitter.push(new TextEncoder().encode("* \0")), []);
  assert.equal(splitter.hasLinks, true);
});
