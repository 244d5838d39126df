/**
 * The Pods of one namespace while passes run: who uses which claim, and how our agents are.
 *
 * @module
 */
import { KubeError } from "../../kube/errors.ts";
import type { KubeClient } from "../../kube/types.ts";
import { PODS } from "../builtin_types.ts";
import { type PodFacts, podFacts } from "./pod_facts.ts";

/** Follows the Pods of a namespace until its signal is aborted. */
export class PodWatch {
  readonly #pods = new Map<string, PodFacts>();
  readonly #listeners = new Set<() => void>();
  readonly #signal: AbortSignal;
  #isLive = false;
  #listing = new Set<string>();
  #problem: Error | undefined;

  constructor(client: KubeClient, namespace: string, signal: AbortSignal) {
    this.#signal = signal;
    client.watch(PODS, { namespace, start: "list" }, {
      begin: () => this.#listing = new Set(),
      item: ({ object }) => {
        this.#listing.add(object.metadata.name);
        this.#pods.set(object.metadata.name, podFacts(object));
      },
      live: () => {
        for (const name of this.#pods.keys()) if (!this.#listing.has(name)) this.#pods.delete(name);
        this.#isLive = true;
        this.#tell();
      },
      event: ({ type, object }) => {
        if (type === "Deleted") this.#pods.delete(object.metadata.name);
        else this.#pods.set(object.metadata.name, podFacts(object));
        this.#listing.add(object.metadata.name);
        if (this.#isLive) this.#tell();
      },
      connected: () => this.#problem = undefined,
      disconnected: (error) => {
        this.#problem = error;
        this.#tell();
      },
    }, signal);
  }

  /** All Pods that are there now; complete once `listed` has resolved. */
  get pods(): readonly PodFacts[] {
    return [...this.#pods.values()];
  }

  get(name: string): PodFacts | undefined {
    return this.#pods.get(name);
  }

  /** Calls back at every change until the answer is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when every Pod is known. Throws `KubeError`. */
  async listed(deadlineMs: number): Promise<void> {
    const isListed = () => {
      if (this.#isLive) return true;
      // A watch tries again for ever; that it may not be opened does not pass.
      if (this.#problem instanceof KubeError && this.#problem.reason === "Forbidden") throw this.#problem;
    };
    if (await this.until(isListed, this.#signal, deadlineMs) === undefined) {
      throw new KubeError("Timeout", "Cannot list pods: no answer in time", { cause: this.#problem });
    }
  }

  /** What `look` answers first that is not undefined; undefined itself when time or the signal ended the wait. */
  until<T>(look: () => T | undefined, signal: AbortSignal, deadlineMs: number): Promise<T | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const attempt = () => {
      try {
        const found = look();
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    const give = () => resolve(undefined);
    const stopListening = this.onChange(attempt);
    const timer = setTimeout(give, deadlineMs);
    signal.addEventListener("abort", give, { once: true });
    if (signal.aborted) give();
    attempt();
    return promise.finally(() => {
      stopListening();
      clearTimeout(timer);
      signal.removeEventListener("abort", give);
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
