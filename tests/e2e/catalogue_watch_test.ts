import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { watchCatalogue } from "../../reconciler/catalogue_watch.ts";
import { systemClock } from "../../reconciler/clock.ts";
import { Cluster } from "../../reconciler/cluster.ts";
import { customDefinition, schemaOf } from "../custom_definition.ts";
import { type ApiCall, failing, startApiProxy } from "../faults/api_proxy.ts";
import { type Cluster as RigCluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { memoryLog } from "./webhook_scene.ts";

const DEADLINE_MS = 60_000;
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/** Looks that do not stop would be many more by then. */
const QUIET_MS = 10_000;
const MOST_LOOKS = 9;

Deno.test("events of definitions cost few and small reads, and end when they are shown", async (t) => {
  await using rig = await startCluster({ name: "catalogue" });
  const known = Array.from({ length: 20 }, (_, index) => definition(`known${index}`));
  await apply(rig, known);
  await using proxy = startApiProxy(rig);
  const calls: ApiCall[] = [];
  proxy.inject((call) => {
    if (!call.watch) calls.push(call);
    return undefined;
  });
  const client = createKubeClient(createTransport(parseInlineKubeconfig(proxy.kubeconfig(rig.kubeconfig))));
  const options = { name: "dr", client, clusterId: "id", clock: systemClock, onReconnect: () => {} };
  const cluster = new Cluster(options);
  const stop = new AbortController();
  const redefined: string[] = [];
  cluster.onRedefinition((kind) => redefined.push(kind));
  try {
    const isKnown = async () => (await cluster.refreshCatalogue(stop.signal)).scalePaths.size === known.length;
    await waitFor("the definitions of before", isKnown, { deadlineMs: DEADLINE_MS });
    calls.length = 0;
    watchCatalogue(cluster, memoryLog([]), stop.signal);
    await waitFor("the watch", () => looks(calls) > 0, { deadlineMs: DEADLINE_MS });
    await t.step("a new one is read alone", async () => {
      calls.length = 0;
      await apply(rig, [definition("fresh")]);
      await until(cluster, () => cluster.catalogue?.scalePaths.get("freshes.example.com") === ".spec.replicas");
      await quiet();
      assert.deepEqual(definitionsRead(calls), [`${DEFINITIONS}/freshes.example.com`]);
      assert.ok(looks(calls) <= MOST_LOOKS, `${looks(calls)} looks`);
    });
    await t.step("a new field is noticed, a label is nothing", async () => {
      const digest = () => cluster.catalogue?.schemas.get("example.com/v1");
      const before = digest();
      calls.length = 0;
      await apply(rig, [definition("known0", { colour: { type: "string" } })]);
      await until(cluster, () => digest() !== before);
      await quiet();
      assert.deepEqual(definitionsRead(calls), [`${DEFINITIONS}/known0s.example.com`]);
      assert.ok(looks(calls) <= MOST_LOOKS, `${looks(calls)} looks`);
      assert.deepEqual(redefined.splice(0), ["freshes.example.com", "known0s.example.com"]);
      calls.length = 0;
      await rig.kubectl(["label", "crd", "known0s.example.com", "seen=yes"]);
      await rig.kubectl(["delete", "crd", "known1s.example.com"]);
      await until(cluster, () => !cluster.catalogue?.discovery.versions.has("known1s.example.com"));
      assert.ok(!definitionsRead(calls).includes(`${DEFINITIONS}/known0s.example.com`));
      assert.ok(!redefined.includes("known0s.example.com"));
    });
    await t.step("many at once are looked at together", async () => {
      calls.length = 0;
      await apply(rig, Array.from({ length: 30 }, (_, index) => definition(`many${index}`)));
      await until(cluster, () => cluster.catalogue?.scalePaths.size === 50);
      await quiet();
      assert.ok(looks(calls) <= 60, `${looks(calls)} looks for 30 definitions`);
      assert.ok(!definitionsRead(calls).includes(DEFINITIONS), "none lists them all");
    });
    await t.step("what changed, came or went while nobody told of it is noticed", async () => {
      redefined.length = 0;
      const offline = proxy.inject(({ path, watch }) =>
        watch && path === DEFINITIONS ? failing(410, "Expired") : undefined
      );
      proxy.breakWatches();
      await apply(rig, [definition("known2", { colour: { type: "string" } }), definition("late")]);
      await rig.kubectl(["delete", "crd", "known3s.example.com"]);
      offline();
      await until(cluster, () => {
        const versions = cluster.catalogue?.discovery.versions;
        return versions?.has("lates.example.com") === true && !versions.has("known3s.example.com");
      });
      const told = () => ["known2s.example.com", "lates.example.com"].every((kind) => redefined.includes(kind));
      await waitFor("both to be told", told, { deadlineMs: DEADLINE_MS, describe: () => redefined.join() });
      assert.ok(!redefined.includes("known4s.example.com"), "of which nothing is new");
    });
  } finally {
    stop.abort();
    cluster.close();
  }
});

async function until(cluster: Cluster, condition: () => boolean): Promise<void> {
  await waitFor("the catalogue as wanted", condition, {
    deadlineMs: DEADLINE_MS,
    describe: () => JSON.stringify([...cluster.catalogue?.scalePaths ?? []]),
  });
}

async function quiet(): Promise<void> {
  const fromMs = performance.now();
  await waitFor("time to pass", () => performance.now() - fromMs > QUIET_MS, { deadlineMs: DEADLINE_MS });
}

/** Each look reads the index of the schemas once. */
function looks(calls: readonly ApiCall[]): number {
  return calls.filter(({ path }) => path === "/openapi/v3").length;
}

function definitionsRead(calls: readonly ApiCall[]): string[] {
  return [...new Set(calls.map(({ path }) => path).filter((path) => path.startsWith(DEFINITIONS)))];
}

async function apply(rig: RigCluster, items: readonly object[]): Promise<void> {
  const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await rig.kubectl(["apply", "--server-side", "-f", "-"], { stdin });
}

function definition(singular: string, fields: Record<string, object> = {}): object {
  const replicas = { type: "integer" };
  return customDefinition({
    kind: `${singular[0]?.toUpperCase()}${singular.slice(1)}`,
    plural: singular.endsWith("h") ? `${singular}es` : `${singular}s`,
    schema: schemaOf({ replicas, ...fields }, { replicas }),
    subresources: {
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
      status: {},
    },
  });
}
