/**
 * How many turns at once a DR cluster bears, learned from its answers: halved when it throttles or does not answer, one more
 * after a window of good answers. Up to the start value always; beyond it only while calls take hardly longer than alone, since
 * more at once would then only wait at the server.
 *
 * @module
 */

/** Turns at once in the beginning: what a first sync is fastest with on a small cluster. */
export const START = 16;
export const LEAST = 2;
export const MOST = 32;
/** Good answers before one turn more, at least. */
const WINDOW = 32;
/** Calls may take this many times as long as the quickest one for the limit to grow beyond the start. */
const HARDLY_LONGER = 2;
/** Calls that take this many times as long take back what was grown beyond the start. */
const MUCH_LONGER = 4;
/** The quickest call counts for less with each window: the way to the cluster may have become longer. */
const FORGET = 1.02;
/** A server may ask for any wait; beyond this it is asked again at leisure. */
const LONGEST_WAIT_MS = 60_000;

/** What is known of a cluster. */
export interface Concurrency {
  /** Turns at once. */
  readonly limit: number;
  /** Monotonic time of the last cut; answers to calls from before it say nothing new. */
  readonly cutAtMs: number;
  /** The server asked for patience until then: as few as can be. */
  readonly slowUntilMs: number;
  /** The quickest call, in milliseconds. */
  readonly quickestMs?: number;
  /** Good answers since the limit was changed or left last. */
  readonly answers: number;
  readonly answersMs: number;
}

/** How a call went. Times are monotonic. */
export type Answer =
  & {
    readonly startedMs: number;
    readonly nowMs: number;
    /** As many turns were under way as may be: without that, nothing is learned about one more. */
    readonly full: boolean;
  }
  & (
    | { readonly type: "Answered" }
    | { readonly type: "TimedOut" }
    | { readonly type: "Throttled"; readonly retryAfterMs?: number }
  );

/** Before the first answer. */
export function initialConcurrency(limit = START): Concurrency {
  return { limit, cutAtMs: -Infinity, slowUntilMs: -Infinity, answers: 0, answersMs: 0 };
}

/** Turns that may be under way at this moment. */
export function limitAt({ limit, slowUntilMs }: Concurrency, nowMs: number): number {
  return nowMs < slowUntilMs ? Math.min(limit, LEAST) : limit;
}

/** One step. */
export function stepConcurrency(state: Concurrency, answer: Answer): Concurrency {
  switch (answer.type) {
    case "Answered":
      return stepAnswered(state, answer);
    case "TimedOut":
      return cut(state, answer);
    case "Throttled": {
      const waitMs = Math.min(answer.retryAfterMs ?? 0, LONGEST_WAIT_MS);
      return { ...cut(state, answer), slowUntilMs: Math.max(state.slowUntilMs, answer.nowMs + waitMs) };
    }
  }
}

/** Calls that were under way together fail together: that is one cut. */
function cut(state: Concurrency, { startedMs, nowMs }: Answer): Concurrency {
  if (startedMs < state.cutAtMs) return state;
  const limit = Math.min(state.limit, Math.max(LEAST, Math.floor(state.limit / 2)));
  return { ...state, limit, cutAtMs: nowMs, answers: 0, answersMs: 0 };
}

function stepAnswered(state: Concurrency, { startedMs, nowMs, full }: Answer): Concurrency {
  const tookMs = nowMs - startedMs;
  const quickestMs = Math.min(state.quickestMs ?? Infinity, tookMs);
  if (!full || startedMs < state.cutAtMs) return { ...state, quickestMs };
  const [answers, answersMs] = [state.answers + 1, state.answersMs + tookMs];
  if (answers < Math.max(WINDOW, 2 * state.limit)) return { ...state, quickestMs, answers, answersMs };
  const limit = nextLimit(state.limit, answersMs / answers / Math.max(quickestMs, 1));
  return { ...state, limit, quickestMs: quickestMs * FORGET, answers: 0, answersMs: 0 };
}

/** @param longer How many times as long as the quickest call the others took. */
function nextLimit(limit: number, longer: number): number {
  if (limit < START || (limit < MOST && longer <= HARDLY_LONGER)) return limit + 1;
  return limit > START && longer >= MUCH_LONGER ? limit - 1 : limit;
}
