import assert from "node:assert/strict";
import { chooseMove, fieldsOf, sight, type Sighting } from "./elector_rules.ts";
import { leaseOf, microTime } from "./lease.ts";

function lease(spec: Record<string, unknown>, resourceVersion = "1") {
  const metadata = { name: "leader", namespace: "system", uid: "u", resourceVersion };
  return leaseOf({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
}

const context = { identity: "me", leaseDurationMs: 15_000, nowMs: 100_000 };
const seen = (holder: string, sinceMs: number): Sighting => ({ holder, sinceMs, fingerprint: "" });

const MOVES: [Sighting | undefined, string][] = [
  [undefined, "create"],
  [seen("", 99_999), "take"],
  [seen("me", 0), "renew"],
  [seen("other", 99_999), "wait"],
  [seen("other", 85_001), "wait"],
  [seen("other", 85_000), "take"],
];

for (const [sighting, move] of MOVES) {
  Deno.test(`held by ${sighting?.holder ?? "no Lease"} since ${sighting?.sinceMs}: ${move}`, () => {
    assert.equal(chooseMove(sighting, context), move);
  });
}

Deno.test("a holder counts as alive since its Lease last changed before our eyes, whatever its own clock says", () => {
  const first = sight(undefined, lease({ holderIdentity: "other", renewTime: "1999-01-01T00:00:00.000000Z" }), 1_000);
  assert.equal(first?.sinceMs, 1_000);
  const same = sight(first, lease({ holderIdentity: "other", renewTime: "1999-01-01T00:00:00.000000Z" }, "2"), 2_000);
  assert.equal(same?.sinceMs, 1_000, "an annotation is no renewal");
  const renewed = sight(first, lease({ holderIdentity: "other", renewTime: "1999-01-01T00:00:02.000000Z" }), 3_000);
  assert.equal(renewed?.sinceMs, 3_000);
  assert.equal(sight(renewed, undefined, 4_000), undefined);
});

Deno.test("times have exactly six digits", () => {
  assert.equal(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), "2026-01-02T03:04:05.006000Z");
  assert.equal(microTime(0), "1970-01-01T00:00:00.000000Z");
});

Deno.test("a take counts a transition, a renewal keeps when it was acquired, a release names nobody", () => {
  const before = lease({ holderIdentity: "other", leaseTransitions: 4, acquireTime: "then" });
  const at = { ...context, wallMs: 0 };
  const now = microTime(0);
  const mine = { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: now };
  assert.deepEqual(fieldsOf("take", before, at), { ...mine, acquireTime: now, leaseTransitions: 5 });
  assert.deepEqual(fieldsOf("renew", before, at), { ...mine, acquireTime: "then", leaseTransitions: 4 });
  assert.deepEqual(fieldsOf("create", undefined, at), { ...mine, acquireTime: now, leaseTransitions: 0 });
  assert.deepEqual(fieldsOf("release", before, at), { holderIdentity: "", leaseDurationSeconds: 1, renewTime: now });
});
