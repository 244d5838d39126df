/**
 * Ways in which a DR cluster refuses an object: each is told with a remedy, and heals without help when its cause is gone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import type { Printed, Scene } from "./scene.ts";

/** The control namespace. */
export const CONTROL = "dr-syncer-system";
/** An object that was refused is tried again by then, without anybody's help. */
const HEALED_DEADLINE_MS = 60_000;
/** Part of every value that nobody is to be told. */
export const CANARY = "canary-5f0e1d7c9b";

/** A ConfigMap. */
export function map(namespace: string, name: string, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...metadata }, data: { a: "1" } };
}

/** A Deployment with more in its pod template's spec, or in its container. */
export function deployment(namespace: string, name: string, podSpec: object = {}, container: object = {}): object {
  const labels = { app: name };
  const spec = { containers: [{ name: "main", image: "main", ...container }], ...podSpec };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

/** Waits until the status of a Replication is as wanted. */
export async function status(scene: Scene, name: string, condition: (status: Printed) => unknown): Promise<Printed> {
  const object = await scene.until(
    scene.source,
    "replication",
    name,
    CONTROL,
    (replication) => replication.status?.syncStats !== undefined && condition(replication.status),
    HEALED_DEADLINE_MS,
  );
  return object.status;
}

/** The failure of one object, once it is told. */
export async function failure(scene: Scene, replication: string, kind: string, name: string): Promise<Printed> {
  const find = ({ failures }: Printed) => failures?.find((one: Printed) => one.kind === kind && one.name === name);
  const found = find(await status(scene, replication, find));
  assert.ok(found.attempts >= 1);
  assert.ok(Date.parse(found.nextRetryTime) > 0);
  return found;
}

/** Waits until every object is in DR, and no failure is told any more. */
export async function healed(scene: Scene, replication: string, objects: number): Promise<void> {
  const done = await status(scene, replication, ({ syncStats }) => syncStats.successfulSyncs === objects);
  assert.deepEqual([done.syncStats.failedSyncs, done.syncStats.conflicts, done.failures], [0, 0, []]);
  await scene.condition(replication, "Synced", "True");
}

/** An object that is not ours has the name of a copy. */
export async function conflict(scene: Scene): Promise<void> {
  await scene.apply(
    [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "conflict" } }, map("conflict", "taken")],
    scene.dr,
  );
  const before = await scene.get(scene.dr, "configmap", "taken", "conflict");
  await scene.replicate("conflict");
  await scene.apply([map("conflict", "taken"), map("conflict", "free")]);
  const found = await failure(scene, "conflict", "ConfigMap", "taken");
  assert.equal(found.class, "Conflict");
  assert.match(found.message, /not ours.*delete or rename/);
  const { syncStats, conditions } = await status(scene, "conflict", ({ syncStats }) => syncStats.successfulSyncs === 1);
  assert.deepEqual([syncStats.totalResources, syncStats.conflicts, syncStats.failedSyncs], [2, 1, 0]);
  const { message } = conditions.find(({ type }: Printed) => type === "Conflict");
  assert.match(message, /configmaps\/taken/);
  await scene.condition("conflict", "Synced", "False", "Failures");
  assert.deepEqual(await scene.get(scene.dr, "configmap", "taken", "conflict"), before, "it is as it was");
  await scene.dr.kubectl(["delete", "configmap", "taken", "-n", "conflict"]);
  await healed(scene, "conflict", 2);
  await scene.condition("conflict", "Conflict", "False");
}

/** A quota of the DR namespace is used up. */
export async function quota(scene: Scene): Promise<void> {
  await scene.replicate("quota");
  await scene.condition("quota", "Synced", "True");
  const metadata = { name: "none", namespace: "quota" };
  const hard = { "count/configmaps": "0" };
  await scene.apply([{ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard } }], scene.dr);
  // As the quota controller notes it, which does not run here: first what is allowed, then what is there.
  const note = async (status: object) => {
    const args = ["patch", "resourcequota", "none", "-n", "quota", "--subresource=status", "--type=merge", "-p"];
    await scene.dr.kubectl([...args, JSON.stringify({ status })]);
  };
  const refuses = (words: RegExp) =>
    waitFor(`the quota to say ${words}`, async () => {
      const args = ["create", "configmap", "probe", "-n", "quota", "--dry-run=server"];
      return words.test((await scene.dr.kubectl(args, { allowFailure: true })).stderr);
    }, { deadlineMs: 30_000 });
  await note({ hard });
  await refuses(/status unknown for quota/);
  await scene.apply([map("quota", "first")]);
  assert.equal((await failure(scene, "quota", "ConfigMap", "first")).class, "Quota");
  await note({ hard, used: { "count/configmaps": "0" } });
  await refuses(/exceeded quota/);
  await scene.apply([map("quota", "second")]);
  const found = await failure(scene, "quota", "ConfigMap", "second");
  assert.equal(found.class, "Quota");
  assert.match(found.message, /exceeded quota: none.*raise the quota/);
  assert.equal((await status(scene, "quota", () => true)).syncStats.failedSyncs, 2);
  await scene.dr.kubectl(["delete", "resourcequota", "none", "-n", "quota"]);
  await healed(scene, "quota", 2);
}

/** A policy of the DR cluster that denies what has label `denied`. */
function denial(messageExpression: string): object[] {
  const group = "admissionregistration.k8s.io/v1";
  const rule = {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["configmaps", "secrets"],
  };
  const expression = "!has(object.metadata.labels) || !('denied' in object.metadata.labels)";
  return [
    {
      apiVersion: group,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "strict" },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression, messageExpression }],
      },
    },
    {
      apiVersion: group,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "strict" },
      spec: { policyName: "strict", validationActions: ["Deny"] },
    },
  ];
}

/** Applies a policy and waits until the API server honours it. */
export async function forbid(scene: Scene, messageExpression: string): Promise<void> {
  await scene.apply(denial(messageExpression), scene.dr);
  const probe = JSON.stringify(map("default", "probe", { labels: { denied: "yes" } }));
  await waitFor("the policy", async () => {
    const args = ["create", "--dry-run=server", "-f", "-"];
    return (await scene.dr.kubectl(args, { stdin: probe, allowFailure: true })).code !== 0;
  }, { deadlineMs: 30_000 });
}

/** Takes the policy away. */
export async function allow(scene: Scene): Promise<void> {
  await scene.dr.kubectl(["delete", "validatingadmissionpolicybinding/strict", "validatingadmissionpolicy/strict"]);
}

/** The DR cluster has rules of its own. */
export async function policy(scene: Scene): Promise<void> {
  await forbid(scene, "'this label is not welcome'");
  await scene.replicate("denied");
  await scene.apply([map("denied", "one", { labels: { denied: "yes" } }), map("denied", "two")]);
  await scene.until(scene.dr, "configmap", "two", "denied");
  const found = await failure(scene, "denied", "ConfigMap", "one");
  assert.equal(found.class, "Denied");
  assert.match(found.message, /'strict'.*this label is not welcome.*change the policy/);
  await scene.condition("denied", "Synced", "False", "Failures");
  await allow(scene);
  await healed(scene, "denied", 2);
}

/** A value that is allowed in newer versions only. */
export async function invalid(scene: Scene): Promise<void> {
  await scene.replicate("invalid");
  // Such names are allowed since 1.32.
  await scene.apply([
    deployment("invalid", "web", {}, { env: [{ name: "1 NAME", value: CANARY }] }),
    map("invalid", "one"),
  ]);
  const found = await failure(scene, "invalid", "Deployment", "web");
  assert.equal(found.class, "Invalid");
  assert.match(found.message, /env\[0\]\.name.*compare the versions/);
  await scene.until(scene.dr, "configmap", "one", "invalid");
  await scene.apply([deployment("invalid", "web", {}, { env: [{ name: "NAME", value: "1" }] })]);
  await healed(scene, "invalid", 2);
}

/** A field that newer versions alone have: the copy is without it, and says so. */
export async function unknownField(scene: Scene): Promise<void> {
  await scene.replicate("unknown");
  await scene.apply([deployment("unknown", "web", { resources: { requests: { cpu: "1" } } }), map("unknown", "one")]);
  await healed(scene, "unknown", 2);
  const { reports } = await status(scene, "unknown", ({ reports }) => reports?.length > 0);
  const [{ kind, name, reason, message }] = reports;
  assert.deepEqual([kind, name, reason], ["Deployment", "web", "FieldUnknown"]);
  assert.match(message, /\.spec\.template\.spec\.resources.*upgrade/);
  const copy = await scene.get(scene.dr, "deployment", "web", "unknown");
  assert.equal(copy.spec.template.spec.containers[0].image, "main");
  await scene.apply([deployment("unknown", "web")]);
  await status(scene, "unknown", ({ reports }) => reports.length === 0);
  await healed(scene, "unknown", 2);
}
