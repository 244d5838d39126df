/**
 * The admission thread beside a main thread that is busy.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startAdmission } from "../../webhook/admission.ts";
import type { Hint } from "../../webhook/review.ts";
import { issueCa, issueLeaf } from "../../webhook/x509.ts";
import type { CallerOrder } from "./webhook_caller.ts";
import { memoryLog } from "./webhook_scene.ts";

const BUSY_MS = 600;

Deno.test("a main thread busy for 600 ms delays no answer, and hints melt together by key meanwhile", async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const ca = issueCa("test CA", validity);
  const hints: Hint[] = [];
  const admission = await startAdmission({
    host: "127.0.0.1",
    port: 0,
    certificate: issueLeaf(ca, ["127.0.0.1"], validity),
    onHints: (batch) => void hints.push(...batch),
    log: memoryLog([]),
  });
  const caller = new Worker(new URL("./webhook_caller.ts", import.meta.url), { type: "module" });
  const messages = messagesOf(caller);
  try {
    caller.postMessage({ port: admission.port, caPem: ca.certPem, calls: 100, keys: 4 } satisfies CallerOrder);
    assert.equal(await messages.next(), "warm");
    const endMs = performance.now() + BUSY_MS;
    while (performance.now() < endMs) JSON.parse(`[${"1,".repeat(10_000)}1]`);
    const { tookMs } = await messages.next() as { tookMs: number[] };
    assert.ok(await admission.ping(5_000));
    tookMs.sort((a, b) => a - b);
    assert.ok(tookMs[50]! < 50 && tookMs[99]! < BUSY_MS / 2, `median ${tookMs[50]} ms, worst ${tookMs[99]} ms`);
    const { pushed, coalesced, dropped } = admission.stats();
    assert.deepEqual([pushed, dropped], [105, 0]);
    assert.ok(coalesced > 30 && hints.length === pushed - coalesced, `${coalesced} melted, ${hints.length} arrived`);
  } finally {
    caller.terminate();
    await admission.stop(2_000);
  }
});

/** The messages of a thread, one at a time. */
function messagesOf(worker: Worker): { next(): Promise<unknown> } {
  const ready: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  worker.onmessage = ({ data }) => {
    const next = waiting.shift();
    if (next) next(data);
    else ready.push(data);
  };
  return {
    next: () => ready.length > 0 ? Promise.resolve(ready.shift()) : new Promise((resolve) => waiting.push(resolve)),
  };
}
