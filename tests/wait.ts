/**
 * Waiting for a condition with a deadline, instead of sleeping.
 *
 * @module
 */

/** Bounds of a wait. */
export interface WaitOptions {
  /** Longest time to wait, in milliseconds. */
  readonly deadlineMs: number;
  /** Time between two looks, in milliseconds; 50 unless told otherwise. */
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
  /** Asked once when the deadline has passed: the state to put into the error. */
  readonly describe?: () => string | Promise<string>;
}

/** What the last look at a condition gave. */
type Look<T> = { readonly kind: "value"; readonly value: T } | { readonly kind: "not-yet"; readonly error?: unknown };

/**
 * Looks at a condition until it gives something else than `undefined` or `false`, and returns that.
 * A condition that throws counts as not yet true; its last error is told (and is the cause) when the deadline passes.
 *
 * @param what what is awaited, as the object of "Cannot see …"
 * @throws {Error} when the deadline passes; at once for a missing permission or variable; the reason of `signal` when that is aborted
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const { signal, deadlineMs, pollMs = 50 } = options;
  const endMs = performance.now() + deadlineMs;
  let last: Look<T> = { kind: "not-yet" };
  while (true) {
    signal?.throwIfAborted();
    const look = await within(lookAt(condition), endMs - performance.now(), signal);
    if (look?.kind === "value") return look.value;
    if (look !== undefined) last = look;
    if (performance.now() + pollMs >= endMs) throw await tooLate(what, last, look === undefined, options);
    await within(undefined, pollMs, signal);
  }
}

async function lookAt<T>(condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<Look<T>> {
  try {
    const value = await condition();
    return value === undefined || value === false ? { kind: "not-yet" } : { kind: "value", value };
  } catch (error) {
    // Waiting grants no permission and declares no variable.
    if (error instanceof Deno.errors.NotCapable || error instanceof ReferenceError) throw error;
    return { kind: "not-yet", error };
  }
}

/** The result of the promise, or undefined when it takes longer than `delayMs`; without a promise, just the delay. */
async function within<R>(promise: Promise<R> | undefined, delayMs: number, signal?: AbortSignal) {
  const { promise: end, resolve, reject } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, delayMs));
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await (promise === undefined ? end : Promise.race([promise, end]));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function tooLate<T>(what: string, last: Look<T>, hangs: boolean, options: WaitOptions): Promise<Error> {
  const error = last.kind === "not-yet" ? last.error : undefined;
  const seen = [
    hangs ? "the last look at it was still under way" : undefined,
    error === undefined ? undefined : `the last look at it failed: ${error instanceof Error ? error.message : error}`,
    await options.describe?.(),
  ].filter((part) => part !== undefined);
  const tail = seen.length === 0 ? "it was not so at the last look" : seen.join("; ");
  return new Error(`Cannot see ${what} within ${options.deadlineMs} ms: ${tail}`, { cause: error });
}
