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

/** What the thread holds; one a Worker. */
class AdmissionServer {
  readonly #thread: Thread;
  readonly #counts = noRequests();
  readonly #queue: HintQueue;
  #handshakeFailures = 0;
  #world: ReturnType<typeof restoreWorld> | undefined;
  #listener: Listener | undefined;

  constructor(thread: Thread) {
    this.#thread = thread;
    this.#queue = new HintQueue((hints) => thread.postMessage({ type: "hints", hints }), WAITING_HINTS);
  }

  /** A bad certificate or world must not end the server that runs. */
  receive(message: ToWorker): void {
    try {
      this.#handle(message);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#thread.postMessage({ type: "error", message: `${message.type}: ${text}`, fatal: message.type === "start" });
    }
  }

  #handle(message: ToWorker): void {
    switch (message.type) {
      case "start":
        return this.#start(message);
      case "certificate":
        return this.#listener?.setCertificate(message.certificate);
      case "world":
        this.#world = restoreWorld(message.world);
        return;
      case "taken":
        return this.#queue.taken();
      case "ping":
        return this.#thread.postMessage({ type: "pong", id: message.id, stats: this.#stats() });
      case "drain":
        return this.#listener?.drain();
      case "stop":
        void this.#stop();
    }
  }

  #start(message: Extract<ToWorker, { type: "start" }>): void {
    this.#world = message.world && restoreWorld(message.world);
    const app = createAdmissionApp({
      counts: this.#counts,
      onHint: (hint) => this.#queue.push(hint),
      validate: (request) => judgeRequest(request, this.#world?.(new Date())),
    });
    this.#listener = listen(app, message, {
      listening: (port) => this.#thread.postMessage({ type: "listening", port }),
      failed: (error) => this.#thread.postMessage({ type: "error", message: error.message, fatal: true }),
      handshakeFailed: () => void this.#handshakeFailures++,
    });
  }

  #stats(): AdmissionStats {
    return { ...this.#counts, ...this.#queue.counts(), handshakeFailures: this.#handshakeFailures };
  }

  async #stop(): Promise<void> {
    await this.#listener?.close();
    this.#thread.postMessage({ type: "stopped" });
  }
}

const thread = self as unknown as Thread;
const server = new AdmissionServer(thread);
thread.onmessage = ({ data }) => server.receive(data);
