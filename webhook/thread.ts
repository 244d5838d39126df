/**
 * One life of the admission thread, seen from the main thread.
 *
 * @module
 */
import type { FromWorker, ToWorker } from "./messages.ts";

/** What a thread tells. */
export interface ThreadEvents {
  message(message: FromWorker): void;
  /** An error that nothing caught: the thread is gone. */
  died(why: string): void;
}

/** A running thread. */
export interface AdmissionThread {
  post(message: ToWorker): void;
  /** Ends it at once; nothing is told afterwards. */
  terminate(): void;
}

/** Starts a thread that may listen on one address and nothing else (needs `--unstable-worker-options`). */
export function startThread(host: string, port: number, events: ThreadEvents): AdmissionThread {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const permissions = {
    net: [address],
    env: false,
    ffi: false,
    import: false,
    read: false,
    run: false,
    sys: false,
    write: false,
  };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "admission",
    deno: { permissions },
  });
  worker.onmessage = (event: MessageEvent<FromWorker>) => events.message(event.data);
  worker.onerror = (event) => {
    event.preventDefault(); // or the main thread dies with it
    events.died(event.message);
  };
  return {
    post: (message) => worker.postMessage(message),
    terminate() {
      worker.onmessage = null;
      worker.onerror = (event) => event.preventDefault();
      worker.terminate();
    },
  };
}
