import assert from "node:assert/strict";
import { learnPath, PathMemory, planPaths, type VolumePath } from "./path_plan.ts";

const MINUTE_MS = 60_000;
const all = { paths: ["Direct", "Tunnel"], dead: [] };
const tunnelFirst = { paths: ["Tunnel", "Direct"], dead: ["Direct"] };
const none: ReadonlySet<VolumePath> = new Set();
const directIsDead: ReadonlySet<VolumePath> = new Set(["Direct"]);

Deno.test("the fastest path is tried first, and what is asked for is tried alone", () => {
  assert.deepEqual(planPaths("Auto", undefined, 0), all);
  const known = { path: "Tunnel", sinceMs: 0 } as const;
  assert.deepEqual(planPaths("Direct", known, 0), { paths: ["Direct"], dead: [] });
  assert.deepEqual(planPaths("Tunnel", undefined, 0), { paths: ["Tunnel"], dead: [] });
});

Deno.test("a path that worked where faster ones did not comes first, for a quarter of an hour", () => {
  const known = learnPath(undefined, "Tunnel", directIsDead, MINUTE_MS);
  assert.deepEqual(planPaths("Auto", known, 15 * MINUTE_MS), tunnelFirst);
  assert.deepEqual(planPaths("Auto", known, 16 * MINUTE_MS), all);
});

Deno.test("passes that do not try the faster paths do not make that knowledge younger", () => {
  const known = learnPath(undefined, "Tunnel", directIsDead, 0);
  assert.equal(learnPath(known, "Tunnel", none, 14 * MINUTE_MS), known);
  const anew = learnPath(known, "Tunnel", directIsDead, 14 * MINUTE_MS);
  assert.deepEqual(planPaths("Auto", anew, 16 * MINUTE_MS), tunnelFirst);
});

Deno.test("once the fastest path works again, nothing is remembered", () => {
  const known = learnPath(undefined, "Tunnel", directIsDead, 0);
  assert.equal(learnPath(known, "Direct", none, 0), undefined);
});

Deno.test("each link has a memory of its own", () => {
  const memory = new PathMemory();
  const known = { path: "Tunnel", sinceMs: 0 } as const;
  memory.set("a", known);
  assert.deepEqual([memory.get("a"), memory.get("b")], [known, undefined]);
  memory.set("a", undefined);
  assert.equal(memory.get("a"), undefined);
});
