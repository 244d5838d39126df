/**
 * When the admission thread is started, given up and started again; pure.
 *
 * @module
 */

/** `failures` counts starts that did not come to a first answer, for the back-off. */
export type Supervision =
  | { readonly phase: "starting"; readonly failures: number }
  | { readonly phase: "serving"; readonly failures: number; readonly missedPings: number }
  | { readonly phase: "waiting"; readonly failures: number }
  | { readonly phase: "stopped" };

/** What can happen. */
export type SupervisionEvent =
  | { readonly type: "listening" }
  | { readonly type: "answered" } // a ping was answered in time
  | { readonly type: "silent" } // a ping, or the start, was not
  | { readonly type: "died" }
  | { readonly type: "due" } // the back-off is over
  | { readonly type: "stop" };

/** What to do about it. */
export type SupervisionEffect =
  | { readonly type: "spawn" }
  | { readonly type: "terminate" }
  | { readonly type: "wait"; readonly delayMs: number };

/** A state with what has to be done to be in it. */
export interface SupervisionStep {
  readonly state: Supervision;
  readonly effects: readonly SupervisionEffect[];
}

/** Pings that may be missed one after the other before the thread counts as stuck. */
export const MISSED_PINGS = 3;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

/** The state to begin with. */
export const INITIAL_SUPERVISION: Supervision = { phase: "starting", failures: 0 };

/** The next state. */
export function superviseStep(state: Supervision, event: SupervisionEvent): SupervisionStep {
  if (state.phase === "stopped") return stay(state);
  switch (event.type) {
    case "stop":
      return { state: { phase: "stopped" }, effects: [] }; // the handle ends the thread itself, with a deadline
    case "listening":
      return state.phase === "starting"
        ? stay({ phase: "serving", failures: state.failures, missedPings: 0 })
        : stay(state);
    case "answered":
      return state.phase === "serving" ? stay({ phase: "serving", failures: 0, missedPings: 0 }) : stay(state);
    case "silent":
      return missed(state);
    case "died":
      return state.phase === "waiting" ? stay(state) : restart(state.failures);
    case "due":
      return state.phase === "waiting"
        ? { state: { phase: "starting", failures: state.failures }, effects: [{ type: "spawn" }] }
        : stay(state);
  }
}

function missed(state: Exclude<Supervision, { phase: "stopped" }>): SupervisionStep {
  if (state.phase === "waiting") return stay(state);
  if (state.phase === "serving" && state.missedPings + 1 < MISSED_PINGS) {
    return stay({ ...state, missedPings: state.missedPings + 1 });
  }
  return restart(state.failures);
}

function restart(failures: number): SupervisionStep {
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));
  return {
    state: { phase: "waiting", failures: failures + 1 },
    effects: [{ type: "terminate" }, { type: "wait", delayMs }],
  };
}

function stay(state: Supervision): SupervisionStep {
  return { state, effects: [] };
}
