import assert from "node:assert/strict";
import fc from "fast-check";
import { type WalkEntry, WalkReader } from "./tree_walk.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];

Deno.test("entries are read whatever their names hold, however the bytes come", () => {
  const entry = fc.record({
    depth: fc.nat(50),
    type: fc.constantFrom("f", "d", "l", "s"),
    sizeBytes: fc.nat(2 ** 40),
    blocks: fc.nat(2 ** 30),
    names: fc.nat(9),
    path: fc.uint8Array({ min: 1, maxLength: 9 }),
  });
  fc.assert(fc.property(fc.array(entry, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (entries, size) => {
    const bytes = entries.flatMap(({ depth, type, sizeBytes, blocks, names, path }) => [
      ...ascii(`${depth} ${type} ${sizeBytes} ${blocks} ${names} 1700000000.2500000000 `),
      ...path,
      0,
    ]);
    const [reader, read] = [new WalkReader(), [] as WalkEntry[]];
    for (let start = 0; start < bytes.length; start += size) {
      reader.push(Uint8Array.from(bytes.slice(start, start + size)), (entry) => read.push(entry));
    }
    const expected = entries.map(({ blocks, path, ...rest }) => ({
      ...rest,
      allocatedBytes: blocks * 512,
      changedSeconds: 1_700_000_000.25,
      path: [...path],
    }));
    assert.deepEqual(read.map((entry) => ({ ...entry, path: [...entry.path] })), expected);
  }));
});

Deno.test("what is no entry is an error, not a number", () => {
  const record = Uint8Array.from([...ascii("1 f 12 8 1 x name"), 0]);
  assert.throws(() => new WalkReader().push(record, () => {}), /no entry/);
});
