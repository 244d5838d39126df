/**
 * Time as an argument.
 *
 * @module
 */

/** What the waiting parts of `kube/` need to know of time; tests bring their own. */
export interface Clock {
  /** Monotonic, in milliseconds, as `performance.now()`. */
  nowMs(): number;
  /** Wall clock, in milliseconds since 1970. */
  wallMs(): number;
  /** Calls back once after `delayMs`; the answer cancels that. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(callback, delayMs) {
    const id = setTimeout(callback, delayMs);
    return () => clearTimeout(id);
  },
};

/** Resolves after a time, or as soon as the signal is aborted; never rejects. */
export function waitFor(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.setTimer(end, delayMs);
    signal.addEventListener("abort", end, { once: true });
  });
}
