/**
 * The admission server as API servers meet it, on the newest and the oldest supported version.
 *
 * @module
 */
import assert from "node:assert/strict";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import { isKubeError, KubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { Admission } from "../../webhook/admission.ts";
import { CERTIFICATE_SECRET, ensureCertificates } from "../../webhook/certs.ts";
import { OBSERVE_CONFIGURATION, VALIDATE_CONFIGURATION } from "../../webhook/configuration.ts";
import { ensureConfigurations, removeConfiguration } from "../../webhook/configurations.ts";
import type { Hint } from "../../webhook/review.ts";
import { waitFor } from "../wait.ts";
import {
  CERTIFICATE_OPTIONS,
  CONFIG_MAPS,
  configMap,
  connect,
  CONTROL,
  deployment,
  DEPLOYMENTS,
  LEASES,
  OBSERVED,
  OTHER,
  replication,
  type Scene,
  SECRETS,
  startScene,
  WEBHOOKS,
} from "./webhook_scene.ts";

for (const version of ["1.36", "1.30"]) {
  Deno.test(`webhooks on an API server ${version}`, async (t) => {
    await using scene = await startScene(version);
    await t.step("configurations that are right are not written again", () => keepsConfigurations(scene));
    await t.step("a Replication that can never be right is denied, with field, value and remedy", () => denies(scene));
    await t.step("a Replication whose cluster is missing is let in with a warning", () => warns(scene));
    await t.step("every way to change an object gives a hint with its key", () => hintsOfEveryWrite(scene));
    await t.step("a DELETECOLLECTION and a generated name give hints with names", () => hintsWithNames(scene));
    await t.step("what need not be seen gives no hint", () => hearsNoNoise(scene));
    await t.step("what we write ourselves gives no hint", () => hearsNoEcho(scene));
    await t.step("an object of 900 kB gives a hint", () => hearsLargeObjects(scene));
    await t.step("a Replication can be paused, and its finalizer removed, while nobody serves", () => pauses(scene));
    await t.step("the permissions of the reference suffice for certificates and configurations", () => permits(scene));
    await t.step("no namespace to observe: no configuration; removed configurations are gone", () => removes(scene));
  });
}

async function keepsConfigurations({ client, options }: Scene): Promise<void> {
  const again = await ensureConfigurations(client, options());
  assert.deepEqual(again, { [VALIDATE_CONFIGURATION]: "unchanged", [OBSERVE_CONFIGURATION]: "unchanged" });
  await client.patch(WEBHOOKS, { name: OBSERVE_CONFIGURATION }, {
    type: "json",
    body: [{ op: "replace", path: "/webhooks/0/timeoutSeconds", value: 30 }],
  });
  const repaired = await ensureConfigurations(client, options());
  assert.deepEqual(repaired, { [VALIDATE_CONFIGURATION]: "unchanged", [OBSERVE_CONFIGURATION]: "applied" });
  const [webhook] = (await client.get(WEBHOOKS, { name: OBSERVE_CONFIGURATION })).webhooks as KubeObject[];
  assert.equal(webhook?.timeoutSeconds, 1);
}

async function denies({ client }: Scene): Promise<void> {
  const wrong = replication("wrong", { replicationMode: "Scheduled", schedule: "0 0 30 2 *" });
  await assert.rejects(client.create(REPLICATIONS, wrong), (error) => {
    assert.ok(isKubeError(error, "Forbidden"), String(error));
    const message = (error as KubeError).status?.message ?? "";
    assert.match(
      message,
      /"dr-syncer-validate\.dr-syncer\.io" denied the request: spec\.schedule: "0 0 30 2 \*": .+; .+/,
    );
    return true;
  });
  const foreign = { ...replication("foreign"), metadata: { name: "foreign", namespace: OTHER } };
  await assert.rejects(client.create(REPLICATIONS, foreign), /metadata\.namespace: "garden": .*control namespace/);
}

async function warns({ cluster }: Scene): Promise<void> {
  const { stderr } = await cluster.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify(replication("early")) });
  assert.match(stderr, /Warning: spec\.destinationCluster: "dr": there is no RemoteCluster/);
}

async function hintsOfEveryWrite(scene: Scene): Promise<void> {
  const { client, cluster } = scene;
  const ref = { namespace: OBSERVED, name: "web" };
  const apps = { group: "apps", version: "v1", resource: "deployments", namespace: OBSERVED, name: "web" };
  await expectHint(scene, { ...apps, operation: "CREATE", subresource: "" }, async () => {
    await client.create(DEPLOYMENTS, deployment("web", 2));
  });
  await expectHint(scene, { ...apps, operation: "UPDATE", subresource: "" }, async () => {
    await client.patch(DEPLOYMENTS, ref, { type: "merge", body: { metadata: { labels: { tier: "front" } } } });
  });
  await expectHint(scene, { ...apps, operation: "UPDATE", subresource: "scale" }, async () => {
    await cluster.kubectl(["scale", "deployment/web", `--namespace=${OBSERVED}`, "--replicas=3"]);
  });
  await expectHint(scene, { ...apps, operation: "DELETE", subresource: "" }, async () => {
    await client.delete(DEPLOYMENTS, ref);
  });
}

async function hintsWithNames(scene: Scene): Promise<void> {
  const { client } = scene;
  for (const name of ["one", "two"]) {
    await client.create(CONFIG_MAPS, {
      ...configMap(OBSERVED, name),
      metadata: { name, namespace: OBSERVED, labels: { set: "pair" } },
    });
  }
  const maps = { group: "", resource: "configmaps", namespace: OBSERVED };
  await expectHint(scene, { ...maps, operation: "DELETE", name: "two" }, async () => {
    await client.json("DELETE", `/api/v1/namespaces/${OBSERVED}/configmaps?labelSelector=set%3Dpair`);
  });
  const generated = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-", namespace: OBSERVED } };
  scene.hints.length = 0;
  const made = await client.json("POST", `/api/v1/namespaces/${OBSERVED}/configmaps`, generated) as KubeObject;
  await awaitHint(scene, { ...maps, operation: "CREATE", name: made.metadata.name });
}

/** Writes that must not be heard, then one that must: hints keep their order. */
async function hearsNoNoise(scene: Scene): Promise<void> {
  const { client, cluster, admission } = scene;
  const before = await observedBy(admission);
  scene.hints.length = 0;
  await client.create(CONFIG_MAPS, configMap(OBSERVED, "dry"), { dryRun: true });
  await client.create(CONFIG_MAPS, configMap(OTHER, "elsewhere"));
  await client.create(LEASES, lease());
  await cluster.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(event()) });
  await cluster.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(pod()) });
  await client.create(CONFIG_MAPS, configMap(OBSERVED, "loud"));
  await awaitHint(scene, { name: "loud" });
  assert.deepEqual(scene.hints.map((hint) => `${hint.resource}/${hint.name}`), ["configmaps/loud"]);
  assert.equal(await observedBy(admission) - before, 1, "the API server did not even ask");
}

async function observedBy(admission: Admission): Promise<number> {
  assert.ok(await admission.ping(5_000));
  return admission.stats().observed;
}

async function hearsNoEcho(scene: Scene): Promise<void> {
  const { client, options } = scene;
  const userName = await whoAmI(scene);
  await ensureConfigurations(client, options({ ownUserNames: [userName] }));
  let attempt = 0;
  await waitFor("a write of our own that gives no hint", async () => {
    scene.hints.length = 0;
    await client.create(CONFIG_MAPS, configMap(OBSERVED, `own-${attempt++}`));
    await scene.admission.ping(5_000); // hints come before the answer to a later question
    return scene.hints.length === 0;
  }, { deadlineMs: 20_000 });
  await ensureConfigurations(client, options());
  await waitFor("a write that gives a hint again", async () => {
    await client.create(CONFIG_MAPS, configMap(OBSERVED, `own-${attempt++}`));
    return scene.hints.length > 0;
  }, { deadlineMs: 20_000 });
}

async function hearsLargeObjects(scene: Scene): Promise<void> {
  const big = configMap(OBSERVED, "big", { blob: 'é"\\'.repeat(150_000) });
  await expectHint(scene, { name: "big", operation: "CREATE" }, async () => {
    await scene.client.create(CONFIG_MAPS, big);
  });
  await expectHint(scene, { name: "big", operation: "UPDATE" }, async () => {
    await scene.client.patch(CONFIG_MAPS, { namespace: OBSERVED, name: "big" }, {
      type: "merge",
      body: { metadata: { labels: { size: "big" } } },
    });
  });
}

async function pauses({ client, options }: Scene): Promise<void> {
  const ref = { namespace: CONTROL, name: "paused" };
  await client.create(REPLICATIONS, {
    ...replication("paused"),
    metadata: { ...ref, finalizers: ["dr-syncer.io/test"] },
  });
  await ensureConfigurations(client, options({ validate: { url: "https://127.0.0.1:1" } }));
  await waitFor("a changed spec to be refused as nobody serves", async () => {
    const change = { spec: { deletion: { policy: "Retain" } } };
    return await client.patch(REPLICATIONS, ref, { type: "merge", body: change }, { dryRun: true })
      .then(() => false, (error) => /failed calling webhook/.test(String(error.message)));
  }, { deadlineMs: 20_000 });
  await client.patch(REPLICATIONS, ref, { type: "merge", body: { spec: { paused: true } } });
  await client.patch(REPLICATIONS, ref, {
    type: "merge",
    body: { metadata: { annotations: { "dr-syncer.io/sync-now": "1" } } },
  });
  await client.delete(REPLICATIONS, ref);
  await client.patch(REPLICATIONS, ref, { type: "merge", body: { metadata: { finalizers: null } } });
  await assert.rejects(client.get(REPLICATIONS, ref), (error) => isKubeError(error, "NotFound"));
  await ensureConfigurations(client, options());
}

/** What webhook/ needs in the controller's own cluster. */
const CLUSTER_RULES = [
  { apiGroups: ["admissionregistration.k8s.io"], resources: ["validatingwebhookconfigurations"], verbs: ["create"] },
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations"],
    resourceNames: [VALIDATE_CONFIGURATION, OBSERVE_CONFIGURATION],
    verbs: ["get", "patch", "delete"],
  },
];
const NAMESPACE_RULES = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: [CERTIFICATE_SECRET], verbs: ["get", "update"] },
];

async function permits({ client, cluster, options }: Scene): Promise<void> {
  const rbac = "rbac.authorization.k8s.io/v1";
  const metadata = { name: "hook", namespace: CONTROL };
  const subjects = [{ kind: "ServiceAccount", ...metadata }];
  const bind = (kind: string) => ({ roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: "hook" }, subjects });
  const items = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: rbac, kind: "ClusterRole", metadata, rules: CLUSTER_RULES },
    { apiVersion: rbac, kind: "ClusterRoleBinding", metadata, ...bind("ClusterRole") },
    { apiVersion: rbac, kind: "Role", metadata, rules: NAMESPACE_RULES },
    { apiVersion: rbac, kind: "RoleBinding", metadata, ...bind("Role") },
  ];
  await cluster.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items }) });
  await client.delete(SECRETS, { namespace: CONTROL, name: CERTIFICATE_SECRET });
  await removeConfiguration(client, OBSERVE_CONFIGURATION);
  const restricted = connect(await cluster.kubeconfigFor({ namespace: CONTROL, serviceAccount: "hook" }));
  try {
    await waitFor("the new permissions", () => ensureCertificates(restricted, CERTIFICATE_OPTIONS), {
      deadlineMs: 10_000,
    });
    const leafDue = { ...CERTIFICATE_OPTIONS, hosts: ["another.host"] };
    assert.notEqual(await ensureCertificates(restricted, leafDue), undefined);
    const outcome = await ensureConfigurations(restricted, options());
    assert.equal(outcome[OBSERVE_CONFIGURATION], "applied");
    assert.equal(await removeConfiguration(restricted, OBSERVE_CONFIGURATION), true);
    await ensureConfigurations(restricted, options());
  } finally {
    restricted.close();
  }
}

async function removes({ client, options }: Scene): Promise<void> {
  const outcome = await ensureConfigurations(client, options({ namespaces: [] }));
  assert.deepEqual(outcome, { [VALIDATE_CONFIGURATION]: "unchanged", [OBSERVE_CONFIGURATION]: "removed" });
  assert.equal(await removeConfiguration(client, VALIDATE_CONFIGURATION), true);
  assert.equal(await removeConfiguration(client, VALIDATE_CONFIGURATION), false);
}

async function expectHint(scene: Scene, wanted: Partial<Hint>, write: () => Promise<void>): Promise<void> {
  scene.hints.length = 0;
  await write();
  await awaitHint(scene, wanted);
}

async function awaitHint({ hints, lines }: Scene, wanted: Partial<Hint>): Promise<void> {
  const fits = (hint: Hint) => Object.entries(wanted).every(([key, value]) => hint[key as keyof Hint] === value);
  await waitFor(`a hint like ${JSON.stringify(wanted)}`, () => hints.some(fits), {
    deadlineMs: 5_000,
    pollMs: 5,
    describe: () => JSON.stringify({ hints, lines }),
  });
}

async function whoAmI({ client }: Scene): Promise<string> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const answer = await client.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
  return (answer as { status: { userInfo: { username: string } } }).status.userInfo.username;
}

function lease(): KubeObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "leader", namespace: OBSERVED },
    spec: {},
  };
}

function event(): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "something", namespace: OBSERVED },
    involvedObject: { namespace: OBSERVED, kind: "ConfigMap", name: "dry" },
  };
}

function pod(): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "bare", namespace: OBSERVED },
    spec: { automountServiceAccountToken: false, containers: [{ name: "app", image: "example.org/app:1" }] },
  };
}
