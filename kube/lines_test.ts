import assert from "node:assert/strict";
import fc from "fast-check";
import { type Line, LineSplitter, readLines } from "./lines.ts";

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (let index = 0; offset < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

async function collect(chunks: readonly Uint8Array[]): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of readLines(ReadableStream.from(chunks))) lines.push(line);
  return lines;
}

Deno.test("any text cut anywhere gives the same lines", async () => {
  const texts = fc.array(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", "")));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  await fc.assert(fc.asyncProperty(texts, sizes, async (lines, chunkSizes) => {
    const bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
    const found = await collect(cut(bytes, chunkSizes));
    assert.deepEqual(found.map((line) => line.text), lines);
    assert.deepEqual(found.map((line) => line.sizeBytes), lines.map((line) => new TextEncoder().encode(line).length));
  }));
});

Deno.test("a character of several bytes survives a cut in its middle", async () => {
  const bytes = new TextEncoder().encode("añ€😀\n\n😀é\n");
  for (let at = 1; at < bytes.length; at++) {
    const found = await collect([bytes.subarray(0, at), bytes.subarray(at)]);
    assert.deepEqual(found.map((line) => line.text), ["añ€😀", "", "😀é"]);
  }
});

Deno.test("a last line without a newline is a line", async () => {
  assert.deepEqual(await collect([new TextEncoder().encode("one\ntwo")]), [
    { text: "one", sizeBytes: 3 },
    { text: "two", sizeBytes: 3 },
  ]);
});

Deno.test("a line of 5 MB in chunks of 16 KB takes time linear in its length", () => {
  const bytes = new Uint8Array(5_000_001).fill(0x78);
  bytes[5_000_000] = 0x0a;
  const chunks = cut(bytes, [16_384]);
  const splitter = new LineSplitter();
  const sizes: number[] = [];
  const beganAtMs = performance.now();
  for (let round = 0; round < 20; round++) {
    for (const chunk of chunks) splitter.push(chunk, (line) => void sizes.push(line.text.length));
  }
  const tookMs = performance.now() - beganAtMs;
  assert.deepEqual(sizes, new Array(20).fill(5_000_000));
  // Searching what came before again with each chunk reads 760 MB a line: seconds a round.
  assert.ok(tookMs < 2_000, `100 MB took ${tookMs.toFixed(0)} ms`);
});

Deno.test("a callback that answers false gets no further line of the chunk", () => {
  const seen: string[] = [];
  new LineSplitter().push(new TextEncoder().encode("a\nb\nc\n"), (line) => seen.push(line.text) < 2);
  assert.deepEqual(seen, ["a", "b"]);
});
