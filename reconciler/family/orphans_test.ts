import assert from "node:assert/strict";
import type { ReplicationFamily } from "../../crds/types.ts";
import { findOrphans } from "./orphans.ts";
import { childOf, familyOf } from "./testing.ts";

const NOW = "2026-01-01T00:00:00Z";

Deno.test("an orphan is a child whose parent is gone or going, and does not leave it behind on purpose", () => {
  const parent = familyOf();
  const going = (finalizers: string[]) => familyOf({}, { deletionTimestamp: NOW, finalizers });
  const child = childOf(parent, "one");
  const cases: [string, ReplicationFamily[], number][] = [
    ["its parent is there", [parent], 0],
    ["its parent is gone", [], 1],
    ["another of the parent's name", [familyOf({}, { uid: "other" })], 1],
    ["deleted in the foreground", [going(["foregroundDeletion"])], 1],
    ["deleted, held by somebody's finalizer", [going(["example.com/x"])], 1],
    ["deleted, children to be kept", [going(["orphan"])], 0],
  ];
  for (const [what, parents, count] of cases) {
    assert.equal(findOrphans([...parents, child], [child]).length, count, what);
  }
  const freed = childOf(parent, "one", { ownerReferences: [] });
  const gone = childOf(parent, "one", { deletionTimestamp: NOW });
  assert.deepEqual(findOrphans([freed, gone], [freed, gone]), []);
});
