import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Answer,
  type Concurrency,
  initialConcurrency,
  LEAST,
  limitAt,
  MOST,
  stepConcurrency,
} from "./concurrency.ts";

interface Row {
  readonly what: string;
  readonly from?: Partial<Concurrency>;
  readonly answers: readonly (Partial<Answer> & { readonly type: Answer["type"]; readonly tookMs?: number })[];
  readonly limit: number;
}

const good = (count: number, tookMs: number, full = true) =>
  Array.from({ length: count }, () => ({ type: "Answered" as const, tookMs, full }));

const table: Row[] = [
  { what: "a 429 halves", answers: [{ type: "Throttled" }], limit: 8 },
  { what: "a timeout halves", answers: [{ type: "TimedOut" }], limit: 8 },
  {
    what: "calls that were under way together halve once",
    answers: Array.from({ length: 16 }, () => ({ type: "Throttled" as const, startedMs: 0 })),
    limit: 8,
  },
  { what: "one after another they halve each time", answers: [{ type: "TimedOut" }, { type: "Throttled" }], limit: 4 },
  { what: "two are left", answers: Array.from({ length: 9 }, () => ({ type: "TimedOut" as const })), limit: LEAST },
  { what: "one is not made two", from: { limit: 1 }, answers: [{ type: "TimedOut" }], limit: 1 },
  { what: "after a cut a window of good answers gives one more", from: { limit: 8 }, answers: good(32, 50), limit: 9 },
  { what: "a window that is not full gives none", from: { limit: 8 }, answers: good(31, 50), limit: 8 },
  { what: "slow or not, up to the start", from: { limit: 15, quickestMs: 1 }, answers: good(32, 90), limit: 16 },
  { what: "answers while there was little to do give none", from: { limit: 8 }, answers: good(99, 9, false), limit: 8 },
  { what: "beyond the start while calls take as long as alone", answers: good(32, 50), limit: 17 },
  { what: "not beyond it when they wait at the server", from: { quickestMs: 5 }, answers: good(99, 50), limit: 16 },
  {
    what: "a quick call that came alone is what others are measured by",
    answers: [...good(1, 5, false), ...good(99, 50)],
    limit: 16,
  },
  {
    what: "what was gained goes when calls wait",
    from: { limit: 20, quickestMs: 5 },
    answers: good(40, 50),
    limit: 19,
  },
  { what: "hardly longer keeps it", from: { limit: 20, quickestMs: 20 }, answers: good(40, 50), limit: 20 },
  { what: "no more than the most", from: { limit: MOST }, answers: good(999, 50), limit: MOST },
  {
    what: "answers to calls from before a cut do not count",
    answers: [{ type: "Throttled" }, ...good(99, 50).map((answer) => ({ ...answer, startedMs: 0 }))],
    limit: 8,
  },
];

for (const { what, from, answers, limit } of table) {
  Deno.test(`turns at once: ${what}`, () => {
    let state: Concurrency = { ...initialConcurrency(), ...from };
    let nowMs = 0;
    for (const { tookMs = 0, ...answer } of answers) {
      nowMs += 1_000;
      state = stepConcurrency(state, { full: true, startedMs: nowMs - tookMs, nowMs, ...answer });
    }
    assert.equal(state.limit, limit);
  });
}

Deno.test("until the server may be asked again, as few as can be; a longer wait is not cut short by a shorter one", () => {
  let state = initialConcurrency();
  state = stepConcurrency(state, { type: "Throttled", retryAfterMs: 5_000, startedMs: 0, nowMs: 10, full: true });
  state = stepConcurrency(state, { type: "Throttled", retryAfterMs: 1_000, startedMs: 0, nowMs: 20, full: true });
  assert.deepEqual([limitAt(state, 5_009), limitAt(state, 5_010)], [LEAST, 8]);
  state = stepConcurrency(state, { type: "Throttled", retryAfterMs: 86_400_000, startedMs: 0, nowMs: 30, full: true });
  assert.deepEqual([limitAt(state, 60_029), limitAt(state, 60_030)], [LEAST, 8]);
});

const answer: fc.Arbitrary<Answer> = fc.record({
  type: fc.constantFrom<Answer["type"]>("Answered", "TimedOut", "Throttled"),
  startedMs: fc.nat(10_000),
  nowMs: fc.nat(10_000),
  full: fc.boolean(),
  retryAfterMs: fc.option(fc.nat(100_000), { nil: undefined }),
}).map((raw) => ({ ...raw, nowMs: raw.startedMs + raw.nowMs }));

Deno.test("whatever the answers, the limit stays in its bounds and comes back to the start", () => {
  fc.assert(fc.property(fc.array(answer, { maxLength: 200 }), (answers) => {
    let state = initialConcurrency();
    for (const one of answers) {
      state = stepConcurrency(state, one);
      assert.ok(state.limit >= LEAST && state.limit <= MOST && Number.isInteger(state.limit), `${state.limit}`);
    }
    const nowMs = 1_000_000;
    for (let i = 0; i < 32 * 16; i++) {
      state = stepConcurrency(state, { type: "Answered", startedMs: nowMs, nowMs: nowMs + 500, full: true });
    }
    assert.ok(limitAt(state, nowMs) >= 16, `${state.limit}`);
  }));
});
