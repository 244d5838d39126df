/**
 * One reading for all who ask at the same time.
 *
 * @module
 */
import { KubeError } from "../kube/errors.ts";

interface Reading<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  /** Callers who still want it. */
  wanted: number;
}

/** Reads once at a time; a reading lives as long as one of its callers still wants it. */
export class SharedRead<T> {
  readonly #read: (signal: AbortSignal) => Promise<T>;
  #reading: Reading<T> | undefined;

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read;
  }

  /** The reading under way, or a new one. Throws what it throws, and KubeError Aborted once the caller's signal is. */
  async get(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw givenUp();
    const reading = this.#reading ??= this.#begin();
    reading.wanted++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => reject(givenUp());
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([reading.result, left]);
    } finally {
      signal?.removeEventListener("abort", leave);
      if (--reading.wanted === 0) this.#end(reading);
    }
  }

  #begin(): Reading<T> {
    const abort = new AbortController();
    const reading = { result: this.#read(abort.signal), abort, wanted: 0 };
    // Nobody may be left to hear how it ended.
    reading.result.then(() => this.#forget(reading), () => this.#forget(reading));
    return reading;
  }

  #end(reading: Reading<T>): void {
    this.#forget(reading);
    reading.abort.abort();
  }

  #forget(reading: Reading<T>): void {
    if (this.#reading === reading) this.#reading = undefined;
  }
}

function givenUp(): KubeError {
  return new KubeError("Aborted", "Cannot read: ended by the caller");
}
