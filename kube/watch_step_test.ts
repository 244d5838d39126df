import assert from "node:assert/strict";
import { KubeError } from "./errors.ts";
import type { WatchEvent } from "./types.ts";
import { IDLE, type WatchContext, type WatchEffect, type WatchInput, type WatchState } from "./watch_state.ts";
import { stepWatch } from "./watch_step.ts";

const LIST: WatchContext = { start: "list", nowMs: 50_000, random: 0.5 };
const NOW: WatchContext = { ...LIST, start: "now" };

function change(type: WatchEvent["type"]): WatchInput {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", resourceVersion: "9" } };
  return { kind: "Change", version: "9", event: { type, object, sizeBytes: 1, receivedAtMs: 1 } };
}

function failed(reason: KubeError["reason"]): WatchInput {
  return { kind: "Failed", error: new KubeError(reason, reason) };
}

function errorLine(reason: KubeError["reason"], cause?: string): WatchInput {
  const status = { details: { causes: [{ reason: cause }] } };
  return { kind: "ErrorLine", error: new KubeError(reason, reason, { status }) };
}

const page = { events: [], version: "7", sizeBytes: 10 };

const INPUTS: Record<string, WatchInput> = {
  Start: { kind: "Start" },
  Opened: { kind: "Opened" },
  Added: change("Added"),
  Deleted: change("Deleted"),
  Bookmark: { kind: "Bookmark", version: "8", listEnd: false },
  ListEnd: { kind: "Bookmark", version: "8", listEnd: true },
  GoneLine: errorLine("Gone"),
  ServerErrorLine: errorLine("ServerError"),
  ThrottledLine: errorLine("Throttled"),
  FutureLine: errorLine("ServerError", "ResourceVersionTooLarge"),
  StreamEnd: { kind: "StreamEnd" },
  Gone: failed("Gone"),
  Refused: failed("Invalid"),
  Broken: failed("Unreachable"),
  Silent: { kind: "Silent", silenceMs: 100_000 },
  LastPage: { kind: "Page", page },
  FirstPage: { kind: "Page", page: { ...page, continue: "more" } },
  Probed: { kind: "Probed", version: "6" },
  ProbedBehind: { kind: "Probed", version: "3" },
  WaitOver: { kind: "WaitOver" },
  Reconnect: { kind: "Reconnect", why: "test" },
  AddressChanged: { kind: "AddressChanged" },
  Stop: { kind: "Stop" },
};

const STATES: Record<string, WatchState> = {
  Idle: IDLE,
  Listing: { kind: "Listing", failures: 0, open: false },
  OpenListing: { kind: "Listing", failures: 0, open: true },
  Paging: { kind: "Paging", failures: 0, begun: false, limit: 25 },
  BegunPaging: { kind: "Paging", failures: 0, begun: true, limit: 25 },
  Probing: { kind: "Probing", failures: 0 },
  Verifying: { kind: "Probing", failures: 0, version: "5" },
  Connecting: { kind: "Connecting", failures: 0, version: "5", gap: false },
  ConnectingGap: { kind: "Connecting", failures: 0, version: "5", gap: true },
  Watching: { kind: "Watching", failures: 0, version: "5", openedAtMs: 49_500, received: false },
  WatchingLong: { kind: "Watching", failures: 3, version: "5", openedAtMs: 10_000, received: true },
  BackingOff: { kind: "BackingOff", failures: 2 },
  BackingOffAt: { kind: "BackingOff", failures: 2, version: "5" },
  Ended: { kind: "Ended", failures: 0 },
};

/** What a step comes to, in short: the state, its failures and details, then the effects. */
const TABLE: Record<string, Record<string, string>> = {
  Idle: { Start: "Listing/0 > openStream" },
  Listing: {
    Opened: "Listing/0 open > connected begin",
    Added: "Listing/0 > item",
    Deleted: "Listing/0 > event",
    ListEnd: "Watching/0 8 > live:8",
    GoneLine: "BackingOff/1 > disconnected:100 wait:100",
    ServerErrorLine: "BackingOff/1 > disconnected:100 wait:100",
    ThrottledLine: "BackingOff/1 > disconnected:100 wait:100",
    FutureLine: "BackingOff/1 > disconnected:100 wait:100",
    StreamEnd: "BackingOff/1 > disconnected:100 wait:100",
    Gone: "BackingOff/1 > disconnected:100 wait:100",
    Refused: "Paging/0 limit=25 > listPage:25",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
  },
  OpenListing: {
    Opened: "Listing/0 open > connected begin",
    Added: "Listing/0 open > item",
    Deleted: "Listing/0 open > event",
    ListEnd: "Watching/0 8 > live:8",
    GoneLine: "BackingOff/1 > disconnected:100 wait:100",
    ServerErrorLine: "BackingOff/1 > disconnected:100 wait:100",
    ThrottledLine: "BackingOff/1 > disconnected:100 wait:100",
    FutureLine: "BackingOff/1 > disconnected:100 wait:100",
    StreamEnd: "BackingOff/1 > disconnected:100 wait:100",
    Gone: "BackingOff/1 > disconnected:100 wait:100",
    Refused: "BackingOff/1 > disconnected:100 wait:100",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
    Silent: "Paging/0 limit=25 > listPage:25",
  },
  Paging: {
    LastPage: "Connecting/0 7 > begin live:7 openStream:7",
    FirstPage: "Paging/0 begun limit=25 > begin listPage:25:more",
    Gone: "Listing/1 > disconnected:0 openStream",
    Refused: "BackingOff/1 > disconnected:100 wait:100",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
  },
  BegunPaging: {
    LastPage: "Connecting/0 7 > live:7 openStream:7",
    FirstPage: "Paging/0 begun limit=25 > listPage:25:more",
    Gone: "Listing/1 > disconnected:0 openStream",
    Refused: "BackingOff/1 > disconnected:100 wait:100",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
  },
  Probing: {
    Probed: "Connecting/0 6 gap > openStream:6",
    ProbedBehind: "Connecting/0 3 gap > openStream:3",
    Gone: "BackingOff/1 > disconnected:100 wait:100",
    Refused: "BackingOff/1 > disconnected:100 wait:100",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
  },
  Verifying: {
    Probed: "Connecting/0 5 > openStream:5",
    ProbedBehind: "Listing/1 > disconnected:0 openStream",
    Gone: "BackingOff/1 5 > disconnected:100 wait:100",
    Refused: "BackingOff/1 5 > disconnected:100 wait:100",
    Broken: "BackingOff/1 5 > disconnected:100 wait:100",
  },
  Connecting: {
    Opened: "Watching/0 5 > connected",
    Gone: "Listing/1 > disconnected:0 openStream",
    Refused: "BackingOff/1 5 > disconnected:100 wait:100",
    Broken: "BackingOff/1 5 > disconnected:100 wait:100",
  },
  ConnectingGap: {
    Opened: "Watching/0 5 > connected live:5",
    Gone: "Listing/1 > disconnected:0 openStream",
    Refused: "BackingOff/1 > disconnected:100 wait:100",
    Broken: "BackingOff/1 > disconnected:100 wait:100",
  },
  Watching: {
    Added: "Watching/0 9 received > event",
    Deleted: "Watching/0 9 received > event",
    Bookmark: "Watching/0 8 received > bookmark:8",
    ListEnd: "Watching/0 8 received > bookmark:8",
    GoneLine: "Listing/1 > disconnected:0 openStream",
    ServerErrorLine: "BackingOff/1 > disconnected:100 wait:100",
    ThrottledLine: "BackingOff/1 5 > disconnected:100 wait:100",
    FutureLine: "BackingOff/1 5 > disconnected:100 wait:100",
    StreamEnd: "BackingOff/1 5 > disconnected:100 wait:100",
    Gone: "BackingOff/1 5 > disconnected:100 wait:100",
    Refused: "BackingOff/1 5 > disconnected:100 wait:100",
    Broken: "BackingOff/1 5 > disconnected:100 wait:100",
    Silent: "Probing/0 5 > probe",
    Reconnect: "Connecting/0 5 > disconnected:0 openStream:5",
    AddressChanged: "Probing/0 5 > disconnected:0 probe",
  },
  WatchingLong: {
    Added: "Watching/0 9 received > event",
    Deleted: "Watching/0 9 received > event",
    Bookmark: "Watching/0 8 received > bookmark:8",
    ListEnd: "Watching/0 8 received > bookmark:8",
    GoneLine: "Listing/1 > disconnected:0 openStream",
    ServerErrorLine: "BackingOff/1 > disconnected:100 wait:100",
    ThrottledLine: "BackingOff/1 5 > disconnected:100 wait:100",
    FutureLine: "BackingOff/1 5 > disconnected:100 wait:100",
    StreamEnd: "Connecting/0 5 > openStream:5",
    Gone: "BackingOff/1 5 > disconnected:100 wait:100",
    Refused: "BackingOff/1 5 > disconnected:100 wait:100",
    Broken: "BackingOff/1 5 > disconnected:100 wait:100",
    Silent: "Probing/0 5 > reportDead disconnected:0 probe",
    Reconnect: "Connecting/0 5 > disconnected:0 openStream:5",
    AddressChanged: "Probing/0 5 > disconnected:0 probe",
  },
  BackingOff: {
    WaitOver: "Listing/2 > openStream",
    Reconnect: "Listing/2 > openStream",
    AddressChanged: "Listing/2 > openStream",
  },
  BackingOffAt: {
    WaitOver: "Probing/2 5 > probe",
    Reconnect: "Probing/2 5 > probe",
    AddressChanged: "Probing/2 5 > probe",
  },
  Ended: {},
};

function describeState(state: WatchState): string {
  const flags = ["open", "begun", "gap", "received"].filter((flag) =>
    (state as Record<string, unknown>)[flag] === true
  );
  const version = "version" in state && state.version !== undefined ? [state.version] : [];
  const limit = "limit" in state ? [`limit=${state.limit}`] : [];
  return [`${state.kind}/${state.failures}`, ...version, ...flags, ...limit].join(" ");
}

function describeEffect(effect: WatchEffect): string {
  switch (effect.do) {
    case "openStream":
    case "live":
    case "bookmark":
      return effect.version === undefined ? effect.do : `${effect.do}:${effect.version}`;
    case "listPage":
      return [effect.do, effect.limit, ...(effect.continue === undefined ? [] : [effect.continue])].join(":");
    case "wait":
      return `${effect.do}:${effect.delayMs}`;
    case "disconnected":
      return `${effect.do}:${effect.retryInMs}`;
    default:
      return effect.do;
  }
}

function describe(state: WatchState, input: WatchInput, context: WatchContext): string {
  const next = stepWatch(state, input, context);
  if (next.state === state && next.effects.length === 0) return "stay";
  return `${describeState(next.state)} > ${next.effects.map(describeEffect).join(" ")}`;
}

for (const [stateName, state] of Object.entries(STATES)) {
  Deno.test(`every input in state ${stateName} does what the table says`, () => {
    const found = Object.entries(INPUTS).map(([inputName, input]) => [inputName, describe(state, input, LIST)]);
    const stop = stateName === "Ended" ? {} : { Stop: `Ended/${state.failures} > end` };
    const expected = { ...TABLE[stateName], ...stop } as Record<string, string>;
    assert.deepEqual(found, Object.keys(INPUTS).map((inputName) => [inputName, expected[inputName] ?? "stay"]));
  });
}

Deno.test("a watch from now on begins with a probe, and probes again after a gap", () => {
  assert.equal(describe(IDLE, { kind: "Start" }, NOW), "Probing/0 > probe");
  const gone = INPUTS.GoneLine as WatchInput;
  assert.equal(describe(STATES.Watching as WatchState, gone, NOW), "Probing/1 > disconnected:0 probe");
  assert.equal(describe(STATES.BackingOff as WatchState, { kind: "WaitOver" }, NOW), "Probing/2 > probe");
});

Deno.test("a gap right after a gap waits", () => {
  const state: WatchState = { kind: "Watching", failures: 1, version: "5", openedAtMs: 49_999, received: false };
  assert.equal(describe(state, INPUTS.GoneLine as WatchInput, LIST), "BackingOff/2 > disconnected:200 wait:200");
});

Deno.test("failures count until the first event or ten seconds of life", () => {
  const young: WatchState = { kind: "Watching", failures: 4, version: "5", openedAtMs: 45_000, received: false };
  const broken = INPUTS.Broken as WatchInput;
  assert.equal(describe(young, broken, LIST), "BackingOff/5 5 > disconnected:1600 wait:1600");
  assert.equal(describe({ ...young, openedAtMs: 40_000 }, broken, LIST), "BackingOff/1 5 > disconnected:100 wait:100");
  const after = stepWatch(young, INPUTS.Bookmark as WatchInput, LIST).state;
  assert.equal(describe(after, broken, LIST), "BackingOff/1 8 > disconnected:100 wait:100");
});
