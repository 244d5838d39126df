/**
 * A source that refuses, damages or forgets what the controller reads from it: nothing is deleted in DR on the strength of that, the
 * condition says what cannot be read, and afterwards both sides are equal.
 *
 * @module
 */
import assert from "node:assert/strict";
import { marksOf, untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import type { Printed } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { type ApiCall, failing, type Fault, statusBody } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const NAMESPACE = "shop";
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const RECOVERY_MS = 60_000;
/** On the fence Lease. */
const VERSION = "dr-syncer.io/source-resource-version";

/** What may become of a list, and how it is told. */
const DAMAGES: Readonly<Record<string, { readonly fault: Fault; readonly words: RegExp }>> = {
  "forbidden": { fault: failing(403, "Forbidden"), words: /configmaps: .*Forbidden by the proxy/ },
  "an error of the server": { fault: failing(500, "InternalError"), words: /configmaps: .*InternalError by the proxy/ },
  "too old": { fault: failing(410, "Expired"), words: /configmaps: .*Expired by the proxy/ },
  "cut off in the middle": { fault: { do: "cut", afterBytes: 600 }, words: /configmaps: / },
  "half of JSON": {
    fault: {
      do: "answer",
      status: 200,
      body: '{"kind":"ConfigMapList","items":[{"meta',
      headers: { "content-type": "application/json" },
    },
    words: /configmaps: .*not JSON/,
  },
};

Deno.test("a source that cannot be read as it should be", async (t) => {
  await using through = await startApiScene("source");
  const { scene } = through;
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY });
  await scene.apply(Array.from({ length: 5 }, (_, index) => configMap(NAMESPACE, `lasting-${index}`)));
  await scene.condition(NAMESPACE, "Synced", "True");
  for (const [name, { fault, words }] of Object.entries(DAMAGES)) {
    await t.step(`a list is ${name}`, () => listFails(through, fault, words));
  }
  await t.step("a list says that there is nothing", () => listLies(through));
  await t.step("410 within a watch that began well", () => goneInTheStream(through));
  await t.step("410 after events in the same stream", () => goneAfterEvents(through));
  await t.step("its data went back to an earlier state", () => wentBack(through));
});

async function listFails(through: ApiScene, fault: Fault, words: RegExp): Promise<void> {
  const { scene, proxy } = through;
  await scene.apply([configMap(NAMESPACE, "doomed")]);
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  const before = await marksOf(scene.dr, NAMESPACE);
  const release = proxy.inject((call) => isList(call) ? fault : undefined);
  await sync(through);
  const told = await scene.condition(NAMESPACE, "Degraded", "True", "KindUnreadable");
  assert.match(conditionOf(told, "Degraded").message, words);
  await scene.source.kubectl(["delete", "configmap", "doomed", "-n", NAMESPACE]);
  // Other kinds go on.
  const name = `sa-${crypto.randomUUID().slice(0, 8)}`;
  await scene.source.kubectl(["create", "serviceaccount", name, "-n", NAMESPACE]);
  await scene.until(scene.dr, "serviceaccount", name, NAMESPACE);
  const meanwhile = await marksOf(scene.dr, NAMESPACE);
  for (const key of Object.keys(before)) assert.deepEqual(meanwhile[key], before[key], `${key} is as it was`);
  await scene.condition(NAMESPACE, "Synced", "False");
  release();
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  await scene.condition(NAMESPACE, "Degraded", "False");
  await scene.condition(NAMESPACE, "Synced", "True");
}

/** Each copy that a list leaves out is looked for in the source before it may go. */
async function listLies(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  const before = await marksOf(scene.dr, NAMESPACE);
  const { stdout } = await scene.source.kubectl(["get", "--raw", `${PATH}?limit=1`]);
  const { metadata: { resourceVersion } } = JSON.parse(stdout);
  const body = {
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion },
    items: [],
  };
  const met = proxy.met;
  const release = proxy.inject((call) => isList(call) ? { do: "answer", status: 200, body } : undefined);
  const synced = await sync(through);
  await waitFor("the list", () => proxy.met > met, { deadlineMs: 20_000 });
  await scene.until(scene.source, "replication", NAMESPACE, CONTROL, ({ status }) => status.lastManualSync === synced);
  release();
  assert.deepEqual(await marksOf(scene.dr, NAMESPACE), before);
}

/** Changes, deletes among them, while the watch is told that it came too late. */
async function goneInTheStream(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  await scene.apply(["stays", "goes"].map((name) => configMap(NAMESPACE, name)));
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  let told = 0;
  const headers = { "content-type": "application/json" };
  const release = proxy.inject(({ path, watch }) => {
    if (!watch || path !== PATH || told++ > 1) return undefined;
    return { do: "answer", status: 200, body: `${goneLine()}\n`, headers };
  });
  proxy.breakWatches();
  const client = connect(scene.source.kubeconfig);
  await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name: "goes" });
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, "comes"));
  client.close();
  await waitFor("the watch was told", () => told > 1, { deadlineMs: 20_000 });
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  release();
  await scene.condition(NAMESPACE, "Synced", "True");
}

/** What happens after the line is told by no watch of before, and found at once: nobody has to look for what is missing. */
async function goneAfterEvents(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  await scene.apply(["told", "vanishes"].map((name) => configMap(NAMESPACE, name)));
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  const stalled = () => scene.controller.metric("dr_syncer_hints_total", { outcome: "stalled" });
  const before = await stalled();
  const told = proxy.endWatchesWith(PATH, goneLine());
  await scene.apply([configMap(NAMESPACE, "told", { of: "the event before" })]);
  await waitFor("the watch was told", () => told() > 0, { deadlineMs: 20_000 });
  const client = connect(scene.source.kubeconfig);
  await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name: "vanishes" });
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, "appears"));
  client.close();
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  assert.equal(await stalled(), before, "the line was understood, not its silence afterwards");
  await scene.condition(NAMESPACE, "Synced", "True");
}

function goneLine(): string {
  return JSON.stringify({ type: "ERROR", object: statusBody(410, "Expired", "too old resource version: 1 (2)") });
}

/** A backup of the source is restored: what was made since is lost there, and not in DR before a person says so. */
async function wentBack({ scene }: ApiScene): Promise<void> {
  await scene.apply(["changes", "was-deleted"].map((name) => configMap(NAMESPACE, name, { of: "before" })));
  await untilEqual(scene.source, scene.dr, NAMESPACE);
  const { metadata: { resourceVersion } } = await scene.get(scene.source, "configmap", "changes", NAMESPACE);
  await scene.source.backUp();
  await scene.apply([configMap(NAMESPACE, "changes", { of: "after" }), configMap(NAMESPACE, "lost")]);
  await scene.source.kubectl(["delete", "configmap", "was-deleted", "-n", NAMESPACE]);
  // However many writes there are: the restored server must not have passed the version again when it is looked at.
  await scene.apply(Array.from({ length: 60 }, (_, index) => configMap("default", `filler-${index}`)));
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  // Known beyond the life of this process.
  const isKnown = ({ metadata }: Printed) => metadata.annotations[VERSION] > Number(resourceVersion) + 60;
  await scene.until(scene.dr, "lease", "dr-syncer", NAMESPACE, isKnown, 90_000);
  await scene.source.restore();
  await scene.condition(NAMESPACE, "DeletionBlocked", "True", "SourceWentBack", RECOVERY_MS);
  await scene.until(scene.dr, "configmap", "changes", NAMESPACE, ({ data }) => data.of === "before", RECOVERY_MS);
  await scene.until(scene.dr, "configmap", "was-deleted", NAMESPACE, undefined, RECOVERY_MS);
  assert.ok(await scene.get(scene.dr, "configmap", "lost", NAMESPACE), "it is only in DR now");
  const { status } = await scene.get(scene.source, "replication", NAMESPACE, CONTROL);
  assert.deepEqual(status.holds[0].sample, ["configmaps/lost"]);
  const approval = `dr-syncer.io/approve=${status.holds[0].id}`;
  await scene.source.kubectl(["annotate", "replication", NAMESPACE, "-n", CONTROL, "--overwrite", approval]);
  await scene.untilGone(scene.dr, "configmap", "lost", NAMESPACE, RECOVERY_MS);
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
}

function isList({ method, path, watch }: ApiCall): boolean {
  return method === "GET" && path === PATH && !watch;
}

const CONTROL = "dr-syncer-system";

/** Asks for a full pass; answers how it is named. */
async function sync({ scene }: ApiScene): Promise<string> {
  const synced = crypto.randomUUID();
  const args = ["annotate", "replication", NAMESPACE, "-n", CONTROL, "--overwrite", `dr-syncer.io/sync-now=${synced}`];
  await scene.source.kubectl(args);
  return synced;
}

function conditionOf(object: Printed, type: string): Printed {
  return object.status.conditions.find((condition: Printed) => condition.type === type);
}
