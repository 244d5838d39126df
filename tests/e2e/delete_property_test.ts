/**
 * Whatever happens, and in whatever order, before and between the calls of the mirror: it asks for no delete that must not be.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeletionPolicy } from "../../reconciler/deletes.ts";
import { createMetrics } from "../../reconciler/metrics.ts";
import { type Clusters, startClusters } from "./delete_model/clusters.ts";
import { policies, turns } from "./delete_model/draws.ts";
import { Run, type Turn } from "./delete_model/run.ts";
import type { Carried } from "./delete_model/truth.ts";
import { World } from "./delete_model/world.ts";

/** Histories that are told at the same time. */
const ABREAST = 4;
/** As many as a minute has room for; more are told with this variable set. */
const HISTORIES = Number(Deno.env.get("HISTORIES") ?? 48);
/** After this no further history begins, nor does a search for a shorter one that fails, too. */
const MOST_MS = 4_000 * HISTORIES;

/** Tells one history; answers the deletes that were carried out. Throws the first that must not have been asked for. */
async function tell(clusters: Clusters, policy: DeletionPolicy, turns: readonly Turn[]): Promise<readonly Carried[]> {
  const world = new World(clusters, policy);
  await world.begin();
  const run = new Run(world, clusters, createMetrics());
  try {
    for (const turn of [{ do: "start", without: [] } as const, ...turns]) {
      await run.turn(turn);
      if (world.truth.violation !== undefined) break;
    }
  } finally {
    await run.end();
  }
  if (world.truth.violation !== undefined) throw world.truth.violation;
  return world.truth.deletes;
}

Deno.test("whatever happens, in whatever order: no delete is asked for that must not be", async () => {
  await using clusters = await startClusters();
  const deletes: Carried[] = [];
  let failing: number | undefined;
  const historiesOf = (lane: number) =>
    fc.asyncProperty(policies, turns, async (policy, turns) => {
      // The machine is left to the search for a shorter one that fails, too.
      if (failing !== undefined && failing !== lane) return;
      try {
        deletes.push(...await tell(clusters, policy, turns));
      } catch (error) {
        failing ??= lane;
        throw error;
      }
    });
  const options = { numRuns: Math.ceil(HISTORIES / ABREAST), interruptAfterTimeLimit: MOST_MS };
  const checks = Array.from({ length: ABREAST }, (_, lane) => fc.assert(historiesOf(lane), options));
  const failed = (await Promise.allSettled(checks)).find((check) => check.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const approved = deletes.filter((one) => one.approved);
  assert.ok(
    deletes.length >= 20 && approved.length >= 1,
    `${deletes.length} deletes, ${approved.length} of them approved`,
  );
});
