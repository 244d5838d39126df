/**
 * kill -9 at fifty random points of a scripted hour of changes, compressed to minutes: the standby ends up as the source is, object by
 * object, without orphans, and no copy was made twice. Two Replications: one deletes freely, of the other's deletes no more than the
 * budget allows are carried out, however often the controller begins anew. Some kills are followed by another replica.
 *
 * The seed is printed; `deno test … tests/faults/kills_test.ts -- <seed>` runs the same script again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { groupResource, type KubeClient } from "../../kube/types.ts";
import { findDifferences } from "../e2e/compare.ts";
import type { ControllerProcess } from "../e2e/controller_process.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { type Printed, type Scene, startScene } from "../e2e/scene.ts";
import { configMap, connect } from "../e2e/webhook_scene.ts";
import { randomFrom } from "../random.ts";
import { waitFor } from "../wait.ts";
import { deletedForNothing, type History, madeTooOften, watchHistory } from "./history.ts";
import { DEFINITION, KINDS, perform, writeScript } from "./script.ts";

const KILLS = 50;
/** One change in five seconds of the hour; more, where the kills take longer. */
const STEPS = 720;
/** Time between two changes: a pace, and not a wait for anything. */
const PACE_MS = 100;
const FREE = "shop";
const GUARDED = "garden";
const NAMESPACES = [FREE, GUARDED];
/** Most are restarted as a container in its pod is: the Lease is still its own. Twice another one takes over. */
const IDENTITIES = ["first", "second", "third"];
/** So many that the budget, a tenth, lets some deletes of the script through; and not all. */
const FILLERS = Array.from({ length: 300 }, (_, index) => configMap(GUARDED, `filler-${index}`));
/** Deleted together in the end: more than the budget allows. */
const DOOMED = FILLERS.slice(0, 60);
/** Of the default budget. */
const WINDOW_MS = 600_000;
const DEADLINE_MS = 90_000;
/** A first pass takes about as long: kills in it are wanted, too. */
const FIRST_PASS_MS = 1_500;

Deno.test(`kill -9 of the controller at ${KILLS} random points of an hour of changes`, async (t) => {
  const seed = Number(Deno.args[0] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const random = randomFrom(seed);
  await using scene = await startScene({ controller: false });
  for (const cluster of [scene.source, scene.dr]) await define(scene, cluster);
  await using source = await watchHistory(scene.source, KINDS, NAMESPACES);
  await using dr = await watchHistory(scene.dr, KINDS, NAMESPACES);
  await scene.replicate(FREE, { deletion: DELETE_FREELY, immutableFieldPolicy: "Recreate" });
  await scene.replicate(GUARDED, { deletion: { grace: "0s" }, immutableFieldPolicy: "Recreate" });
  await scene.apply(FILLERS);
  const startedMs = performance.now();
  const step = (name: string, fn: () => Promise<void>) => t.step(`${name} (seed ${seed})`, fn);
  await step(`changes and ${KILLS} kills`, () => killAmongChanges(scene, random));
  await step("the budget outlives every kill", () => budgetHolds(scene, dr, performance.now() - startedMs));
  await step("DR equals the source, object by object", () => endsEqual(scene));
  await step("no copy was deleted for nothing, or made twice", () => noneMadeTwice(scene, source, dr));
});

async function killAmongChanges(scene: Scene, random: () => number): Promise<void> {
  // Two sequences: how far the user comes by a kill depends on the machine.
  const user = startUser(connect(scene.source.kubeconfig), randomFrom(random() * 2 ** 32));
  try {
    let lives = 0;
    const writers = new Set<string | undefined>();
    for (let kill = 0; kill < KILLS; kill++) {
      // The user goes on while nobody runs, and while it starts.
      const identity = IDENTITIES[Math.floor(kill * IDENTITIES.length / KILLS)];
      const controller = await scene.startController([], identity);
      await randomPoint(controller, random);
      const { signal } = await controller.stop("SIGKILL");
      assert.equal(signal, "SIGKILL");
      if (auditOf(controller) > 0) {
        lives++;
        writers.add(identity);
      }
      user.check();
    }
    assert.ok(lives >= KILLS / 2, `only ${lives} of ${KILLS} controllers wrote anything before they were killed`);
    assert.equal(writers.size, IDENTITIES.length, `only ${[...writers]} came to write`);
    await user.stop(STEPS);
    await scene.startController([], IDENTITIES.at(-1));
  } finally {
    await user.stop(0);
  }
}

/** Some time into the start, or while or after so many writes. */
async function randomPoint(controller: ControllerProcess, random: () => number): Promise<void> {
  const [sort, amount] = [random(), random()];
  if (sort < 0.3) return await pause(amount * FIRST_PASS_MS);
  const writes = 1 + Math.floor(amount * 12);
  // There is always something to do, as the user does not rest.
  await waitFor("some writes", () => auditOf(controller) >= writes, { deadlineMs: DEADLINE_MS, pollMs: 1 });
  if (sort < 0.6) await pause(random() * 2 * PACE_MS);
}

/** Writes to DR that were answered. */
function auditOf({ lines }: ControllerProcess): number {
  return lines.filter(({ logger }) => logger.endsWith("audit")).length;
}

interface User {
  /** Throws when a step of the script has failed. */
  check(): void;
  /** Ends it after so many steps at least; no step is under way afterwards. Rejects when one has failed. */
  stop(leastSteps: number): Promise<void>;
}

function startUser(client: KubeClient, random: () => number): User {
  const state: { turn: number; leastSteps: number; failure?: unknown } = { turn: 0, leastSteps: Infinity };
  const run = (async () => {
    for (const change of writeScript(random, NAMESPACES)) {
      if (state.turn++ >= state.leastSteps) break;
      const [done] = await Promise.allSettled([perform(client, change), pause(PACE_MS)]);
      if (done.status === "fulfilled") continue;
      state.failure = new Error(`Cannot ${change.act} ${change.name} (step ${change.turn})`, { cause: done.reason });
      break;
    }
    client.close();
  })();
  const check = () => {
    if (state.failure !== undefined) throw state.failure;
  };
  return {
    check,
    async stop(leastSteps) {
      state.leastSteps = leastSteps;
      await run;
      check();
    },
  };
}

/** What was deleted before anybody approved anything, by all the controllers together. */
async function budgetHolds(scene: Scene, dr: History, elapsedMs: number): Promise<void> {
  const names = DOOMED.map(({ metadata }) => metadata.name);
  await scene.source.kubectl(["delete", "configmaps", "-n", GUARDED, "--wait=false", ...names]);
  await scene.condition(GUARDED, "DeletionBlocked", "True", undefined, DEADLINE_MS);
  const deletes = scene.controllers.flatMap(({ lines }) =>
    lines.filter(({ logger, properties: { operation, namespace, kind } }) =>
      logger.endsWith("audit") && operation === "delete" && namespace === GUARDED && kind !== "resourcequotas"
    )
  );
  // A tenth of all that there ever was, in each window.
  const keys = new Set(dr.happenings.filter(({ key }) => key.includes(` ${GUARDED}/`)).map(({ key }) => key));
  const most = Math.ceil(keys.size / 10) * Math.ceil(elapsedMs / WINDOW_MS);
  assert.ok(deletes.length > 0 && deletes.length <= most, `${deletes.length} deletes, of ${keys.size} objects`);
}

async function endsEqual({ source, dr }: Scene): Promise<void> {
  const kinds = kindsOf();
  await waitFor(`${FREE} equal`, async () => (await findDifferences(source, dr, FREE, kinds)).length === 0, {
    deadlineMs: DEADLINE_MS,
    pollMs: 500,
    describe: async () => (await findDifferences(source, dr, FREE, kinds)).join("\n"),
  });
  await waitFor(`${GUARDED} equal, once all is approved`, async () => {
    const differences = await findDifferences(source, dr, GUARDED, kinds);
    if (differences.length > 0) await approveAll(source);
    return differences.length === 0;
  }, {
    deadlineMs: 2 * DEADLINE_MS,
    pollMs: 1_000,
    describe: async () => (await findDifferences(source, dr, GUARDED, kinds)).join("\n"),
  });
}

async function approveAll(source: Scene["source"]): Promise<void> {
  const args = [GUARDED, "-n", "dr-syncer-system"];
  const { stdout } = await source.kubectl(["get", "replications.dr-syncer.io", ...args, "-o", "json"]);
  const ids = (JSON.parse(stdout).status.holds ?? []).map(({ id }: Printed) => id).join(",");
  const approval = `dr-syncer.io/approve=${ids}`;
  if (ids !== "") await source.kubectl(["annotate", "replications.dr-syncer.io", ...args, "--overwrite", approval]);
}

async function define(scene: Scene, cluster: Scene["source"]): Promise<void> {
  await scene.apply([DEFINITION], cluster);
  // Established, it is not served yet.
  const list = () => cluster.kubectl(["get", DEFINITION.metadata.name, "-A"], { allowFailure: true });
  await waitFor("the kind is served", async () => (await list()).code === 0, { deadlineMs: DEADLINE_MS });
}

function kindsOf(): string {
  return KINDS.map(groupResource).join(",");
}

async function noneMadeTwice(scene: Scene, source: History, dr: History): Promise<void> {
  for (const [history, cluster] of [[source, scene.source], [dr, scene.dr]] as const) {
    // What is there is what the watch has told: it has missed nothing.
    await waitFor(`the whole history of ${cluster.name}`, async () => {
      const told = [...history.alive()].map(([key, uid]) => `${key} ${uid}`).sort();
      return told.join("\n") === (await there(scene, cluster)).sort().join("\n");
    }, { deadlineMs: 20_000 });
    assert.equal(history.gap, undefined);
  }
  assert.deepEqual(deletedForNothing(source.happenings, dr.happenings), []);
  assert.deepEqual(madeTooOften(source.happenings, dr.happenings), []);
  const copies = dr.happenings.filter(({ type, origin }) => type === "ADDED" && origin !== undefined);
  assert.ok(copies.length > KINDS.length * NAMESPACES.length, "copies came and went");
}

async function there({ list }: Scene, cluster: Scene["source"]): Promise<string[]> {
  const lists = await Promise.all(NAMESPACES.map((namespace) => list(cluster, kindsOf(), namespace)));
  return lists.flat().map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name} ${metadata.uid}`);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
