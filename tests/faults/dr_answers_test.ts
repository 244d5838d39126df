/**
 * A DR cluster that answers writes badly, or whose answers are lost: what failed is told by its class and tried again, everything else
 * goes on, the other DR cluster notices nothing, and all is well without help once the cause is gone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { marksOf, untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import type { Printed } from "../e2e/scene.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { type ApiCall, failing, type Fault } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";
import { watchHistory } from "./history.ts";

const NAMESPACE = "shop";
const CONTROL = "dr-syncer-system";
const DEADLINE_MS = 60_000;
/** Failures back off to a minute. */
const RECOVERY_MS = 120_000;

interface Row {
  readonly fault: Fault;
  readonly failureClass: string;
  readonly words: RegExp;
}

/** What may become of a write that the DR cluster does not carry out, and how it is told. */
const REFUSALS: Readonly<Record<string, Row>> = {
  "a write is answered with 500": {
    fault: failing(500, "InternalError"),
    failureClass: "Transient",
    words: /InternalError by the proxy/,
  },
  "a write is answered with 503": {
    fault: failing(503, "ServiceUnavailable"),
    failureClass: "Unreachable",
    words: /Unavailable by the proxy/,
  },
  "a write is answered with 410": {
    fault: failing(410, "Gone"),
    failureClass: "Transient",
    words: /Gone by the proxy/,
  },
  "a write is answered with 403": {
    fault: failing(403, "Forbidden"),
    failureClass: "Forbidden",
    words: /Forbidden by the proxy.*grant the DR/,
  },
  "a write never arrives": {
    fault: { do: "drop" },
    failureClass: "Unreachable",
    words: /Cannot .*; retried as soon as/,
  },
};

Deno.test("a DR cluster that answers writes badly", async (t) => {
  await using through = await startApiScene("dr", { drs: ["dr", "dr2"] });
  const { scene } = through;
  for (const { name } of scene.drs) {
    await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY, destinationCluster: name }, `to-${name}`);
    await scene.condition(`to-${name}`, "Synced", "True");
  }
  for (const [index, [name, row]] of Object.entries(REFUSALS).entries()) {
    await t.step(name, () => refused(through, `struck-${index}`, row));
  }
  await t.step("a kind is refused with 403: the others go on", () => kindRefused(through));
  await t.step("an answer is lost in the middle: what was done is not done again", () => answersLost(through));
  await t.step("slow answers are no failure", () => slowAnswers(through));
});

/** Told by its class, tried again, and well in the end. */
async function refused(through: ApiScene, prefix: string, { fault, failureClass, words }: Row): Promise<void> {
  const { scene, proxy } = through;
  const struck = await prepare(through, prefix);
  const before = await marksOf(scene.dr, NAMESPACE);
  const release = proxy.inject((call) => isWrite(call, "configmaps", prefix) ? fault : undefined);
  await change(through, struck);
  await othersGoOn(through, `free-${prefix}`);
  await settled(through, other(through), struck);
  await failures(
    through,
    (found) =>
      Object.values(struck).every((object) =>
        found.some((one: Printed) =>
          one.name === object && one.class === failureClass && one.attempts > 1 && words.test(one.message)
        )
      ),
  );
  await scene.condition("to-dr2", "Synced", "True");
  release();
  await healed(through, struck);
  const after = await marksOf(scene.dr, NAMESPACE);
  const changed = `ConfigMap/${struck.changed}`;
  assert.equal(after[changed]?.uid, before[changed]?.uid, "the copy is the same object");
}

async function kindRefused(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const release = proxy.inject((call) => isWrite(call, "secrets", "") ? failing(403, "Forbidden") : undefined);
  await scene.apply([{ apiVersion: "v1", kind: "Secret", metadata: { name: "kept-out", namespace: NAMESPACE } }]);
  await scene.until(other(through), "secret", "kept-out", NAMESPACE, undefined, DEADLINE_MS);
  await failures(through, (found) => found.some((one: Printed) => one.kind === "Secret" && one.class === "Forbidden"));
  await scene.apply([configMap(NAMESPACE, "let-in")]);
  await scene.until(scene.dr, "configmap", "let-in", NAMESPACE, undefined, DEADLINE_MS);
  assert.equal(await scene.get(scene.dr, "secret", "kept-out", NAMESPACE), undefined);
  release();
  await scene.until(scene.dr, "secret", "kept-out", NAMESPACE, undefined, RECOVERY_MS);
  await failures(through, (found) => found.length === 0, RECOVERY_MS);
}

/** The server did its part each time; all ends well while the answers are still cut. */
async function answersLost(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const struck = await prepare(through, "lost");
  const unreachable = () => scene.controller.metric("dr_syncer_writes_total", { class: "Unreachable" });
  const before = await unreachable();
  await using history = await watchHistory(scene.dr, [CONFIG_MAPS], [NAMESPACE]);
  const release = proxy.inject((call) =>
    isWrite(call, "configmaps", "lost") ? { do: "cut", afterBytes: 50 } : undefined
  );
  await change(through, struck);
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  assert.ok(await unreachable() >= before + 3, "the answers were missed");
  release();
  await healed(through, struck);
  await waitFor("the whole history", () => history.happenings.some(({ type }) => type === "DELETED"), {
    deadlineMs: DEADLINE_MS,
  });
  const of = (wanted: string) =>
    history.happenings.filter(({ type, key }) => type === wanted && key.includes("/lost-")).map(({ key }) => key);
  assert.deepEqual(of("ADDED"), [`ConfigMap ${NAMESPACE}/${struck.fresh}`], "made once");
  assert.deepEqual(of("DELETED"), [`ConfigMap ${NAMESPACE}/${struck.gone}`]);
}

/** Slower than any healthy server, and within the deadline of a call. */
async function slowAnswers(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const struck = await prepare(through, "slow");
  const failed = async () => await scene.controller.metric("dr_syncer_writes_total") - await writesDone(through);
  const before = await failed();
  const release = proxy.inject(({ watch, method }) =>
    watch || method === "GET" ? undefined : { do: "delay", delayMs: 4_000 }
  );
  await change(through, struck);
  await settled(through, other(through), struck);
  await settled(through, scene.dr, struck);
  release();
  assert.equal(await failed(), before);
  await scene.condition("to-dr", "Ready", "True");
}

async function writesDone({ scene }: ApiScene): Promise<number> {
  const operations = ["create", "update", "delete"].map((operation) =>
    scene.controller.metric("dr_syncer_writes_total", { class: operation })
  );
  return (await Promise.all(operations)).reduce((sum, count) => sum + count, 0);
}

/** Names of three ConfigMaps: one to be made, one to be changed, one to be deleted. */
interface Struck {
  readonly fresh: string;
  readonly changed: string;
  readonly gone: string;
}

async function prepare({ scene }: ApiScene, prefix: string): Promise<Struck> {
  const struck = { fresh: `${prefix}-fresh`, changed: `${prefix}-changed`, gone: `${prefix}-gone` };
  await scene.apply([struck.changed, struck.gone].map((name) => configMap(NAMESPACE, name, { value: "before" })));
  for (const cluster of scene.drs) await untilEqual(scene.source, cluster, NAMESPACE, DEADLINE_MS);
  return struck;
}

async function change({ scene }: ApiScene, { fresh, changed, gone }: Struck): Promise<void> {
  const client = connect(scene.source.kubeconfig);
  const body = { data: { value: "after" } };
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, fresh, body.data));
  await client.patch(CONFIG_MAPS, { namespace: NAMESPACE, name: changed }, { type: "merge", body });
  await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name: gone });
  client.close();
}

/** The changes are in a DR cluster. */
async function settled({ scene }: ApiScene, cluster: Cluster, { fresh, changed, gone }: Struck): Promise<void> {
  for (const name of [fresh, changed]) {
    await scene.until(cluster, "configmap", name, NAMESPACE, ({ data }) => data.value === "after", DEADLINE_MS);
  }
  await scene.untilGone(cluster, "configmap", gone, NAMESPACE, DEADLINE_MS);
}

async function othersGoOn({ scene }: ApiScene, name: string): Promise<void> {
  await scene.apply([configMap(NAMESPACE, name)]);
  await scene.source.kubectl(["create", "serviceaccount", name, "-n", NAMESPACE]);
  for (const kind of ["configmap", "serviceaccount"]) {
    await scene.until(scene.dr, kind, name, NAMESPACE, undefined, DEADLINE_MS);
  }
}

async function healed(through: ApiScene, struck: Struck): Promise<void> {
  const { scene } = through;
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  await settled(through, scene.dr, struck);
  await failures(through, (found) => found.length === 0);
  for (const type of ["Synced", "Ready"]) await scene.condition("to-dr", type, "True");
}

/** Waits until the failures that the status tells are as wanted. */
async function failures(
  { scene }: ApiScene,
  wanted: (failures: Printed) => unknown,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const isSo = ({ status }: Printed) => wanted(status?.failures ?? []);
  await scene.until(scene.source, "replication", "to-dr", CONTROL, isSo, deadlineMs);
}

function other({ scene }: ApiScene): Cluster {
  return scene.drs[1] ?? assert.fail("there is no second DR cluster");
}

/** Whether a call writes an object of a kind whose name begins like this. */
function isWrite({ method, path, creates }: ApiCall, resource: string, prefix: string): boolean {
  if (method === "GET" || !path.includes(`/namespaces/${NAMESPACE}/${resource}`)) return false;
  return (creates ?? path.slice(path.lastIndexOf("/") + 1)).startsWith(prefix);
}
