/**
 * A thread that calls `/observe` and times it, for tests that keep the main thread busy.
 *
 * @module
 */

/** What it is asked to do: calls one after the other, for names `key-0` … `key-<keys - 1>` in turn. */
export interface CallerOrder {
  readonly port: number;
  readonly caPem: string;
  readonly calls: number;
  readonly keys: number;
}

const thread = self as unknown as {
  onmessage: ((event: MessageEvent<CallerOrder>) => void) | null;
  postMessage(message: unknown): void;
};

thread.onmessage = ({ data }) => void callAll(data).then((tookMs) => thread.postMessage({ tookMs }));

async function callAll({ port, caPem, calls, keys }: CallerOrder): Promise<number[]> {
  using client = Deno.createHttpClient({ caCerts: [caPem] });
  const tookMs: number[] = [];
  for (let call = -5; call < calls; call++) {
    if (call === 0) thread.postMessage("warm");
    const resource = { group: "", version: "v1", resource: "configmaps" };
    const request = {
      uid: `u${call}`,
      resource,
      name: `key-${Math.abs(call) % keys}`,
      namespace: "n",
      operation: "UPDATE",
    };
    const beganMs = performance.now();
    const response = await fetch(`https://127.0.0.1:${port}/observe`, {
      client,
      method: "POST",
      body: JSON.stringify({ request }),
    });
    await response.body?.cancel();
    if (call >= 0) tookMs.push(performance.now() - beganMs);
  }
  return tookMs;
}
