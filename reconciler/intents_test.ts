import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeletionWindow, Intent } from "./deletes.ts";
import { IntentCounts } from "./intent_counts.ts";
import { DeletionLedger } from "./intents.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const WINDOW_MS = 600_000;

/** A ledger whose window is persisted when the test says so. */
function newLedger(window: DeletionWindow = { startWallMs: NOW, count: 0 }) {
  const persisted: DeletionWindow[] = [];
  const asked: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const ledger: DeletionLedger = new DeletionLedger(window, () => {
    const wanted = ledger.statusWindow;
    return new Promise((resolve, reject) =>
      asked.push({
        resolve: () => {
          persisted.push(wanted);
          resolve();
        },
        reject,
      })
    );
  });
  return { ledger, persisted, asked };
}

/** Lets every microtask that is due run. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("a delete is accounted for where a restart finds it before it may be carried out", async () => {
  const { ledger, persisted, asked } = newLedger({ startWallMs: NOW, count: 2 });
  ledger.open("configmaps/a", NOW);
  let reserved = false;
  const reserving = ledger.reserve(WINDOW_MS, NOW + 5).then(() => reserved = true);
  await turn();
  assert.deepEqual([reserved, asked.length, ledger.window.count], [false, 1, 2]);
  assert.deepEqual(ledger.statusWindow, { startWallMs: NOW, count: 3 });
  asked[0]?.resolve();
  await reserving;
  assert.deepEqual(persisted, [{ startWallMs: NOW, count: 3 }]);
  assert.equal(ledger.window.count, 3);
});

Deno.test("many deletes at once share one write, and never more are carried out than it counts", async () => {
  const { ledger, persisted, asked } = newLedger();
  for (let i = 0; i < 10; i++) ledger.open(`configmaps/${i}`, NOW);
  let carriedOut = 0;
  const all = Promise.all(Array.from({ length: 12 }, () => ledger.reserve(WINDOW_MS, NOW).then(() => carriedOut++)));
  await turn();
  assert.equal(asked.length, 1);
  asked[0]?.resolve();
  await turn();
  assert.deepEqual([carriedOut, asked.length], [10, 2]);
  asked[1]?.resolve();
  await all;
  assert.ok(carriedOut <= (persisted.at(-1)?.count ?? 0));
  assert.equal(ledger.window.count, 12);
});

Deno.test("an account that cannot be written lets nothing through, and the next attempt writes again", async () => {
  const { ledger, asked } = newLedger({ startWallMs: NOW, count: 1 });
  ledger.open("configmaps/a", NOW);
  const attempts = [1, 2].map(() => ledger.reserve(WINDOW_MS, NOW));
  const outcomes = Promise.allSettled(attempts);
  await turn();
  asked[0]?.reject(new Error("no answer"));
  assert.deepEqual((await outcomes).map(({ status }) => status), ["rejected", "rejected"]);
  assert.deepEqual([ledger.window.count, ledger.statusWindow.count], [1, 1]);
  const again = ledger.reserve(WINDOW_MS, NOW);
  await turn();
  assert.equal(asked.length, 2);
  asked[1]?.resolve();
  await again;
  assert.equal(ledger.window.count, 2);
});

Deno.test("a delete that was not carried out gives its place to the next one", async () => {
  const { ledger, asked } = newLedger();
  const intent = ledger.open("configmaps/a", NOW);
  const reserving = ledger.reserve(WINDOW_MS, NOW, intent);
  await turn();
  asked[0]?.resolve();
  await reserving;
  assert.equal(intent.counted, true);
  ledger.unreserve(intent);
  assert.deepEqual([intent.counted, ledger.window.count], [false, 0]);
  await ledger.reserve(WINDOW_MS, NOW, intent);
  assert.deepEqual([asked.length, ledger.window.count], [1, 1]);
});

Deno.test("places of a window that has passed are not taken over into the next", async () => {
  const { ledger, persisted, asked } = newLedger();
  for (let i = 0; i < 50; i++) ledger.open(`configmaps/${i}`, NOW);
  const first = ledger.reserve(WINDOW_MS, NOW);
  await turn();
  asked[0]?.resolve();
  await first;
  for (let i = 0; i < 50; i++) ledger.cancel(`configmaps/${i}`);
  const laterWallMs = NOW + WINDOW_MS;
  const second = ledger.reserve(WINDOW_MS, laterWallMs);
  await turn();
  asked[1]?.resolve();
  await second;
  assert.deepEqual(persisted.at(-1), { startWallMs: laterWallMs, count: 1 });
});

Deno.test("whatever happens, as many deletes are persisted as are carried out", async () => {
  const ops = fc.array(fc.constantFrom("open", "cancel", "reserve", "unreserve", "fail", "later"), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(ops, async (sequence) => {
      let failNext = false;
      let stored: DeletionWindow = { startWallMs: NOW, count: 0 };
      const ledger: DeletionLedger = new DeletionLedger(stored, () => {
        if (failNext) return Promise.reject(new Error("no answer"));
        stored = ledger.statusWindow;
        return Promise.resolve();
      });
      let nowWallMs = NOW;
      let names = 0;
      const carriedOutAt: number[] = [];
      for (const op of sequence) {
        if (op === "open") ledger.open(`configmaps/${names++}`, nowWallMs);
        if (op === "cancel") ledger.cancel(`configmaps/${--names}`);
        if (op === "later") nowWallMs += WINDOW_MS / 2;
        if (op === "unreserve" && carriedOutAt.at(-1) === nowWallMs) {
          carriedOutAt.pop();
          ledger.unreserve();
        }
        if (op !== "reserve" && op !== "fail") continue;
        failNext = op === "fail";
        await ledger.reserve(WINDOW_MS, nowWallMs).then(() => carriedOutAt.push(nowWallMs), () => {});
        const inWindow = carriedOutAt.filter((atMs) => atMs >= stored.startWallMs).length;
        assert.ok(stored.count >= inWindow, `${stored.count} persisted, ${inWindow} carried out`);
        assert.ok(ledger.window.count >= inWindow, `${ledger.window.count} accounted for, ${inWindow} carried out`);
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("whatever happens, the counts are those of the open intents", async () => {
  const keys = ["configmaps/a", "configmaps/b", "secrets/a", "persistentvolumeclaims/a"];
  const does = ["open", "cancel", "hold", "approve", "doubt", "end", "reserve", "unreserve"] as const;
  const ops = fc.array(fc.record({ op: fc.constantFrom(...does), key: fc.constantFrom(...keys) }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(ops, async (sequence) => {
      const ledger = new DeletionLedger({ startWallMs: NOW, count: 0 }, () => Promise.resolve());
      const reserved: Intent[] = [];
      for (const { op, key } of sequence) {
        const intent = ledger.intents.get(key);
        if (op === "open") ledger.open(key, NOW);
        if (op === "cancel") ledger.cancel(key);
        if (op === "hold" && intent !== undefined) ledger.hold(key, "Budget", "uid", NOW);
        if (op === "approve") ledger.approve(new Set(ledger.holds().map(({ id }) => id)));
        if (op === "doubt") ledger.doubt(key);
        if (op === "end") ledger.noteEnd(key, true);
        if (op === "reserve" && intent !== undefined && intent.counted !== true) {
          await ledger.reserve(WINDOW_MS, NOW, intent);
          reserved.push(intent);
        }
        // Of an intent that was cancelled meanwhile, too.
        const last = op === "unreserve" ? reserved.pop() : undefined;
        if (last !== undefined) ledger.unreserve(last);
        const expected = IntentCounts.of(ledger.intents.values());
        assert.equal(ledger.counts.asking, expected.asking);
        for (const kind of ["configmaps", "secrets"]) {
          assert.equal(ledger.counts.ofKind(kind), expected.ofKind(kind));
          assert.equal(ledger.counts.endedOfKind(kind), expected.endedOfKind(kind));
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("an intent that is cancelled while its delete is under way is in no count any more", async () => {
  const ledger = new DeletionLedger({ startWallMs: NOW, count: 0 }, () => Promise.resolve());
  const intent = ledger.open("configmaps/a", NOW);
  await ledger.reserve(WINDOW_MS, NOW, intent);
  ledger.cancel("configmaps/a");
  ledger.unreserve(intent);
  assert.deepEqual([ledger.counts.asking, ledger.counts.ofKind("configmaps")], [0, 0]);
});

Deno.test("what has ended by itself is in no account, also when it is gone; what takes its name is another object", async () => {
  const { ledger, asked } = newLedger({ startWallMs: NOW, count: 1 });
  ledger.noteEnd("jobs.batch/a", true);
  const intent = ledger.open("jobs.batch/a", NOW);
  assert.equal(intent.ended, true);
  await ledger.reserve(WINDOW_MS, NOW, intent);
  assert.deepEqual([asked.length, ledger.window.count], [0, 1]);
  ledger.unreserve(intent);
  assert.equal(ledger.window.count, 1);
  assert.equal(ledger.open("jobs.batch/a", NOW).ended, true);
  ledger.noteEnd("jobs.batch/a", false);
  assert.equal(ledger.open("jobs.batch/a", NOW).ended, false);
  ledger.noteEnd("jobs.batch/a", true);
  ledger.cancel("jobs.batch/a");
  assert.equal(ledger.open("jobs.batch/a", NOW).ended, false);
});

Deno.test("an intent keeps its age however often the key rings, and starts anew after it was cancelled", () => {
  const { ledger } = newLedger();
  ledger.open("configmaps/a", NOW);
  assert.equal(ledger.open("configmaps/a", NOW + 1_000).sinceWallMs, NOW);
  ledger.hold("configmaps/a", "Budget", "uid", NOW);
  ledger.cancel("configmaps/a");
  assert.deepEqual(ledger.holds(), []);
  assert.equal(ledger.open("configmaps/a", NOW + 1_000).sinceWallMs, NOW + 1_000);
});

/** A ledger that holds these keys for this reason. */
function holding(keys: readonly string[], holdType: Parameters<DeletionLedger["hold"]>[1] = "Budget"): DeletionLedger {
  const { ledger } = newLedger();
  keys.forEach((key, index) => {
    ledger.open(key, NOW);
    ledger.hold(key, holdType, "uid", NOW + index);
  });
  return ledger;
}

Deno.test("an approval releases exactly what its hold named", () => {
  const keys = ["configmaps/a", "configmaps/b"];
  const ledger = holding(keys);
  ledger.open("secrets/c", NOW);
  ledger.hold("secrets/c", "KindEmptied", "uid", NOW);
  const budget = ledger.holds().find((hold) => hold.type === "Budget");
  assert.deepEqual([budget?.count, budget?.sample], [2, keys]);
  assert.deepEqual(ledger.approve(new Set(["0000000000", budget?.id ?? ""])), keys);
  assert.deepEqual(keys.map((key) => ledger.intents.get(key)?.approved), [true, true]);
  assert.equal(ledger.intents.get("secrets/c")?.approved, false);
  assert.deepEqual(ledger.holds().map((hold) => hold.type), ["KindEmptied"]);
});

Deno.test("a set that grew, shrank or has another reason needs an approval of its own", () => {
  const approved = new Set([holding(["configmaps/a", "configmaps/b"]).holds()[0]?.id ?? ""]);
  for (const keys of [["configmaps/a"], ["configmaps/a", "configmaps/b", "configmaps/c"]]) {
    const ledger = holding(keys);
    assert.deepEqual(ledger.approve(approved), []);
    assert.ok(keys.every((key) => ledger.intents.get(key)?.approved === false));
  }
  assert.deepEqual(holding(["configmaps/a", "configmaps/b"], "KindEmptied").approve(approved), []);
});

Deno.test("an approval that came before its hold counts when the hold is there", () => {
  const keys = ["configmaps/a"];
  const id = holding(keys).holds()[0]?.id ?? "";
  const { ledger } = newLedger();
  assert.deepEqual(ledger.approve(new Set([id])), []);
  ledger.open("configmaps/a", NOW);
  ledger.hold("configmaps/a", "Budget", "uid", NOW);
  assert.deepEqual(ledger.applyApprovals(), keys);
});

Deno.test("an approval that was used does not reach a later copy of the same name", () => {
  const ledger = holding(["configmaps/a"]);
  const approved = new Set([ledger.holds()[0]?.id ?? ""]);
  assert.deepEqual(ledger.approve(approved), ["configmaps/a"]);
  ledger.cancel("configmaps/a");
  ledger.open("configmaps/a", NOW);
  ledger.hold("configmaps/a", "Budget", "another uid", NOW);
  assert.deepEqual(ledger.approve(approved), []);
});

Deno.test("nothing releases what waits for a namespace that is gone", () => {
  const ledger = holding(["configmaps/a"], "SourceNamespaceGone");
  assert.deepEqual(ledger.approve(new Set([ledger.holds()[0]?.id ?? ""])), []);
  assert.equal(ledger.intents.get("configmaps/a")?.approved, false);
});

Deno.test("a hold shows how many it holds and since when, and ten of their names", () => {
  const keys = Array.from({ length: 30 }, (_, index) => `configmaps/${String(29 - index).padStart(2, "0")}`);
  const ledger = holding(keys);
  const [hold] = ledger.holds();
  assert.equal(hold?.count, 30);
  assert.deepEqual(hold?.sample, keys.toSorted().slice(0, 10));
  assert.equal(Date.parse(hold?.since ?? ""), NOW);
  const id = hold?.id;
  // Held again for the same reason: neither age nor id change.
  ledger.hold(keys[0] as string, "Budget", "uid", NOW + 99_000);
  assert.deepEqual([ledger.holds()[0]?.id, ledger.holds()[0]?.since], [id, hold?.since]);
  ledger.release(keys[0] as string);
  assert.equal(ledger.holds()[0]?.count, 29);
  ledger.hold("secrets/a", "Budget", "uid", NOW + 99_000);
  assert.equal(ledger.holds()[0]?.count, 30);
});

Deno.test("what the source lacks since it went back is held until approved, and forgotten when it is there again", () => {
  const ledger = new DeletionLedger({ startWallMs: 0, count: 0 }, () => Promise.resolve());
  ledger.doubt("configmaps/a");
  ledger.doubt("configmaps/b");
  assert.deepEqual([ledger.open("configmaps/a", 0).doubted, ledger.open("configmaps/c", 0).doubted], [true, false]);
  ledger.hold("configmaps/a", "SourceWentBack", "uid", 0);
  const id = ledger.holds()[0]?.id ?? "";
  assert.deepEqual(ledger.approve(new Set([id])), ["configmaps/a"]);
  assert.ok(ledger.open("configmaps/a", 0).approved);
  ledger.cancel("configmaps/a");
  assert.ok(ledger.hasDoubts);
  ledger.cancel("configmaps/b");
  assert.deepEqual([ledger.hasDoubts, ledger.open("configmaps/a", 0).doubted], [false, false]);
});
