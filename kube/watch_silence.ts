/**
 * Notices that nothing came for a while.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Listens to one stream. `end` must be called when that is over. */
export interface Silence {
  heard(): void;
  end(): void;
}

/**
 * Calls `onSilence` once when nothing was `heard` for as long as `limitMs` says at that time. The timer is not set anew
 * with each chunk but when it fires: it looks after `firstMs`, and then when silence could be too long.
 */
export function listenForSilence(
  clock: Clock,
  limitMs: () => number,
  onSilence: (silenceMs: number) => void,
  firstMs: number,
): Silence {
  let heardAtMs = clock.nowMs();
  const check = (): void => {
    const silenceMs = clock.nowMs() - heardAtMs;
    if (silenceMs < limitMs()) cancel = clock.setTimer(check, limitMs() - silenceMs);
    else onSilence(silenceMs);
  };
  let cancel = clock.setTimer(check, firstMs);
  return { heard: () => void (heardAtMs = clock.nowMs()), end: () => cancel() };
}
