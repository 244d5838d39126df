import assert from "node:assert/strict";
import { relay, type RelaySide } from "./relay.ts";

/** A side that sends `chunks` and takes what comes once it is let. */
function side(chunks: readonly Uint8Array[], mayTake: () => Promise<void>) {
  const taken: number[] = [];
  const closed = Promise.withResolvers<void>();
  let given = 0;
  const made: RelaySide = {
    async *chunks() {
      for (const chunk of chunks) {
        given++;
        yield chunk;
      }
      await closed.promise;
    },
    async send(chunk) {
      await mayTake();
      taken.push(chunk.length);
    },
    close: () => closed.resolve(),
  };
  return { side: made, taken, given: () => given, end: () => closed.resolve() };
}

const atOnce = () => Promise.resolve();
const chunks = Array.from({ length: 100 }, () => new Uint8Array(32_768));

Deno.test("nothing is read that the other side has not taken yet", async () => {
  const turn = Promise.withResolvers<void>();
  const from = side(chunks, atOnce);
  const to = side([], () => turn.promise);
  const relaying = relay(from.side, to.side);
  await Promise.resolve();
  assert.equal(from.given(), 1);
  turn.resolve();
  while (to.taken.length < chunks.length) await Promise.resolve();
  from.end();
  assert.deepEqual(await relaying, { bytes: 100 * 32_768, peakHeldBytes: 32_768, error: undefined });
});

Deno.test("either side's end is both sides' end, and what broke is told", async () => {
  const broken = new Error("broken");
  const from = side(chunks, atOnce);
  const to = side([], () => Promise.reject(broken));
  const { error, bytes } = await relay(from.side, to.side);
  assert.deepEqual([error, bytes, from.given()], [broken, 0, 1]);
});
