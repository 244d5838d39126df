/**
 * Work on many things that are due at the same time, spread over a span.
 *
 * @module
 */
import { type Clock, waitFor } from "../kube/clock.ts";

/** Acts on each in turn, the first at once and the last before `spanMs` has passed; ends early with the signal. */
export async function spread<T>(
  items: readonly T[],
  spanMs: number,
  act: (item: T) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index > 0) await waitFor(clock, spanMs / items.length, signal);
    if (signal.aborted) return;
    act(item);
  }
}
