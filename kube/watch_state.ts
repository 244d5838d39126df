/**
 * A watch as a state machine: its states, what happens to it, what is to be done. `watch_step.ts` decides, `watch.ts`
 * performs.
 *
 * @module
 */
import type { KubeError } from "./errors.ts";
import type { WatchEvent } from "./types.ts";

/** Where a watch is. `failures` counts what went wrong since it last worked; it drives the back-off. */
export type WatchState =
  & { readonly failures: number }
  & (
    | { readonly kind: "Idle" }
    /** A WatchList stream: asked for, or `open` and delivering the objects that exist. */
    | { readonly kind: "Listing"; readonly open: boolean }
    /** Paged lists, where WatchList is refused. */
    | { readonly kind: "Paging"; readonly begun: boolean; readonly limit: number }
    /** Asks for the present resourceVersion; with `version`, to see that the server has not gone back behind it. */
    | { readonly kind: "Probing"; readonly version?: string }
    /** A stream from `version` was asked for; `gap`: what came before it was not delivered. */
    | { readonly kind: "Connecting"; readonly version: string; readonly gap: boolean }
    | { readonly kind: "Watching"; readonly version: string; readonly openedAtMs: number; readonly received: boolean }
    /** Waits; goes on from `version`, or anew without one. */
    | { readonly kind: "BackingOff"; readonly version?: string }
    | { readonly kind: "Ended" }
  );

/** What happens to a watch. */
export type WatchInput =
  | { readonly kind: "Start" }
  /** The stream answered 200. */
  | { readonly kind: "Opened" }
  | { readonly kind: "Change"; readonly event: WatchEvent; readonly version: string }
  | { readonly kind: "Bookmark"; readonly version: string; readonly listEnd: boolean }
  /** An ERROR event in the stream, or a line that makes no sense. */
  | { readonly kind: "ErrorLine"; readonly error: KubeError }
  /** The server ended the stream in good order. */
  | { readonly kind: "StreamEnd" }
  /** A request failed, or the stream broke. */
  | { readonly kind: "Failed"; readonly error: KubeError }
  /** No bytes for too long. */
  | { readonly kind: "Silent"; readonly silenceMs: number }
  | { readonly kind: "Page"; readonly page: WatchPage }
  | { readonly kind: "Probed"; readonly version: string }
  | { readonly kind: "WaitOver" }
  | { readonly kind: "Reconnect"; readonly why: string }
  /** The transport has another address or credential than the stream was opened with. */
  | { readonly kind: "AddressChanged" }
  | { readonly kind: "Stop" };

/** One page of a list, its objects as events. */
export interface WatchPage {
  readonly events: readonly WatchEvent[];
  readonly version: string;
  readonly continue?: string;
  readonly sizeBytes: number;
}

/** What is to be done. Each of the first four replaces the request, stream or wait that was under way. */
export type WatchEffect =
  /** Opens a stream from `version`, or a WatchList without one. */
  | { readonly do: "openStream"; readonly version?: string }
  | { readonly do: "listPage"; readonly limit: number; readonly continue?: string }
  | { readonly do: "probe" }
  | { readonly do: "wait"; readonly delayMs: number }
  | { readonly do: "reportDead" }
  | { readonly do: "begin" }
  | { readonly do: "item"; readonly event: WatchEvent }
  | { readonly do: "live"; readonly version: string }
  | { readonly do: "event"; readonly event: WatchEvent }
  | { readonly do: "bookmark"; readonly version: string }
  | { readonly do: "connected" }
  | { readonly do: "disconnected"; readonly error: KubeError; readonly retryInMs: number }
  | { readonly do: "end" };

/** What a step needs to know besides state and input. */
export interface WatchContext {
  readonly start: "list" | "now";
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/** A state and what to do on the way into it. */
export interface WatchStep {
  readonly state: WatchState;
  readonly effects: readonly WatchEffect[];
}

/** The state before the first step. */
export const IDLE: WatchState = { kind: "Idle", failures: 0 };
