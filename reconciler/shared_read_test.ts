import assert from "node:assert/strict";
import { SharedRead } from "./shared_read.ts";

/** Readings that end when they are told to. */
class Readings {
  readonly begun: { readonly signal: AbortSignal; readonly end: (value: string) => void }[] = [];
  readonly shared = new SharedRead((signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.begun.push({ signal, end: resolve });
    return promise;
  });
}

Deno.test("callers at the same time share one reading, the next ones begin another", async () => {
  const { shared, begun } = new Readings();
  const first = [shared.get(), shared.get(new AbortController().signal)];
  begun[0]?.end("first");
  assert.deepEqual(await Promise.all(first), ["first", "first"]);
  const second = shared.get();
  begun[1]?.end("second");
  assert.equal(await second, "second");
});

Deno.test("a reading outlives the caller who began it", async () => {
  const { shared, begun } = new Readings();
  const leaving = new AbortController();
  const first = shared.get(leaving.signal);
  const second = shared.get();
  leaving.abort();
  await assert.rejects(first, { reason: "Aborted" });
  assert.equal(begun[0]?.signal.aborted, false);
  begun[0]?.end("here");
  assert.equal(await second, "here");
  assert.equal(begun.length, 1);
});

Deno.test("a reading that nobody wants any more is ended, and joined by nobody", async () => {
  const { shared, begun } = new Readings();
  const leaving = new AbortController();
  const first = shared.get(leaving.signal);
  leaving.abort();
  await assert.rejects(first, { reason: "Aborted" });
  assert.equal(begun[0]?.signal.aborted, true);
  const second = shared.get();
  begun[1]?.end("anew");
  assert.equal(await second, "anew");
  await assert.rejects(shared.get(leaving.signal), { reason: "Aborted" });
  assert.equal(begun.length, 2);
});

Deno.test("a reading that fails fails for all, and the next one begins anew", async () => {
  const { shared, begun } = new Readings();
  const failing = new SharedRead(() => Promise.reject(new Error("broken")));
  await Promise.all([failing.get(), failing.get()].map((one) => assert.rejects(one, { message: "broken" })));
  await assert.rejects(failing.get(), { message: "broken" });
  const leaving = new AbortController();
  const [gone, kept] = [shared.get(leaving.signal), shared.get()];
  leaving.abort();
  await assert.rejects(gone);
  begun[0]?.end("kept");
  assert.equal(await kept, "kept");
});
