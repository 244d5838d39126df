/**
 * Two things keep a standby empty, each without the other: copies that start nothing, and a quota that lets nothing start.
 *
 * DR has nodes, for DaemonSets, and its CronJobs fire each minute. The same objects in a namespace that is no standby show that
 * everything would start.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type History, watchHistory } from "../faults/history.ts";
import { typeOf } from "../kube/connections.ts";
import { waitFor } from "../wait.ts";
import { Api } from "./api.ts";
import { deployment } from "./refusals.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const QUIESCED = "quiesced";
const REFUSED = "refused";
/** No standby: what runs here would run there. */
const PLAIN = "plain";
/** Stays out of step with the others, and lifts the quota. */
const LIFTING = "lifting";
const KINDS = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"];
/** Their names, one a kind. */
const ALL = KINDS.map((kind) => kind.toLowerCase());
/** A CronJob fires each minute. */
const DEADLINE_MS = 180_000;

interface Layers {
  readonly scene: Scene;
  readonly source: Api;
  readonly dr: Api;
  readonly pods: History;
}

Deno.test("what keeps a standby empty", async (t) => {
  await using scene = await startScene({ dr: { controllerManager: true } });
  await using pods = await watchHistory(scene.dr, [typeOf("Pod", "pods")], [QUIESCED, REFUSED, PLAIN]);
  using source = new Api(scene.source);
  using dr = new Api(scene.dr);
  const layers: Layers = { scene, source, dr, pods };
  await scene.apply(["one", "two"].map((name) => ({ apiVersion: "v1", kind: "Node", metadata: { name } })), scene.dr);
  await t.step("copies start nothing, without the quota", () => quiescedAlone(layers));
  await t.step("the quota refuses all, though somebody starts every copy", () => refusedAlone(layers));
});

async function quiescedAlone(layers: Layers): Promise<void> {
  const { scene, dr } = layers;
  await scene.replicate(QUIESCED);
  await scene.apply([workload(QUIESCED, "Job", LIFTING, { "dr-syncer.io/scale-override": "keep" })]);
  await dr.until("resourcequotas", QUIESCED, "dr-syncer-standby", ({ spec }) => spec.hard === undefined, DEADLINE_MS);
  await until(layers, `a Pod of ${LIFTING}`, () => startersIn(layers, QUIESCED).includes(LIFTING));
  await scene.apply(workloads(QUIESCED));
  await untilSeen(layers, QUIESCED);
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: PLAIN } }], scene.dr);
  await scene.apply(workloads(PLAIN), scene.dr);
  await until(layers, "a Pod of each workload that is no copy", () => {
    return ALL.every((name) => startersIn(layers, PLAIN).includes(name));
  });
  assert.deepEqual([startersIn(layers, QUIESCED), layers.pods.gap], [[LIFTING], undefined]);
}

async function refusedAlone(layers: Layers): Promise<void> {
  const { scene, source } = layers;
  await scene.replicate(REFUSED, { driftPolicy: "Report" });
  await scene.apply(workloads(REFUSED));
  await untilSeen(layers, REFUSED);
  await source.condition(
    "replications",
    REFUSED,
    { type: "StandbyQuiet", status: "True", reason: "Quiet" },
    DEADLINE_MS,
  );
  for (const kind of KINDS) await start(scene, kind);
  let refused: readonly string[] = [];
  await waitFor("a refusal by the quota for each workload", async () => {
    refused = await refusedIn(scene);
    return ALL.every((name) => refused.includes(name));
  }, { deadlineMs: DEADLINE_MS, pollMs: 500, describe: () => refused.join(", ") });
  await source.condition("replications", REFUSED, { type: "StandbyQuiet", status: "False", reason: "PodsRefused" });
  assert.deepEqual([startersIn(layers, REFUSED), layers.pods.gap], [[], undefined]);
}

/** Undoes in DR what keeps a copy from starting Pods. */
async function start(scene: Scene, kind: string): Promise<void> {
  const patches: Readonly<Record<string, object>> = {
    DaemonSet: { template: { spec: { nodeSelector: null } } },
    Job: { suspend: false },
    CronJob: { suspend: false },
  };
  const patch = JSON.stringify({ spec: patches[kind] ?? { replicas: 2 } });
  await scene.dr.kubectl(["patch", kind, kind.toLowerCase(), "-n", REFUSED, "--type=merge", "-p", patch]);
}

/** Names of the workloads whose Pods the quota has refused, as DR's controllers tell. */
async function refusedIn(scene: Scene): Promise<string[]> {
  const events = (await scene.list(scene.dr, "events", REFUSED)).filter(({ reason, message }: Printed) =>
    reason === "FailedCreate" && message.includes("exceeded quota: dr-syncer-standby")
  );
  return starters(events.map(({ involvedObject }: Printed) => involvedObject.name));
}

/** What a workload makes is named after it. */
function starters(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split("-", 1)[0] ?? name))].sort();
}

/** The copies are there, and DR's controllers have looked at them. */
async function untilSeen({ scene }: Layers, namespace: string): Promise<void> {
  for (const kind of ["deployment", "replicaset", "statefulset", "daemonset"]) {
    await scene.until(scene.dr, kind, kind, namespace, ({ status }) => status?.observedGeneration >= 1, DEADLINE_MS);
  }
  const suspended = ({ status }: Printed) => status?.conditions?.some(({ type }: Printed) => type === "Suspended");
  await scene.until(scene.dr, "job", "job", namespace, suspended, DEADLINE_MS);
  await scene.until(scene.dr, "cronjob", "cronjob", namespace, undefined, DEADLINE_MS);
}

/** Names of the workloads that ever had a Pod in a namespace. */
function startersIn({ pods }: Layers, namespace: string): string[] {
  const prefix = `Pod ${namespace}/`;
  const names = pods.happenings.filter(({ key }) => key.startsWith(prefix)).map(({ key }) => key.slice(prefix.length));
  return starters(names);
}

async function until({ pods }: Layers, what: string, condition: () => boolean): Promise<void> {
  const describe = () => pods.happenings.map(({ key }) => key).join("\n");
  await waitFor(what, condition, { deadlineMs: DEADLINE_MS, pollMs: 100, describe });
}

function workloads(namespace: string): object[] {
  return KINDS.map((kind) => workload(namespace, kind, kind.toLowerCase()));
}

/** A workload of a kind that wants a Pod or two. */
function workload(namespace: string, kind: string, name: string, labels: Record<string, string> = {}): object {
  const { spec: { selector, template } } = deployment(namespace, name) as Printed;
  const job = { template: { spec: { ...template.spec, restartPolicy: "Never" } } };
  const specs: Readonly<Record<string, object>> = {
    StatefulSet: { replicas: 2, serviceName: name, selector, template },
    DaemonSet: { selector, template },
    Job: job,
    CronJob: { schedule: "* * * * *", jobTemplate: { spec: job } },
  };
  return {
    apiVersion: kind.endsWith("Job") ? "batch/v1" : "apps/v1",
    kind,
    metadata: { name, namespace, labels },
    spec: specs[kind] ?? { replicas: 2, selector, template },
  };
}
