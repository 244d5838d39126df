/**
 * What a watch does next: plain data in, plain data out.
 *
 * @module
 */
import { isKubeError, KubeError } from "./errors.ts";
import { backOffMs, compareVersions, isRefusal, isTransientLine, nextPageLimit } from "./watch_rules.ts";
import type { WatchContext, WatchEffect, WatchInput, WatchState, WatchStep } from "./watch_state.ts";

/** A stream that worked this long has recovered: the next failure is a first one. */
const RECOVERED_MS = 10_000;
/** A stream that ends this soon without a word did not work. */
const TOO_SHORT_MS = 1_000;
const NO_EFFECTS: readonly WatchEffect[] = [];

/** One step. An input that a state does not expect comes from something that was replaced, and changes nothing. */
export function stepWatch(state: WatchState, input: WatchInput, context: WatchContext): WatchStep {
  if (input.kind === "Stop" && state.kind !== "Ended") {
    return { state: { kind: "Ended", failures: state.failures }, effects: [{ do: "end" }] };
  }
  switch (state.kind) {
    case "Idle":
      return input.kind === "Start" ? beginAnew(0, context) : stay(state);
    case "Listing":
      return stepListing(state, input, context);
    case "Paging":
      return stepPaging(state, input, context);
    case "Probing":
      return stepProbing(state, input, context);
    case "Connecting":
      return stepConnecting(state, input, context);
    case "Watching":
      return stepWatching(state, input, context);
    case "BackingOff":
      return ["WaitOver", "Reconnect", "AddressChanged"].includes(input.kind) ? resume(state, context) : stay(state);
    case "Ended":
      return stay(state);
  }
}

type In<Kind extends WatchState["kind"]> = Extract<WatchState, { kind: Kind }>;

function stepListing(state: In<"Listing">, input: WatchInput, context: WatchContext): WatchStep {
  switch (input.kind) {
    case "Opened":
      return { state: { ...state, open: true }, effects: [{ do: "connected" }, { do: "begin" }] };
    case "Change":
      // The cache behind the list may run ahead of it: a change of an object already listed comes before the list's end.
      return { state, effects: [{ do: input.event.type === "Deleted" ? "event" : "item", event: input.event }] };
    case "Bookmark":
      if (!input.listEnd) return stay(state);
      return {
        state: watching(state.failures, input.version, context),
        effects: [{ do: "live", version: input.version }],
      };
    case "Failed":
      return !state.open && isRefusal(input.error) ? beginPaging(state.failures) : backOff(state, input.error, context);
    case "ErrorLine":
      return backOff(state, input.error, context);
    case "StreamEnd":
      return backOff(state, new KubeError("Unreachable", "the stream ended before its list was complete"), context);
    case "Silent":
      // A server that does not know WatchList may take it for an ordinary watch, which never says that a list ended.
      return state.open ? beginPaging(state.failures) : stay(state);
    default:
      return stay(state);
  }
}

function stepPaging(state: In<"Paging">, input: WatchInput, context: WatchContext): WatchStep {
  if (input.kind === "Failed") {
    // Too old a continue token: what came so far belongs to a list that cannot be completed.
    return isKubeError(input.error, "Gone")
      ? startOver(state, input.error, context)
      : backOff(state, input.error, context);
  }
  if (input.kind !== "Page") return stay(state);
  const { page } = input;
  const effects: WatchEffect[] = state.begun ? [] : [{ do: "begin" }];
  for (const event of page.events) effects.push({ do: "item", event });
  if (page.continue !== undefined) {
    const limit = nextPageLimit(page);
    effects.push({ do: "listPage", limit, continue: page.continue });
    return { state: { ...state, begun: true, limit }, effects };
  }
  effects.push({ do: "live", version: page.version });
  const next = connect(state.failures, page.version, false);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

function stepProbing(state: In<"Probing">, input: WatchInput, context: WatchContext): WatchStep {
  if (input.kind === "Failed") return backOff(state, input.error, context, state.version);
  if (input.kind !== "Probed") return stay(state);
  if (state.version === undefined) return connect(state.failures, input.version, true);
  if (compareVersions(input.version, state.version) >= 0) {
    return connect(state.failures, state.version, false);
  }
  // A watch from the future is silent until the server gets there again, and what it then tells has a hole.
  const text = `the server's resourceVersion went back from ${state.version} to ${input.version}`;
  return startOver(state, new KubeError("Gone", text), context);
}

function stepConnecting(state: In<"Connecting">, input: WatchInput, context: WatchContext): WatchStep {
  switch (input.kind) {
    case "Opened":
      return {
        state: watching(state.failures, state.version, context),
        effects: state.gap ? [{ do: "connected" }, { do: "live", version: state.version }] : [{ do: "connected" }],
      };
    case "Failed":
      if (isKubeError(input.error, "Gone")) return startOver(state, input.error, context);
      return backOff(state, input.error, context, state.gap ? undefined : state.version);
    default:
      return stay(state);
  }
}

function stepWatching(state: In<"Watching">, input: WatchInput, context: WatchContext): WatchStep {
  switch (input.kind) {
    case "Change":
      return {
        state: { kind: "Watching", failures: 0, version: input.version, openedAtMs: state.openedAtMs, received: true },
        effects: [{ do: "event", event: input.event }],
      };
    case "Bookmark":
      return {
        state: { ...state, failures: 0, version: input.version, received: true },
        effects: [{ do: "bookmark", version: input.version }],
      };
    case "StreamEnd":
      if (state.received || context.nowMs - state.openedAtMs >= TOO_SHORT_MS) {
        return connect(recovered(state, context), state.version, false);
      }
      return backOff(
        state,
        new KubeError("Unreachable", "the stream ended as soon as it began"),
        context,
        state.version,
      );
    case "Failed":
      return backOff(aged(state, context), input.error, context, state.version);
    case "ErrorLine":
      return isTransientLine(input.error)
        ? backOff(aged(state, context), input.error, context, state.version)
        : startOver(aged(state, context), input.error, context);
    case "Silent":
      return verify(state, context, input.silenceMs);
    case "Reconnect":
      return reopen(state, context, input.why);
    case "AddressChanged":
      return move(state, context);
    default:
      return stay(state);
  }
}

function stay(state: WatchState): WatchStep {
  return { state, effects: NO_EFFECTS };
}

function beginAnew(failures: number, context: WatchContext): WatchStep {
  return context.start === "list"
    ? { state: { kind: "Listing", failures, open: false }, effects: [{ do: "openStream" }] }
    : { state: { kind: "Probing", failures }, effects: [{ do: "probe" }] };
}

function beginPaging(failures: number): WatchStep {
  const limit = nextPageLimit();
  return { state: { kind: "Paging", failures, begun: false, limit }, effects: [{ do: "listPage", limit }] };
}

function connect(failures: number, version: string, gap: boolean): WatchStep {
  return { state: { kind: "Connecting", failures, version, gap }, effects: [{ do: "openStream", version }] };
}

function watching(failures: number, version: string, context: WatchContext): WatchState {
  return { kind: "Watching", failures, version, openedAtMs: context.nowMs, received: false };
}

function recovered(state: In<"Watching">, context: WatchContext): number {
  return context.nowMs - state.openedAtMs >= RECOVERED_MS ? 0 : state.failures;
}

function aged(state: In<"Watching">, context: WatchContext): WatchState {
  return { ...state, failures: recovered(state, context) };
}

function resume(state: In<"BackingOff">, context: WatchContext): WatchStep {
  if (state.version === undefined) return beginAnew(state.failures, context);
  return {
    state: { kind: "Probing", failures: state.failures, version: state.version },
    effects: [{ do: "probe" }],
  };
}

/**
 * Nothing came for too long. After a first word bookmarks come each minute, so the connection is dead; before it, silence
 * is what an idle kind sounds like (no bookmark in ten minutes on 1.30), so look and open it again without alarm.
 */
function verify(state: In<"Watching">, context: WatchContext, silenceMs: number): WatchStep {
  const next: WatchState = { kind: "Probing", failures: recovered(state, context), version: state.version };
  if (!state.received) return { state: next, effects: [{ do: "probe" }] };
  const error = new KubeError("Timeout", `no bytes for ${Math.round(silenceMs)} ms`);
  return {
    state: next,
    effects: [{ do: "reportDead" }, { do: "disconnected", error, retryInMs: 0 }, { do: "probe" }],
  };
}

function reopen(state: In<"Watching">, context: WatchContext, why: string): WatchStep {
  const next = connect(recovered(state, context), state.version, false);
  const error = new KubeError("Aborted", `a reconnect was asked for: ${why}`);
  return { state: next.state, effects: [{ do: "disconnected", error, retryInMs: 0 }, ...next.effects] };
}

/** Behind another address another server may answer, one that is not as far yet: it is asked first. */
function move(state: In<"Watching">, context: WatchContext): WatchStep {
  const error = new KubeError("Aborted", "address or credential have changed");
  return {
    state: { kind: "Probing", failures: recovered(state, context), version: state.version },
    effects: [{ do: "disconnected", error, retryInMs: 0 }, { do: "probe" }],
  };
}

function backOff(state: WatchState, error: KubeError, context: WatchContext, version?: string): WatchStep {
  const delayMs = backOffMs(state.failures, error, context.random);
  return {
    state: { kind: "BackingOff", failures: state.failures + 1, version },
    effects: [{ do: "disconnected", error, retryInMs: delayMs }, { do: "wait", delayMs }],
  };
}

/** A gap: at once when all was well before, else after a while. */
function startOver(state: WatchState, error: KubeError, context: WatchContext): WatchStep {
  if (state.failures > 0 || !isKubeError(error, "Gone")) return backOff(state, error, context);
  const next = beginAnew(1, context);
  return { state: next.state, effects: [{ do: "disconnected", error, retryInMs: 0 }, ...next.effects] };
}
