import assert from "node:assert/strict";
import fc from "fast-check";
import { type SampleLimits, SampleReader } from "./sample.ts";

interface File {
  readonly name: readonly number[];
  readonly bytes: number;
}

/** Feeds files in chunks of a size, and answers with the names that were picked. */
function pick(files: readonly File[], limits: SampleLimits, random = () => 0.5, chunkBytes = 7): number[][] {
  const bytes = files.flatMap(({ name, bytes }) => [...new TextEncoder().encode(`${bytes} `), ...name, 0]);
  const reader = new SampleReader(limits, random);
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    reader.push(Uint8Array.from(bytes.slice(start, start + chunkBytes)));
  }
  return reader.finish().map((name) => [...name]);
}

/** Numbers from 0 to 1 that look like chance and are the same each time. */
function chance(): () => number {
  let state = 1;
  return () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
}

const ALL: SampleLimits = { files: 1_000, bytes: 1e12 };

Deno.test("every name is whole, however its bytes come and whatever they are", () => {
  const name = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ name, bytes: fc.nat(1_000_000) }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 30 }),
      (files, chunk) => {
        const picked = pick(files, ALL, chance(), chunk);
        const sorted = (names: number[][]) => names.map((name) => name.join(",")).sort();
        assert.deepEqual(sorted(picked), sorted(files.map(({ name }) => [...name, 0])));
      },
    ),
  );
});

Deno.test("of many files as many as allowed are picked, each as likely as any other", () => {
  const files = Array.from({ length: 100 }, (_, index) => ({ name: [index + 1], bytes: 1 }));
  const counts = new Map<number, number>();
  const random = chance();
  for (let round = 0; round < 1_000; round++) {
    const picked = pick(files, { files: 10, bytes: 1e9 }, random, 1_000);
    assert.equal(new Set(picked.map(([first]) => first)).size, 10);
    for (const [first = 0] of picked) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  // 100 are to be expected of each, with a deviation of 9.5.
  for (const { name: [first = 0] } of files) {
    const count = counts.get(first) ?? 0;
    assert.ok(count > 55 && count < 145, `${first} was picked ${count} times`);
  }
});

Deno.test("a sample is no longer than allowed, and what does not fit leaves room for what does", () => {
  const files = [10, 60, 50, 30, 20].map((bytes, index) => ({ name: [index + 1], bytes }));
  const random = chance();
  for (let round = 0; round < 50; round++) {
    const picked = new Set(pick(files, { files: 10, bytes: 100 }, random).map(([first]) => first));
    const bytesOf = (isPicked: boolean) => {
      return files.filter(({ name: [first] }) => picked.has(first) === isPicked).map(({ bytes }) => bytes);
    };
    const length = bytesOf(true).reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(length <= 100 && length + Math.min(...bytesOf(false)) > 100, `${bytesOf(true)} were picked`);
  }
});

Deno.test("one file is compared, however long", () => {
  assert.deepEqual(pick([{ name: [1], bytes: 1_000 }], { files: 10, bytes: 100 }), [[1, 0]]);
  assert.equal(pick([{ name: [1], bytes: 1_000 }, { name: [2], bytes: 900 }], { files: 10, bytes: 100 }).length, 1);
  assert.deepEqual(pick([], ALL), []);
});
