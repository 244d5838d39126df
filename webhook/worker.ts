/**
 * The admission thread: a Worker of its own, so that a busy main thread never delays a write of the source cluster.
 *
 * Certificates and the world come in; keys, counts and errors go out (messages.ts).
 *
 * @module
 */
import { HintQueue } from "./hint_queue.ts";
import { listen, type Listener } from "./listener.ts";
import type { AdmissionStats, FromWorker, ToWorker } from "./messages.ts";
import { createAdmissionApp, noRequests } from "./server.ts";
import { judgeRequest, restoreWorld } from "./world.ts";

/** Keys that may wait for a main thread that is busy. */
const WAITING_HINTS = 10_000;

/** The two directions of a Worker. */
interface Thread {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

runAdmissionThread(self as unknown as Thread);

function runAdmissionThread(thread: Thread): void {
  const counts = noRequests();
  const queue = new HintQueue((hints) => thread.postMessage({ type: "hints", hints }), WAITING_HINTS);
  let handshakeFailures = 0;
  let world: ReturnType<typeof restoreWorld> | undefined;
  let listener: Listener | undefined;
  const app = createAdmissionApp({
    counts,
    onHint: (hint) => queue.push(hint),
    validate: (request) => judgeRequest(request, world?.(new Date())),
  });
  const stats = (): AdmissionStats => ({ ...counts, ...queue.counts(), handshakeFailures });
  const start = (message: Extract<ToWorker, { type: "start" }>): Listener => {
    world = message.world && restoreWorld(message.world);
    return listen(app, message, {
      listening: (port) => thread.postMessage({ type: "listening", port }),
      failed: (error) => thread.postMessage({ type: "error", message: error.message, fatal: true }),
      handshakeFailed: () => void handshakeFailures++,
    });
  };
  const handle = (message: ToWorker): void => {
    switch (message.type) {
      case "start":
        listener = start(message);
        return;
      case "certificate":
        listener?.setCertificate(message.certificate);
        return;
      case "world":
        world = restoreWorld(message.world);
        return;
      case "taken":
        return queue.taken();
      case "ping":
        return thread.postMessage({ type: "pong", id: message.id, stats: stats() });
      case "stop":
        void (listener?.close() ?? Promise.resolve()).then(() => thread.postMessage({ type: "stopped" }));
    }
  };
  thread.onmessage = ({ data }) => {
    try {
      handle(data);
    } catch (error) { // a bad certificate or world must not end the server that runs
      const text = error instanceof Error ? error.message : String(error);
      thread.postMessage({ type: "error", message: `${data.type}: ${text}`, fatal: data.type === "start" });
    }
  };
}
