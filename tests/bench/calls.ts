/**
 * Calls of a Worker, one at a time each way of asking: the benchmark writes and watches in threads of their own, so that neither
 * measures the other's waiting.
 *
 * @module
 */

/** What a Worker can be asked, by name: one argument, one result. */
export type Procedures = Record<string, (argument: never) => unknown>;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };

/** Milliseconds since 1970 on the monotonic clock: comparable between the threads of one process. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Answers questions; called once in a Worker. */
export function answerCalls(procedures: Procedures): void {
  const post = (answer: Answer) => (self as unknown as Worker).postMessage(answer);
  self.addEventListener("message", (message) => {
    const { id, name, argument } = (message as MessageEvent<Question>).data;
    Promise.try(() => procedures[name]?.(argument as never)).then(
      (result) => post({ id, result }),
      (error: unknown) => post({ id, error: error instanceof Error ? error.stack ?? error.message : String(error) }),
    );
  });
}

/** A Worker that answers calls. `using` ends it. */
export class CalledWorker<P extends Procedures> implements Disposable {
  readonly #worker: Worker;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 0;

  constructor(url: URL) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const call = this.#open.get(data.id);
      this.#open.delete(data.id);
      if ("error" in data) call?.reject(new Error(data.error));
      else call?.resolve(data.result);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const { reject } of this.#open.values()) reject(new Error(event.message));
      this.#open.clear();
    });
  }

  /** @throws {Error} with what the Worker threw */
  call<N extends keyof P & string>(name: N, argument: Parameters<P[N]>[0]): Promise<Awaited<ReturnType<P[N]>>> {
    const call = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#open.set(id, call);
    this.#worker.postMessage({ id, name, argument } satisfies Question);
    return call.promise as Promise<Awaited<ReturnType<P[N]>>>;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
