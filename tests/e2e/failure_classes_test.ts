/**
 * Reasons of a DR cluster not to take an object that only its owner can clear: each is told with a remedy, holds up nothing else, and
 * when it is gone the object arrives, without a restart.
 *
 * @module
 */
import assert from "node:assert/strict";
import { WIDGETS_DEFINITION } from "../bench/objects.ts";
import { installDr } from "../rig/install.ts";
import { DENIED, startDenying } from "./denying_webhook.ts";
import { CONTROL, failure, healed, map, status } from "./refusals.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

/** Attempts at what is forbidden become rare. */
const REMADE_DEADLINE_MS = 90_000;

Deno.test("what only the owner of a DR cluster can clear", async (t) => {
  await using scene = await startScene({ dr: { controllerManager: true } });
  await t.step("an admission webhook denies", () => webhook(scene));
  await t.step("a kind that is not served", () => kind(scene));
  await t.step("a kind that the credential may not write", () => permission(scene));
  await t.step("a namespace that ends, and is gone", () => namespace(scene));
});

async function webhook(scene: Scene): Promise<void> {
  await scene.replicate("hooked");
  await scene.condition("hooked", "Synced", "True");
  const denying = await startDenying(scene.dr, ["hooked"]);
  await scene.apply([map("hooked", "one", { labels: { denied: "409" } }), map("hooked", "two")]);
  await scene.until(scene.dr, "configmap", "two", "hooked");
  const found = await failure(scene, "hooked", "ConfigMap", "one");
  assert.equal(found.class, "Denied");
  assert.match(found.message, new RegExp(`"denies\\.example\\.com".*${DENIED}.*change the policy`));
  await denying[Symbol.asyncDispose]();
  await healed(scene, "hooked", 2);
}

async function kind(scene: Scene): Promise<void> {
  await scene.apply([WIDGETS_DEFINITION]);
  const { name } = WIDGETS_DEFINITION.metadata;
  await scene.source.kubectl(["wait", "--for=condition=Established", `crd/${name}`]);
  await scene.replicate("widgets", { crds: "Never" });
  const widget = {
    apiVersion: "bench.example.com/v1",
    kind: "Widget",
    metadata: { name: "one", namespace: "widgets" },
  };
  await scene.apply([widget, map("widgets", "two")]);
  const found = await failure(scene, "widgets", "Widget", "one");
  assert.equal(found.class, "KindMissing");
  assert.match(found.message, /install the kind's CRD/);
  await scene.condition("widgets", "DependenciesMissing", "True", "KindMissing");
  await scene.until(scene.dr, "configmap", "two", "widgets");
  await scene.apply([WIDGETS_DEFINITION], scene.dr);
  await healed(scene, "widgets", 2);
  await scene.condition("widgets", "DependenciesMissing", "False");
}

/** Groups that the credential may write, but for one. */
const OTHER_GROUPS = ["", "apps", "apiextensions.k8s.io", "coordination.k8s.io", "networking.k8s.io"];

async function permission(scene: Scene): Promise<void> {
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "one", namespace: "forbidden" },
    spec: {
      schedule: "0 0 1 1 *",
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "a" }] } } },
      },
    },
  };
  const rules = [
    { apiGroups: ["*"], resources: ["*"], verbs: ["get", "list", "watch"] },
    { apiGroups: OTHER_GROUPS, resources: ["*"], verbs: ["create", "patch", "delete", "update"] },
  ];
  const args = ["patch", "clusterrole", "dr-syncer-dr", "--type=merge", "-p", JSON.stringify({ rules })];
  await scene.dr.kubectl(args);
  await scene.replicate("forbidden");
  await scene.apply([cronJob, map("forbidden", "two")]);
  const found = await failure(scene, "forbidden", "CronJob", "one");
  assert.equal(found.class, "Forbidden");
  assert.match(found.message, /cannot create resource "cronjobs" in API group "batch".*grant the DR credential/);
  await scene.until(scene.dr, "configmap", "two", "forbidden");
  const lacks = ({ status }: Printed) =>
    status?.conditions?.some(({ type, status }: Printed) => type === "Authorized" && status === "False");
  await scene.until(scene.source, "remotecluster", "dr", CONTROL, lacks, REMADE_DEADLINE_MS);
  await installDr(scene.dr);
  await healed(scene, "forbidden", 2);
}

/** Somebody deletes the DR namespace, and something in it takes its time. */
async function namespace(scene: Scene): Promise<void> {
  await scene.replicate("ending");
  await scene.apply([map("ending", "one")]);
  await scene.until(scene.dr, "configmap", "one", "ending");
  const before = await scene.get(scene.dr, "namespace", "ending");
  await scene.apply([map("ending", "holds", { finalizers: ["example.com/holds"] })], scene.dr);
  await scene.dr.kubectl(["delete", "namespace", "ending", "--wait=false"]);
  await scene.condition("ending", "Ready", "False", "NamespaceTerminating", REMADE_DEADLINE_MS);
  // Others go on meanwhile.
  await scene.apply([map("hooked", "three")]);
  await scene.until(scene.dr, "configmap", "three", "hooked");
  await scene.dr.kubectl(["patch", "configmap", "holds", "-n", "ending", "--type=merge", "-p", NO_FINALIZERS]);
  const isNew = ({ metadata }: Printed) => metadata.uid !== before.metadata.uid;
  await scene.until(scene.dr, "namespace", "ending", "", isNew, REMADE_DEADLINE_MS);
  await scene.until(scene.dr, "configmap", "one", "ending", undefined, REMADE_DEADLINE_MS);
  await scene.condition("ending", "Ready", "True");
  await status(scene, "ending", ({ syncStats }) => syncStats.successfulSyncs === 1);
}

const NO_FINALIZERS = JSON.stringify({ metadata: { finalizers: null } });
