import assert from "node:assert/strict";
import fc from "fast-check";
import { type LaneLoad, nextTurn, spareTurns } from "./turns.ts";

/** Queues as the dispatcher would see them, with turns that end when the sequence says so. */
class Model {
  readonly lanes: { ready: number; readyUrgent: number; turns: { urgent: boolean; spare: boolean }[] }[] = [];
  first = 0;

  constructor(lanes: number) {
    for (let i = 0; i < lanes; i++) this.lanes.push({ ready: 0, readyUrgent: 0, turns: [] });
  }

  get loads(): LaneLoad[] {
    return this.lanes.map(({ ready, readyUrgent, turns }) => ({
      ready,
      readyUrgent,
      running: turns.length,
      runningUrgent: turns.filter(({ urgent }) => urgent).length,
      spare: turns.filter(({ spare }) => spare).length,
    }));
  }

  get inUse(): number {
    return this.lanes.reduce((sum, { turns }) => sum + turns.length, 0);
  }

  add(lane: number, keys: number, urgent: boolean): void {
    const found = this.lanes[lane % this.lanes.length];
    if (found === undefined) return;
    found.ready += keys;
    if (urgent) found.readyUrgent += keys;
  }

  end(lane: number, turn: number): void {
    const { turns } = this.lanes[lane % this.lanes.length] ?? { turns: [] };
    if (turns.length > 0) turns.splice(turn % turns.length, 1);
  }

  /** Begins what may begin; answers the lanes in order. */
  start(limit: number): number[] {
    const started: number[] = [];
    for (;;) {
      const before = this.loads;
      const next = nextTurn(before, limit, this.first);
      if (next === undefined) return started;
      const lane = this.lanes[next.lane];
      assert.ok(lane !== undefined && lane.ready > 0, "a lane with nothing to do got a turn");
      if (!next.spare) assertFewest(before, next.lane);
      const urgent = lane.readyUrgent > 0;
      lane.ready--;
      if (urgent) lane.readyUrgent--;
      lane.turns.push({ urgent, spare: next.spare });
      this.first = (next.lane + 1) % this.lanes.length;
      started.push(next.lane);
      assert.ok(this.inUse <= limit + spareTurns(limit), "more turns than may be");
    }
  }
}

function assertFewest(loads: readonly LaneLoad[], chosen: number): void {
  const least = Math.min(...loads.filter(({ ready }) => ready > 0).map(({ running }) => running));
  assert.equal(loads[chosen]?.running, least, "an ordinary turn went to a lane that holds more than another");
}

type Op =
  | { readonly do: "add"; readonly lane: number; readonly keys: number; readonly urgent: boolean }
  | { readonly do: "end"; readonly lane: number; readonly turn: number }
  | { readonly do: "limit"; readonly limit: number };

const ops: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      lane: fc.nat(5),
      keys: fc.integer({ min: 1, max: 40 }),
      urgent: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("end" as const), lane: fc.nat(5), turn: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("limit" as const), limit: fc.integer({ min: 2, max: 32 }) }) },
);

Deno.test("turns are bounded, none is left unused, and nobody with less than others is passed over", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(ops, { maxLength: 80 }), (lanes, sequence) => {
      const model = new Model(lanes);
      let limit = 16;
      for (const op of sequence) {
        if (op.do === "add") model.add(op.lane, op.keys, op.urgent);
        else if (op.do === "end") model.end(op.lane, op.turn);
        else limit = op.limit;
        model.start(limit);
        const { loads } = model;
        if (loads.every(({ ready }) => ready === 0)) continue;
        assert.ok(model.inUse >= limit, "a key waits although a turn is free");
        // Whoever has none waits only while spare turns are all in use, or cut off.
        const without = loads.some(({ ready, running }) => ready > 0 && running === 0);
        assert.ok(
          !without || model.inUse >= limit + spareTurns(limit),
          "a lane without a turn waits beside spare ones",
        );
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("while up to three queues hold turns that never end, the change of another begins at once", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 8, max: 32 }),
      fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      (slow, limit, urgent) => {
        const model = new Model(slow + 1);
        for (let lane = 0; lane < slow; lane++) {
          model.add(lane, 10_000, urgent[lane] === true);
          model.start(limit);
        }
        model.add(slow, 1, true);
        assert.deepEqual(model.start(limit), [slow]);
      },
    ),
  );
});

Deno.test("a few urgent keys begin at once beside keys of their own queue that never end", () => {
  for (const limit of [2, 8, 16, 32]) {
    const model = new Model(1);
    model.add(0, 10_000, false);
    assert.equal(model.start(limit).length, limit);
    model.add(0, 1_000, true);
    assert.equal(model.start(limit).length, Math.max(1, Math.floor(spareTurns(limit) / 4)), `of ${limit}`);
  }
});

Deno.test("with more queues than turns, each gets its turn", () => {
  const model = new Model(100);
  for (let lane = 0; lane < 100; lane++) model.add(lane, 1_000, lane % 2 === 0);
  const served = new Set<number>();
  for (let round = 0; round < 100; round++) {
    for (const lane of model.start(16)) served.add(lane);
    for (let lane = 0; lane < 100; lane++) model.end(lane, 0);
  }
  assert.equal(served.size, 100);
});
