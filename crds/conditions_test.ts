import assert from "node:assert/strict";
import { findCondition, setCondition } from "./conditions.ts";

const T0 = new Date("2026-01-01T00:00:00.000Z");
const T1 = new Date("2026-01-01T00:00:05.400Z");
const ready = { type: "Ready", status: "True", reason: "Synced", message: "all is well" } as const;

Deno.test("a first condition carries the time it was set, in whole seconds", () => {
  const conditions = setCondition(undefined, ready, T1);
  assert.deepEqual(conditions, [{ ...ready, lastTransitionTime: "2026-01-01T00:00:05Z" }]);
});

Deno.test("the transition time stays when only reason, message or generation change", () => {
  const first = setCondition([], ready, T0);
  const update = { ...ready, reason: "Idle", message: "nothing to do", observedGeneration: 2 };
  assert.deepEqual(setCondition(first, update, T1), [{ ...update, lastTransitionTime: "2026-01-01T00:00:00Z" }]);
});

Deno.test("the transition time moves when the status changes", () => {
  const first = setCondition([], ready, T0);
  const changed = setCondition(first, { ...ready, status: "False" }, T1);
  assert.equal(changed[0]?.lastTransitionTime, "2026-01-01T00:00:05Z");
});

Deno.test("the argument is not changed, and other conditions keep their place", () => {
  const two = setCondition(setCondition([], ready, T0), { ...ready, type: "Synced" }, T0);
  const before = structuredClone(two);
  const changed = setCondition(two, { ...ready, status: "Unknown" }, T1);
  assert.deepEqual(two, before);
  assert.deepEqual(changed.map(({ type }) => type), ["Ready", "Synced"]);
  assert.equal(changed[1], two[1]);
});

Deno.test("setting what is already so answers the same array", () => {
  const first = setCondition([], ready, T0);
  assert.equal(setCondition(first, ready, T1), first);
});

Deno.test("a condition is found by its type", () => {
  const conditions = setCondition([], ready, T0);
  assert.equal(findCondition(conditions, "Ready"), conditions[0]);
  assert.equal(findCondition(conditions, "Valid"), undefined);
  assert.equal(findCondition(undefined, "Ready"), undefined);
});
