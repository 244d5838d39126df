/**
 * Thousands of deletes that are held: they cost nothing while they wait.
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { CONTROL, numbered } from "./api.ts";
import { requests } from "./requests.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";
import { CONFIG_MAPS, configMap, connect } from "./webhook_scene.ts";

const NAME = "large-hold";
const CONFIG_MAPS_HELD = 3_000;
const SECRETS = numbered("secret", 8);
/** More than the budget has room for beside so many others, and not all of them. */
const SECRETS_HELD = SECRETS.slice(0, 5);
const DEADLINE_MS = 120_000;
/** Reads of a minute and a half, by whoever: no matter how many deletes are held. */
const READS_AT_MOST = 400;

Deno.test("three thousand deletes are held", async (t) => {
  await using safety = await startSafetyScene();
  await holdThem(safety);
  await t.step("they cost nothing as long as nothing changes", () => costNothing(safety));
  await t.step("what changes meanwhile arrives", () => changeArrives(safety));
  await t.step("a pass that is asked for looks at none of them", () => passLooksAtNone(safety));
  await t.step("the approval of one hold releases exactly that set", () => approveOne(safety));
});

async function holdThem(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await scene.replicate(NAME, { deletion: { grace: "5s" }, resourceTypes: ["configmaps", "secrets"] });
  await scene.apply(SECRETS.map(secret));
  using client = disposable(connect(scene.source.kubeconfig));
  const names = numbered("cm", CONFIG_MAPS_HELD);
  await Promise.all(names.map((name) => client.create(CONFIG_MAPS, configMap(NAME, name))));
  const all = CONFIG_MAPS_HELD + SECRETS.length;
  await untilStatus(safety, ({ syncStats }) => syncStats?.successfulSyncs === all);
  await scene.source.kubectl(["delete", "secrets", "-n", NAME, "--wait=false", ...SECRETS_HELD]);
  await client.json("DELETE", `/api/v1/namespaces/${NAME}/configmaps`, undefined, { deadlineMs: DEADLINE_MS });
  await untilStatus(safety, ({ holds = [] }) => countOf(holds, "KindEmptied") === CONFIG_MAPS_HELD);
  await untilStatus(safety, ({ holds = [] }) => countOf(holds, "Budget") === SECRETS_HELD.length);
}

async function costNothing(safety: SafetyScene): Promise<void> {
  const before = await reads(safety);
  // The fence is renewed every 30 s.
  await renewals(safety, 3);
  const made = await reads(safety) - before;
  assert.ok(made <= READS_AT_MOST, `${made} reads while nothing changed`);
}

async function changeArrives(safety: SafetyScene): Promise<void> {
  const { holds } = await untilStatus(safety, () => true);
  for (const name of numbered("meanwhile", 5)) {
    await safety.scene.apply([secret(name)]);
    await safety.dr.until("secrets", NAME, name, undefined, 20_000);
  }
  const after = await untilStatus(safety, () => true);
  assert.deepEqual(idsOf(after.holds), idsOf(holds));
}

async function passLooksAtNone(safety: SafetyScene): Promise<void> {
  const before = await reads(safety);
  await safety.annotate(NAME, "dr-syncer.io/sync-now=held");
  await untilStatus(safety, ({ lastManualSync }) => lastManualSync === "held");
  const made = await reads(safety) - before;
  assert.ok(made <= READS_AT_MOST, `${made} reads in a pass`);
}

async function approveOne(safety: SafetyScene): Promise<void> {
  const { holds } = await untilStatus(safety, () => true);
  const approved = holds.find(({ type }: Printed) => type === "KindEmptied");
  const other = holds.find(({ type }: Printed) => type === "Budget");
  await safety.annotate(NAME, `dr-syncer.io/approve=${approved.id}`);
  const left = () => safety.dr.list("configmaps", NAME);
  await waitFor("the copies gone", async () => (await left()).length === 0, {
    deadlineMs: DEADLINE_MS,
    pollMs: 500,
    describe: async () => `${(await left()).length} are left`,
  });
  await untilStatus(safety, ({ syncStats }) => syncStats.deleted === CONFIG_MAPS_HELD);
  const after = await untilStatus(safety, ({ holds }) => holds.length === 1);
  assert.deepEqual(idsOf(after.holds), [other.id]);
  const secrets = (await safety.dr.list("secrets", NAME)).map(({ metadata }) => metadata.name);
  assert.deepEqual(secrets.sort(), [...numbered("meanwhile", 5), ...SECRETS]);
}

/** Reads of single objects, of the kinds that a judgement of a delete looks at, by both API servers' own count. */
async function reads({ scene }: SafetyScene): Promise<number> {
  const counts = [scene.source, scene.dr].flatMap((cluster) =>
    ["configmaps", "secrets", "leases", "namespaces"].map((resource) => requests(cluster, { verb: "GET", resource }))
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function renewals(safety: SafetyScene, times: number): Promise<void> {
  const versions = new Set<string>();
  const look = async () => {
    versions.add((await safety.dr.get("leases", NAME, "dr-syncer")).metadata.resourceVersion);
    return versions.size > times;
  };
  await waitFor("the fence renewed", look, { deadlineMs: 180_000, pollMs: 2_000 });
}

async function untilStatus(safety: SafetyScene, isReached: (status: Printed) => boolean): Promise<Printed> {
  const isAsWanted = ({ status }: Printed) => status !== undefined && isReached(status);
  return (await safety.source.until("replications", CONTROL, NAME, isAsWanted, DEADLINE_MS)).status;
}

function countOf(holds: Printed[], type: string): number | undefined {
  return holds.find((hold) => hold.type === type)?.count;
}

function idsOf(holds: Printed[]): string[] {
  return holds.map(({ id }) => id).sort();
}

function secret(name: string): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: NAME }, stringData: { name } };
}

function disposable<T extends { close(): void }>(client: T): T & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
