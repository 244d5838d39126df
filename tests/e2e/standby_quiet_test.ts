/**
 * Nothing runs in a standby: what operators of DR start there is refused and told, what overrides allow is let through.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PODS } from "../../reconciler/builtin_types.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { Api, conditionOf, CONTROL } from "./api.ts";
import { ClusterView } from "./cluster_view.ts";
import { deployment } from "./refusals.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import type { Printed, Scene } from "./scene.ts";

const QUOTA = "dr-syncer-standby";
const OVERRIDE = "dr-syncer.io/scale-override";
/** Who gave up is told for a minute, and looked at every 30 s. */
const FORGIVEN_MS = 240_000;
const DEADLINE_MS = 150_000;

Deno.test("a standby is quiet", async (t) => {
  await using safety = await startSafetyScene({ drs: ["dr", "poor"], dr: { controllerManager: true } });
  await together(t, {
    "what an operator starts is refused, and the operator is named": () => operator(safety),
    "an operator whose resource is mirrored is named by it": () => mirroredOwner(safety),
    "no workload of any kind gets a Pod": () => everyKind(safety),
    "scale-override lets the allowed number through": () => allowed(safety),
    "a workload that is not counted in replicas lifts the quota": () => lifted(safety),
    "scaleToZero: false removes the quota": () => removed(safety),
    "others that run there already are left alone": () => foreignPods(safety),
    "a quota of that name that is not ours stays as it is": () => foreignQuota(safety),
    "the quota is put right while the namespace is a Standby, and only then": () => keptWhileStandby(safety),
    "an idle mirror does not write it, and a quota of the source is mirrored beside it": () => idle(safety),
    "a credential that may not read Pods mirrors all the same": () => missingPermission(safety),
  });
});

function limits(quota: Printed): unknown {
  return quota?.spec.hard;
}

async function quotaOf({ dr }: SafetyScene, namespace: string, hard?: object): Promise<Printed> {
  const isSo = (quota: Printed) => JSON.stringify(limits(quota)) === JSON.stringify(hard);
  return await dr.until("resourcequotas", namespace, QUOTA, isSo, DEADLINE_MS);
}

async function podsOf({ dr }: SafetyScene, namespace: string, count: number): Promise<void> {
  const look = async () => (await dr.list("pods", namespace)).length === count;
  await waitFor(`${count} Pods in ${namespace}`, look, { deadlineMs: DEADLINE_MS, pollMs: 200 });
}

async function condition(
  { source }: SafetyScene,
  name: string,
  type: string,
  status: "True" | "False" | "Unknown",
  reason?: string,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  await source.condition("replications", name, { type, status, reason }, deadlineMs);
}

/** Mirrors a namespace; resolves when its standby is known to be quiet. */
async function standby(
  safety: SafetyScene,
  namespace: string,
  objects: object[] = [],
  spec: object = {},
): Promise<void> {
  const { scene } = safety;
  await scene.replicate(namespace, { driftPolicy: "Report", ...spec });
  if (objects.length > 0) await scene.apply(objects);
  await condition(safety, namespace, "Synced", "True");
  await condition(safety, namespace, "StandbyQuiet", "True", "Quiet");
}

/** Waits for a verdict on a standby whose message matches. */
async function verdict({ source }: SafetyScene, name: string, reason: string, message: RegExp): Promise<void> {
  await source.until("replications", CONTROL, name, (object) => {
    const found = conditionOf(object, "StandbyQuiet");
    return found?.reason === reason && message.test(found.message);
  }, DEADLINE_MS);
}

function pod(namespace: string, name: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { containers: [{ name: "main", image: "none" }] },
  };
}

async function createInDr({ dr }: Scene, object: object): Promise<string> {
  const { stderr } = await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(object), allowFailure: true });
  return stderr;
}

async function operator(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "operator";
  await standby(safety, name, [deployment(name, "web")]);
  assert.match(await createInDr(scene, pod(name, "bare")), /exceeded quota: dr-syncer-standby/);
  await createInDr(scene, { ...deployment(name, "theirs") as Printed });
  await scene.dr.kubectl(["scale", "deployment/web", "-n", name, "--replicas=2"]);
  await verdict(safety, name, "PodsRefused", /Deployment theirs.*tries/);
  await verdict(safety, name, "PodsRefused", /Deployment web.*tries/);
  assert.deepEqual(await scene.list(scene.dr, "pods", name), []);
  await scene.dr.kubectl(["delete", "deployment", "theirs", "-n", name]);
  await scene.dr.kubectl(["scale", "deployment/web", "-n", name, "--replicas=0"]);
  await condition(safety, name, "StandbyQuiet", "True", "Quiet", FORGIVEN_MS);
}

/** Stands for an operator: what it makes is owned by the mirrored object. */
async function mirroredOwner(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "owned-by-copy";
  const owner = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "queue", namespace: name } };
  await standby(safety, name, [owner]);
  const { metadata: { uid } } = await safety.dr.until("configmaps", name, "queue", undefined, DEADLINE_MS);
  const made = deployment(name, "broker") as Printed;
  made.metadata.ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "queue", uid, controller: true }];
  await createInDr(scene, made);
  await verdict(safety, name, "PodsRefused", /^Deployment broker of ConfigMap queue tries/);
}

async function everyKind(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "every-kind";
  using dr = new ClusterView(scene.dr);
  const ended = new AbortController();
  const started: string[] = [];
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], scene.dr);
  const watch = dr.client.watch(PODS, { namespace: name, metadataOnly: true, start: "list" }, {
    live: () => {},
    event: ({ object }) => void started.push(object.metadata.name),
  }, ended.signal);
  const { spec: { selector, template } } = deployment(name, "x") as Printed;
  const of = (apiVersion: string, kind: string, spec: object) => ({
    apiVersion,
    kind,
    metadata: { name: kind.toLowerCase(), namespace: name },
    spec,
  });
  const job = { template: { spec: { ...template.spec, restartPolicy: "Never" } } };
  await standby(safety, name, [
    of("apps/v1", "Deployment", { replicas: 2, selector, template }),
    of("apps/v1", "ReplicaSet", { replicas: 2, selector, template }),
    of("apps/v1", "StatefulSet", { replicas: 2, serviceName: "x", selector, template }),
    of("apps/v1", "DaemonSet", { selector, template }),
    of("batch/v1", "Job", job),
    of("batch/v1", "CronJob", { schedule: "* * * * *", jobTemplate: { spec: job } }),
    of("autoscaling/v2", "HorizontalPodAutoscaler", {
      minReplicas: 2,
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "deployment" },
    }),
  ]);
  for (const kind of ["deployment", "replicaset", "statefulset", "daemonset"]) {
    await scene.until(scene.dr, kind, kind, name, (copy) => copy.status?.observedGeneration >= 1, DEADLINE_MS);
  }
  await scene.until(scene.dr, "job", "job", name, (copy) => copy.status?.conditions?.length > 0, DEADLINE_MS);
  ended.abort();
  await watch.done;
  assert.deepEqual(started, []);
  await verdict(safety, name, "Quiet", /^nothing of the application runs$/);
}

async function allowed(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "allowed";
  const web = deployment(name, "web") as Printed;
  web.spec.replicas = 3;
  await standby(safety, name, [web, deployment(name, "api")]);
  await quotaOf(safety, name, { pods: "0" });
  await scene.source.kubectl(["label", "deployment", "web", "-n", name, `${OVERRIDE}=2`]);
  await quotaOf(safety, name, { pods: "3" });
  await podsOf(safety, name, 2);
  await verdict(safety, name, "Quiet", /3 Pods at most/);
  await scene.dr.kubectl(["scale", "deployment/api", "-n", name, "--replicas=3"]);
  await verdict(safety, name, "PodsRunning", /Deployment api; Deployment api tries to start more/);
  await scene.dr.kubectl(["scale", "deployment/api", "-n", name, "--replicas=0"]);
  await scene.source.kubectl(["label", "deployment", "web", "-n", name, `${OVERRIDE}-`]);
  await quotaOf(safety, name, { pods: "0" });
  await podsOf(safety, name, 0);
}

async function lifted(safety: SafetyScene): Promise<void> {
  const name = "lifted";
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "job", namespace: name, labels: { [OVERRIDE]: "keep" } },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "none" }] } } },
  };
  await standby(safety, name, [job]);
  await quotaOf(safety, name, undefined);
  await podsOf(safety, name, 1);
  await verdict(safety, name, "Quiet", /in any number/);
}

async function removed(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "removed";
  await standby(safety, name, [deployment(name, "web")]);
  await quotaOf(safety, name, { pods: "0" });
  const set = (value: boolean) =>
    scene.source.kubectl([
      "patch",
      "repl",
      name,
      "-n",
      CONTROL,
      "--type=merge",
      "-p",
      `{"spec":{"scaleToZero":${value}}}`,
    ]);
  await set(false);
  await safety.dr.untilGone("resourcequotas", name, QUOTA, DEADLINE_MS);
  await condition(safety, name, "StandbyQuiet", "Unknown", "NotScaledToZero");
  await podsOf(safety, name, 1);
  await set(true);
  await quotaOf(safety, name, { pods: "0" });
  await condition(safety, name, "StandbyQuiet", "True", "Quiet");
}

async function foreignPods(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "foreign-pods";
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], scene.dr);
  await createInDr(scene, deployment(name, "theirs"));
  await podsOf(safety, name, 1);
  await scene.replicate(name);
  await condition(safety, name, "Synced", "True");
  await verdict(safety, name, "ForeignPods", /of Deployment theirs; no quota is set/);
  assert.equal(await scene.get(scene.dr, "resourcequota", QUOTA, name), undefined);
  await scene.dr.kubectl(["delete", "deployment", "theirs", "-n", name]);
  await condition(safety, name, "StandbyQuiet", "True", "Quiet");
  await quotaOf(safety, name, { pods: "0" });
}

async function foreignQuota(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "foreign-quota";
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: QUOTA, namespace: name },
    spec: { hard: { configmaps: "50" } },
  };
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, quota], scene.dr);
  await scene.replicate(name);
  await condition(safety, name, "Synced", "True");
  await verdict(safety, name, "QuotaConflict", /not ours.*rename or delete/);
  const { spec, metadata } = await scene.get(scene.dr, "resourcequota", QUOTA, name);
  assert.deepEqual([spec, metadata.labels], [quota.spec, undefined]);
  await scene.dr.kubectl(["delete", "resourcequota", QUOTA, "-n", name]);
  await condition(safety, name, "StandbyQuiet", "True", "Quiet");
}

async function keptWhileStandby(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "kept";
  await standby(safety, name);
  await scene.dr.kubectl(["delete", "resourcequota", QUOTA, "-n", name]);
  await quotaOf(safety, name, { pods: "0" });
  const patch = '{"spec":{"hard":{"pods":"7"}}}';
  await scene.dr.kubectl(["patch", "resourcequota", QUOTA, "-n", name, "--type=merge", "-p", patch]);
  await quotaOf(safety, name, { pods: "0" });
  // As docs/guide/safety.md tells whoever activates a namespace by hand.
  const role = "dr-syncer.io/role=Active";
  await scene.dr.kubectl(["annotate", "--overwrite", "lease", "dr-syncer", "-n", name, role]);
  await scene.dr.kubectl(["delete", "resourcequota", QUOTA, "-n", name]);
  await condition(safety, name, "Ready", "False", "NotStandby");
  await condition(safety, name, "StandbyQuiet", "Unknown", "NotRunning");
  assert.equal(await createInDr(scene, pod(name, "bare")), "");
  assert.equal(await scene.get(scene.dr, "resourcequota", QUOTA, name), undefined);
}

async function idle(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "quota-idle";
  const own = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "team", namespace: name },
    spec: { hard: { pods: "10" } },
  };
  await standby(safety, name, [own]);
  const copy = await safety.dr.until("resourcequotas", name, "team", undefined, DEADLINE_MS);
  assert.deepEqual(copy.spec.hard, own.spec.hard);
  const { metadata } = await quotaOf(safety, name, { pods: "0" });
  for (const value of ["first", "second"]) {
    const sync = `dr-syncer.io/sync-now=${value}`;
    await scene.source.kubectl(["annotate", "repl", name, "-n", CONTROL, "--overwrite", sync]);
    await scene.until(
      scene.source,
      "repl",
      name,
      CONTROL,
      ({ status }) => status.lastManualSync === value,
      DEADLINE_MS,
    );
  }
  const after = await scene.get(scene.dr, "resourcequota", QUOTA, name);
  assert.equal(after.metadata.resourceVersion, metadata.resourceVersion);
  const lines = scene.controller.rawLines.filter((line) => line.includes(QUOTA) && line.includes(`/${name}"`));
  assert.equal(lines.length, 1, `written once, when it was created: ${lines.join("\n")}`);
}

async function missingPermission(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "may-not";
  const poor = scene.drs[1] ?? assert.fail("there is no second DR cluster");
  await restrict(poor);
  await scene.replicate(name, { destinationCluster: poor.name, resourceTypes: ["configmaps"] });
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "map", namespace: name } };
  await scene.apply([map]);
  using api = new Api(poor);
  await api.until("configmaps", name, "map", undefined, DEADLINE_MS);
  await verdict(safety, name, "Forbidden", /pods.*deploy\/dr-cluster/s);
  const authorized = await safety.source.until("remoteclusters", CONTROL, poor.name, (object) => {
    const found = conditionOf(object, "Authorized");
    return found?.status === "False" && /list, watch on pods, events/.test(found.message);
  }, DEADLINE_MS);
  assert.equal(authorized.status.health, "Degraded");
}

/** The role of a DR credential with every kind but Pods and Events. */
async function restrict(cluster: Cluster): Promise<void> {
  using view = new ClusterView(cluster);
  const { types } = await view.client.discover();
  const kinds = [...new Set(types.map(({ resource }) => resource))].filter((kind) => !/^(pods|events)$/.test(kind));
  const verbs = ["get", "list", "watch", "create", "patch", "delete"];
  const rules = [
    { apiGroups: ["*"], resources: kinds, verbs },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["update"] },
  ];
  await cluster.kubectl(["patch", "clusterrole", "dr-syncer-dr", "--type=merge", "-p", JSON.stringify({ rules })]);
}
