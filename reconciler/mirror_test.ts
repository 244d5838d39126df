import assert from "node:assert/strict";
import { DeletionLedger } from "./intents.ts";
import { Memory } from "./memory.ts";
import { mirrorKey } from "./mirror.ts";
import type { MirrorContext } from "./mirror_context.ts";
import type { Item } from "./queue.ts";
import { retire } from "./retire.ts";
import { kindOf } from "./testing.ts";

const KEY = "widgets.example.com/a";
const MARK = { uid: "u", resourceVersion: "1", fingerprint: 0, hash: "h", orphaned: false };
const ITEM: Item = { key: KEY, checkCopy: false, sinceWallMs: 0, sinceMs: 0, attempts: 0, urgent: false, seen: false };

function doubtful(): { readonly ledger: DeletionLedger; readonly memory: Memory; readonly context: MirrorContext } {
  const ledger = new DeletionLedger({ startWallMs: 0, count: 0 }, () => Promise.resolve());
  ledger.doubt(KEY);
  ledger.open(KEY, 0);
  ledger.hold(KEY, "SourceWentBack", "uid", 0);
  const memory = new Memory();
  memory.setCopy(memory.ensure(KEY), MARK);
  const context = { ledger, memory, kinds: () => new Map(), identity: {} } as unknown as MirrorContext;
  return { ledger, memory, context };
}

Deno.test("a kind that is not served at present decides nothing: doubts are there when it comes back", async () => {
  const { ledger, memory, context } = doubtful();
  assert.deepEqual(await mirrorKey(ITEM, context), { type: "Gone" });
  assert.deepEqual([ledger.intents.size, ledger.holds().length], [0, 0]);
  assert.equal(memory.get(KEY)?.state, "Deleting");
  assert.equal(ledger.open(KEY, 0).doubted, true);
});

Deno.test("so does a kind that only DR does not serve at present", async () => {
  const { ledger, memory, context } = doubtful();
  const source = kindOf("widgets", "Widget", { group: "example.com" });
  const kind = { name: "widgets.example.com", source, tier: 0, selected: true };
  assert.deepEqual(await retire(ITEM, kind, "a", "the source object is gone", context), { type: "Gone" });
  assert.equal(memory.get(KEY), undefined);
  assert.equal(ledger.open(KEY, 0).doubted, true);
  // Of what never had a copy nothing is left to doubt.
  await retire(ITEM, kind, "a", "the source object is gone", context);
  assert.equal(ledger.hasDoubts, false);
});
