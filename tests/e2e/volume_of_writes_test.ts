/**
 * Ten thousand mixed creates, updates and deletes: none is lost, nothing is left over.
 *
 * @module
 */
import assert from "node:assert/strict";
import { resolveTypes } from "../../kube/resolve_type.ts";
import type { KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { randomFrom } from "../random.ts";
import { waitFor } from "../wait.ts";
import { ClusterView } from "./cluster_view.ts";
import { asItIs, asItShouldBe } from "./mirror_cases.ts";
import { type Scene, startScene } from "./scene.ts";

const NAMESPACE = "busy";
const SEED = 20_261_121;
const WRITES = 10_000;
const NAMES = 2_000;
const CONCURRENCY = 16;
/** How long DR may take for the rest once the last write is answered. */
const DEADLINE_MS = 60_000;

/** One name: its kind, and whether it is there now. */
interface Subject {
  readonly type: ResourceType;
  readonly name: string;
  exists: boolean;
}

/** What was written. */
interface Tally {
  creates: number;
  updates: number;
  deletes: number;
}

Deno.test(`${WRITES} mixed writes: none is lost`, async (t) => {
  await using scene = await startScene();
  using source = new ClusterView(scene.source);
  using dr = new ClusterView(scene.dr);
  await scene.replicate(NAMESPACE, {
    deletion: { grace: "0s", budget: { count: 100_000, percent: 100, window: "1h" } },
  });
  await scene.condition(NAMESPACE, "Synced", "True");
  await t.step("the writes", () => writeAll(source.client));
  await t.step("DR equals the source, object by object", () => untilEqual(source, dr));
  await t.step("and the status says so", () => statusAgrees(scene, source));
});

async function writeAll(client: KubeClient): Promise<void> {
  const subjects = await makeSubjects(client);
  const tally: Tally = { creates: 0, updates: 0, deletes: 0 };
  const budget = { left: WRITES };
  const workers = Array.from({ length: CONCURRENCY }, (_, worker) => {
    // Each name belongs to one worker: its writes are in order, and none is refused.
    const own = subjects.filter((_, index) => index % CONCURRENCY === worker);
    return write(client, own, randomFrom(SEED + worker), budget, tally);
  });
  await Promise.all(workers);
  assert.equal(tally.creates + tally.updates + tally.deletes, WRITES);
  assert.ok(tally.creates > 1_500 && tally.updates > 1_500 && tally.deletes > 1_500, JSON.stringify(tally));
}

async function write(
  client: KubeClient,
  subjects: readonly Subject[],
  random: () => number,
  budget: { left: number },
  tally: Tally,
): Promise<void> {
  while (budget.left > 0) {
    const serial = budget.left--;
    const subject = subjects[Math.floor(random() * subjects.length)] as Subject;
    const ref = { namespace: NAMESPACE, name: subject.name };
    if (!subject.exists) {
      await client.create(subject.type, newObject(subject, serial));
      tally.creates++;
      subject.exists = true;
    } else if (random() < 0.5) {
      const body = { metadata: { annotations: { "example.com/serial": String(serial) } }, ...change(subject, serial) };
      await client.patch(subject.type, ref, { type: "merge", body });
      tally.updates++;
    } else {
      await client.delete(subject.type, ref);
      tally.deletes++;
      subject.exists = false;
    }
  }
}

/** Differences between source and DR, one line an object. */
async function untilEqual(source: ClusterView, dr: ClusterView): Promise<void> {
  let different: string[] = [];
  await waitFor("DR equal to the source", async () => {
    const [theirs, copies] = await Promise.all([source.objects(NAMESPACE), dr.objects(NAMESPACE)]);
    for (const ours of ["Lease/dr-syncer", "ResourceQuota/dr-syncer-standby"]) copies.delete(ours);
    const missing = [...theirs.keys()].filter((name) => !copies.has(name)).map((name) => `${name} is missing`);
    const orphans = [...copies.keys()].filter((name) => !theirs.has(name)).map((name) => `${name} is left over`);
    const stale = [...theirs].filter(([name, object]) =>
      copies.has(name) && JSON.stringify(asItIs(copies.get(name))) !== JSON.stringify(asItShouldBe(object))
    ).map(([name]) => `${name} differs`);
    different = [...missing, ...orphans, ...stale];
    return theirs.size > NAMES / 4 && different.length === 0;
  }, {
    deadlineMs: DEADLINE_MS,
    pollMs: 500,
    describe: () => `${different.length}: ${different.slice(0, 20).join(", ")}`,
  });
}

async function statusAgrees(scene: Scene, source: ClusterView): Promise<void> {
  const { size } = await source.objects(NAMESPACE);
  await scene.until(
    scene.source,
    "replication",
    NAMESPACE,
    "dr-syncer-system",
    ({ status: { syncStats } }) =>
      syncStats.totalResources === size && syncStats.successfulSyncs === size && syncStats.failedSyncs === 0,
  );
  await scene.condition(NAMESPACE, "Synced", "True");
  const labels = { replication: `dr-syncer-system/${NAMESPACE}` };
  assert.equal(await scene.controller.metric("dr_syncer_queue_depth", labels), 0);
}

const KINDS = [
  "configmaps",
  "secrets",
  "serviceaccounts",
  "services",
  "roles",
  "deployments",
  "cronjobs",
  "networkpolicies",
];

async function makeSubjects(client: KubeClient): Promise<Subject[]> {
  const discovery = await client.discover();
  const types = KINDS.map((kind) => resolveTypes(discovery, kind)[0] as ResourceType);
  return Array.from({ length: NAMES }, (_, index) => {
    // Not in step with the workers: each has names of every kind.
    const type = types[Math.floor(index / CONCURRENCY) % types.length] as ResourceType;
    return { type, name: `object-${index}`, exists: false };
  });
}

function newObject({ type, name }: Subject, serial: number): KubeObject {
  const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
  return { apiVersion, kind: type.kind, metadata: { name, namespace: NAMESPACE }, ...content(type.kind, name, serial) };
}

function change({ type, name }: Subject, serial: number): Record<string, unknown> {
  if (type.kind === "Deployment") return { spec: { replicas: serial % 7 } };
  if (type.kind === "Service") return { spec: { ports: [{ port: 1 + serial }] } };
  return content(type.kind, name, serial);
}

function content(kind: string, name: string, serial: number): Record<string, unknown> {
  const labels = { app: name };
  const pod = { containers: [{ name: "main", image: `example.com/main:${serial}` }] };
  switch (kind) {
    case "ConfigMap":
      return { data: { serial: String(serial) } };
    case "Secret":
      return { stringData: { serial: String(serial) } };
    case "ServiceAccount":
      return { automountServiceAccountToken: serial % 2 === 0 };
    case "Service":
      return { spec: { clusterIP: "None", selector: labels, ports: [{ port: 1 + serial }] } };
    case "Role":
      return { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"], resourceNames: [`pod-${serial}`] }] };
    case "Deployment":
      return {
        spec: {
          replicas: serial % 7,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: pod },
        },
      };
    case "CronJob": {
      const job = { spec: { template: { spec: { ...pod, restartPolicy: "Never" } } } };
      return { spec: { schedule: `${serial % 60} 3 * * *`, jobTemplate: job } };
    }
    default:
      return { spec: { podSelector: { matchLabels: { serial: String(serial) } } } };
  }
}
