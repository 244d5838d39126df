/**
 * The bounds of one call in one signal: its deadline, its caller's signal, the end of the transport.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Why a deadline's signal was aborted. */
export type EndCause = "deadline" | "caller" | "closed";

/** One signal for several ends. `clear` must be called when the call is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** What ended it first, undefined while it runs. */
  endedBy(): EndCause | undefined;
  remainingMs(): number;
  /** From now on `sendUntil` does not end it. The result makes it do so again, at once if it was aborted meanwhile. */
  hold(): () => void;
  /** Lifts the time limit and keeps the signals (a stream whose headers came). */
  lift(): void;
  /** Ends the signal for no reason of the caller's (a stream that is released). */
  abort(): void;
  clear(): void;
}

/** Starts a deadline. The signals are other people's; their listeners go with `clear`. `sendUntil` counts as the caller's. */
export function startDeadline(
  clock: Clock,
  deadlineMs: number,
  signals: { caller?: AbortSignal; sendUntil?: AbortSignal; closed: AbortSignal },
): Deadline {
  const controller = new AbortController();
  const endsAtMs = clock.nowMs() + deadlineMs;
  let cause: EndCause | undefined;
  const end = (why: EndCause) => {
    cause ??= why;
    controller.abort();
  };
  const onCaller = () => end("caller");
  const onClosed = () => end("closed");
  let held = false;
  const onSent = () => held || end("caller");
  const cancel = clock.setTimer(() => end("deadline"), deadlineMs);
  if (signals.closed.aborted) onClosed();
  if (signals.caller?.aborted || signals.sendUntil?.aborted) onCaller();
  signals.closed.addEventListener("abort", onClosed);
  signals.caller?.addEventListener("abort", onCaller);
  signals.sendUntil?.addEventListener("abort", onSent);
  return {
    signal: controller.signal,
    endedBy: () => cause,
    remainingMs: () => endsAtMs - clock.nowMs(),
    hold() {
      held = true;
      return () => {
        held = false;
        if (signals.sendUntil?.aborted) onSent();
      };
    },
    lift: cancel,
    abort: () => controller.abort(),
    clear() {
      cancel();
      signals.closed.removeEventListener("abort", onClosed);
      signals.caller?.removeEventListener("abort", onCaller);
      signals.sendUntil?.removeEventListener("abort", onSent);
    },
  };
}
