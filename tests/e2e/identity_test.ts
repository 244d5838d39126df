import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { connectDr, installDr } from "../rig/install.ts";
import { Api, conditionOf, configMaps, CONTROL } from "./api.ts";
import { boundToken, rotateUnderWrites } from "./rotation.ts";
import { type SafetyScene, startSafetyScene, together } from "./safety.ts";
import type { Printed } from "./scene.ts";

/** The scene, another cluster with the same installation, and a credential of each. */
interface Identities {
  readonly safety: SafetyScene;
  readonly other: Cluster;
  readonly eyes: Api;
  readonly drKubeconfig: string;
  readonly otherKubeconfig: string;
}

Deno.test("a DR cluster is used only with the identity that was pinned and a credential that suffices", async (t) => {
  const [safety, other] = await Promise.all([startSafetyScene(), startCluster({ name: "other" })]);
  await using _scene = safety;
  await using _other = other;
  using eyes = new Api(other);
  const credential = { namespace: CONTROL, serviceAccount: "dr-syncer-dr" };
  const { kubeconfig: otherKubeconfig } = await installDr(other, "dr-cluster/without-rbac-objects");
  const drKubeconfig = await safety.scene.dr.kubeconfigFor(credential);
  const identities = { safety, other, eyes, drKubeconfig, otherKubeconfig };
  await safety.mirror("beacon", ["first"]);
  await together(t, {
    "the Secret points at another cluster: nothing is written there; back again, it heals": () => moved(identities),
    "the approval of the hold accepts the other cluster": () => accepted(identities),
    "a kubeconfig that would run programs, read files or skip checks is refused by name": () => refused(identities),
    "no Secret, no key, no kubeconfig in it: the condition says which": () => missing(identities),
    "a credential without permissions: verbs, kinds and what to do": () => unauthorized(identities),
    "the role without RBAC objects suffices where none are mirrored": () => withoutRbacObjects(identities),
    "a token that replaces a revoked one is picked up": () => rotated(identities),
    "tokens rotate under a stream of writes: nothing is lost, listed anew or sent to another cluster": () =>
      rotateUnderWrites(safety, other),
  });
  assert.equal(safety.scene.controllers.length, 1, "one process all along");
});

async function moved({ safety, eyes, drKubeconfig, otherKubeconfig }: Identities): Promise<void> {
  const name = "id-moved";
  const { otherId, drId } = await pointElsewhere(safety, name, drKubeconfig, otherKubeconfig, eyes);
  const remote = await safety.source.get("remoteclusters", CONTROL, name);
  assert.equal(remote.status.clusterId, drId, "still the pinned one");
  const [hold] = remote.status.holds;
  assert.equal(hold.type, "IdentityChanged");
  assert.deepEqual(hold.sample, [otherId]);
  const reachable = conditionOf(remote, "Reachable");
  for (const text of [otherId, drId]) assert.ok(reachable.message.includes(text), reachable.message);
  await safety.source.condition("replications", name, {
    type: "Ready",
    status: "False",
    reason: "DestinationNotReady",
  });
  await safety.scene.apply(configMaps(name, ["late"]));
  await safety.mark("beacon", "after-moved");
  assert.equal(await eyes.namespace(name), undefined);
  assert.equal(await safety.dr.get("configmaps", name, "late"), undefined);
  await connectDr(safety.scene.source, name, drKubeconfig);
  await safety.dr.until("configmaps", name, "late");
  const back = await safety.source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  assert.equal(back.status.holds, undefined);
  await safety.source.condition("replications", name, { type: "Ready", status: "True" });
}

async function accepted({ safety, eyes, drKubeconfig, otherKubeconfig }: Identities): Promise<void> {
  const name = "id-accepted";
  const { otherId } = await pointElsewhere(safety, name, drKubeconfig, otherKubeconfig, eyes);
  const { status } = await safety.source.get("remoteclusters", CONTROL, name);
  const annotate = async (id: string) => {
    const args = ["annotate", "--overwrite", "remoteclusters.dr-syncer.io", name, "-n", CONTROL];
    await safety.scene.source.kubectl([...args, `dr-syncer.io/approve=${id}`]);
  };
  await annotate("0123456789");
  await safety.mark("beacon", "after-wrong-approval");
  assert.equal(await eyes.namespace(name), undefined);
  await annotate(status.holds[0].id);
  await eyes.until("configmaps", name, "a");
  const remote = await safety.source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  assert.equal(remote.status.clusterId, otherId);
  assert.equal(remote.status.holds, undefined);
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
}

/** Mirrors to DR through a RemoteCluster of its own, then lets its Secret point at the other cluster. */
async function pointElsewhere(
  safety: SafetyScene,
  name: string,
  drKubeconfig: string,
  otherKubeconfig: string,
  eyes: Api,
): Promise<{ otherId: string; drId: string }> {
  await connectDr(safety.scene.source, name, drKubeconfig);
  await safety.mirror(name, ["a"], { destinationCluster: name });
  await connectDr(safety.scene.source, name, otherKubeconfig);
  const changed = { type: "Reachable", status: "False" as const, reason: "IdentityChanged" };
  await safety.source.condition("remoteclusters", name, changed);
  const idOf = async (api: Api) => (await api.namespace("kube-system")).metadata.uid;
  return { otherId: await idOf(eyes), drId: await idOf(safety.dr) };
}

async function refused({ safety, drKubeconfig }: Identities): Promise<void> {
  const name = "id-refused";
  const cases = [
    { field: "users[0].user.exec", change: (text: string) => inUser(text, "exec", { command: "/bin/get-token" }) },
    { field: "users[0].user.tokenFile", change: (text: string) => inUser(text, "tokenFile", "/etc/hostname") },
    { field: "users[0].user.client-key", change: (text: string) => inUser(text, "client-key", "/etc/hostname") },
    { field: "users[0].user.auth-provider", change: (text: string) => inUser(text, "auth-provider", { name: "gcp" }) },
    {
      field: "clusters[0].cluster.certificate-authority",
      change: (text: string) => inCluster(text, "certificate-authority", "/etc/hostname"),
    },
    {
      field: "clusters[0].cluster.insecure-skip-tls-verify",
      change: (text: string) => inCluster(text, "insecure-skip-tls-verify", true),
    },
  ];
  for (const { field, change } of cases) {
    await connectDr(safety.scene.source, name, change(drKubeconfig));
    const remote = await safety.source.until("remoteclusters", CONTROL, name, (object) => {
      const valid = conditionOf(object, "KubeconfigValid");
      return valid?.status === "False" && valid.reason === "Refused" && valid.message.includes(`${field} `);
    });
    assert.equal(remote.status.health, "Unhealthy");
    assert.equal(conditionOf(remote, "Reachable").status, "Unknown");
    assert.doesNotMatch(JSON.stringify(remote.status), /hostname|get-token|gcp/, "values stay out of the status");
  }
  await connectDr(safety.scene.source, name, drKubeconfig);
  const healed = await safety.source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  assert.equal(conditionOf(healed, "KubeconfigValid").status, "True");
}

async function missing({ safety, drKubeconfig }: Identities): Promise<void> {
  const name = "id-missing";
  const valid = (reason: string) =>
    safety.source.condition("remoteclusters", name, { type: "KubeconfigValid", status: "False", reason });
  const secret = (key: string, text: string) =>
    safety.scene.apply([{
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "id-missing-kubeconfig", namespace: CONTROL },
      stringData: { [key]: text },
    }]);
  await connectDr(safety.scene.source, name, drKubeconfig);
  await safety.source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  await safety.scene.source.kubectl(["delete", "secret", "id-missing-kubeconfig", "-n", CONTROL]);
  const noSecret = conditionOf(await valid("SecretMissing"), "KubeconfigValid");
  for (const text of ["id-missing-kubeconfig", CONTROL, "create it"]) assert.ok(noSecret.message.includes(text));
  await secret("config", drKubeconfig);
  assert.match(conditionOf(await valid("KeyMissing"), "KubeconfigValid").message, /has no key kubeconfig/);
  await secret("kubeconfig", "{");
  await valid("Unreadable");
  await secret("kubeconfig", drKubeconfig);
  await safety.source.condition("remoteclusters", name, { type: "KubeconfigValid", status: "True" });
}

async function unauthorized({ safety }: Identities): Promise<void> {
  const name = "id-bare";
  const { dr, source } = safety.scene;
  await dr.kubectl(["create", "serviceaccount", "bare", "-n", CONTROL]);
  await connectDr(source, name, await dr.kubeconfigFor({ namespace: CONTROL, serviceAccount: "bare" }));
  const lacking = { type: "Authorized", status: "False" as const, reason: "PermissionsMissing" };
  const nothing = await safety.source.condition("remoteclusters", name, lacking);
  const all = conditionOf(nothing, "Authorized").message;
  assert.match(all, /get, list, watch, create, patch, delete on .*\bconfigmaps\b.* more kinds/);
  assert.match(all, /leases.coordination.k8s.io/);
  assert.match(all, /Apply deploy\/dr-cluster/);
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list", "watch"] }];
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: "bare-reads" } };
  await safety.scene.apply([{ ...rbac, kind: "ClusterRole", rules }], dr);
  const bind = (role: string) => {
    const args = ["create", "clusterrolebinding", `bare-${role}`, `--clusterrole=${role}`];
    return dr.kubectl([...args, `--serviceaccount=${CONTROL}:bare`]);
  };
  await bind("bare-reads");
  await safety.source.until("remoteclusters", CONTROL, name, (object) => {
    const { status, message } = conditionOf(object, "Authorized");
    const onlyWrites = /(; |: )create, patch, delete on .*configmaps/.test(message);
    return status === "False" && onlyWrites && object.status.health === "Degraded";
  });
  for (const role of ["dr-syncer-dr", "dr-syncer-dr-rbac-objects"]) await bind(role);
  const granted = { type: "Authorized", status: "True" as const };
  const healed = await safety.source.condition("remoteclusters", name, granted);
  assert.equal(healed.status.health, "Healthy");
}

async function withoutRbacObjects({ safety, eyes, otherKubeconfig }: Identities): Promise<void> {
  const name = "id-skip";
  await connectDr(safety.scene.source, name, otherKubeconfig);
  const mirror = async (namespace: string, spec: Record<string, unknown>) => {
    await safety.scene.replicate(namespace, { destinationCluster: name, ...spec });
    await safety.scene.apply(configMaps(namespace, ["a"]));
    await eyes.until("configmaps", namespace, "a");
  };
  await mirror(name, { rbacObjects: "Skip" });
  const healthy = (object: Printed) =>
    conditionOf(object, "Authorized")?.status === "True" && object.status.health === "Healthy";
  await safety.source.until("remoteclusters", CONTROL, name, healthy);
  await mirror(`${name}-not`, {});
  const lacking = { type: "Authorized", status: "False" as const, reason: "PermissionsMissing" };
  const remote = await safety.source.condition("remoteclusters", name, lacking);
  assert.match(
    conditionOf(remote, "Authorized").message,
    /lacks: escalate, bind on roles\.rbac\.authorization\.k8s\.io\. /,
  );
  await safety.scene.source.kubectl(["delete", "replications.dr-syncer.io", `${name}-not`, "-n", CONTROL]);
  await safety.source.until("remoteclusters", CONTROL, name, healthy);
}

async function rotated({ safety }: Identities): Promise<void> {
  const name = "id-rotated";
  const { dr, source } = safety.scene;
  const first = await boundToken(dr, "dr-syncer-dr", "first-token");
  await connectDr(source, name, first.kubeconfig);
  await safety.mirror(name, ["a"], { destinationCluster: name });
  await first.revoke();
  const revoked = { type: "Reachable", status: "False" as const, reason: "Unauthorized" };
  await safety.source.condition("remoteclusters", name, revoked);
  await safety.scene.apply(configMaps(name, ["late"]));
  await connectDr(source, name, (await boundToken(dr, "dr-syncer-dr", "second-token")).kubeconfig);
  await safety.dr.until("configmaps", name, "late");
  await safety.source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  await safety.source.condition("replications", name, { type: "Synced", status: "True" });
}

function inUser(kubeconfig: string, field: string, value: unknown): string {
  return changed(kubeconfig, (config) => config.users[0].user[field] = value);
}

function inCluster(kubeconfig: string, field: string, value: unknown): string {
  return changed(kubeconfig, (config) => config.clusters[0].cluster[field] = value);
}

function changed(kubeconfig: string, change: (config: Printed) => void): string {
  const config = parse(kubeconfig);
  change(config);
  return stringify(config);
}
