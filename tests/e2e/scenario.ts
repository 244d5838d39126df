/**
 * One scenario for every way in which a change can be noticed: whatever rings, source and standby end up equal.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "./compare.ts";
import type { Printed, Scene } from "./scene.ts";
import { CONFIG_MAPS, connect } from "./webhook_scene.ts";

/** How the scenario runs. */
export interface ScenarioOptions {
  readonly namespace: string;
  /** Longest time until source and standby are equal after a step, in milliseconds. */
  readonly deadlineMs: number;
}

/** Deletes are carried out at once, however many. */
export const DELETE_FREELY = { grace: "0s", budget: { count: 1000, percent: 100, window: "1m" } };

const PATCHES = 20;
const PATCHED_MAP = "patched";

/**
 * Runs every step; each ends when source and standby are equal object by object. Answers when DR was written to as twenty patches
 * were made, in milliseconds.
 */
export async function runScenario(scene: Scene, options: ScenarioOptions): Promise<readonly number[]> {
  const { namespace } = options;
  await scene.replicate(namespace, { deletion: DELETE_FREELY });
  await scene.condition(namespace, "Synced", "True");
  const step = async (name: string, act: () => Promise<unknown>) => {
    await act();
    await untilEqual(scene.source, scene.dr, namespace, options.deadlineMs, `after ${name}`);
  };
  const kubectl = (...args: string[]) => scene.source.kubectl([...args, "-n", namespace]);
  await step("creates", () => scene.apply(application(namespace)));
  await step("updates", () => change(scene, namespace));
  await step("kubectl scale", async () => {
    await kubectl("scale", "deployment/web", "--replicas=5");
    await standbyKeepsReplicas(scene, options, "5");
  });
  const before = writesOfPatched(scene, namespace).length;
  await step("20 parallel patches", () => patchInParallel(scene, namespace));
  const patchedAtMs = writesOfPatched(scene, namespace).slice(before);
  await step("removal of a finalizer", () => removeFinalizer(scene, namespace));
  await step("a garbage-collection cascade", () => collectGarbage(scene, options));
  await step("DELETECOLLECTION", () => kubectl("delete", "--raw", `${secretsPath(namespace)}?labelSelector=set%3Da`));
  await step("kubectl delete --all", () => kubectl("delete", "configmaps", "--all"));
  assert.deepEqual(await namesOf(scene, "secrets", namespace), ["kept"], "the collection, and no more, is gone");
  assert.deepEqual(await namesOf(scene, "configmaps", namespace), [], "every ConfigMap is gone");
  return patchedAtMs;
}

/** A controller for one step of a test; ends orderly whatever the step does. */
export async function runController(scene: Scene, flags: readonly string[]): Promise<AsyncDisposable> {
  const controller = await scene.startController(flags);
  const stop = async () => assert.equal((await controller.stop()).code, 0, "the controller ends orderly");
  return { [Symbol.asyncDispose]: stop };
}

function writesOfPatched({ controller }: Scene, namespace: string): number[] {
  const writes = controller.lines.filter(({ logger, properties: { kind, name, namespace: into } }) =>
    logger.endsWith("audit") && kind === "configmaps" && name === PATCHED_MAP && into === namespace
  );
  return writes.map((line) => Date.parse(line["@timestamp"]));
}

async function namesOf(scene: Scene, kind: string, namespace: string): Promise<string[]> {
  const names = (await scene.list(scene.dr, kind, namespace)).map((object) => object.metadata.name);
  return names.filter((name) => name !== "kube-root-ca.crt");
}

async function standbyKeepsReplicas(scene: Scene, { namespace, deadlineMs }: ScenarioOptions, replicas: string) {
  const keeps = ({ metadata, spec }: Printed) =>
    spec.replicas === 0 && metadata.annotations["dr-syncer.io/original-replicas"] === replicas;
  await scene.until(scene.dr, "deployment", "web", namespace, keeps, deadlineMs);
}

async function change(scene: Scene, namespace: string): Promise<void> {
  const kubectl = (...args: string[]) => scene.source.kubectl([...args, "-n", namespace]);
  const merge = (target: string, patch: object) =>
    kubectl("patch", ...target.split(" "), "--type=merge", "-p", JSON.stringify(patch));
  await merge("configmap map-0", { data: { a: null, added: "yes" } });
  await merge("secret kept", { stringData: { password: "changed" } });
  await merge("service web", { spec: { ports: [{ name: "https", port: 443 }] } });
  await merge("cronjob nightly", { spec: { schedule: "5 4 * * *" } });
  await merge("role reader", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] });
  await kubectl("set", "image", "deployment/web", "web=example.com/web:2");
  await kubectl("label", "configmap", "map-1", "tier=front");
  await kubectl("annotate", "serviceaccount", "web", "note=changed");
}

/** As the API server takes them: every one is stored, in some order. */
async function patchInParallel(scene: Scene, namespace: string): Promise<void> {
  const client = connect(scene.source.kubeconfig);
  try {
    const ref = { namespace, name: PATCHED_MAP };
    await client.get(CONFIG_MAPS, ref); // the connection is open before the race begins
    await Promise.all(
      Array.from(
        { length: PATCHES },
        (_, index) => client.patch(CONFIG_MAPS, ref, { type: "merge", body: { data: { [`key-${index}`]: "set" } } }),
      ),
    );
    const { data } = await client.get(CONFIG_MAPS, ref);
    assert.equal(Object.keys(data as object).length, PATCHES + 1, "the source took every patch");
  } finally {
    client.close();
  }
}

/** The object goes with its last finalizer: an update in the eyes of admission, a deletion in those of a watch. */
async function removeFinalizer(scene: Scene, namespace: string): Promise<void> {
  const kubectl = (...args: string[]) => scene.source.kubectl([...args, "-n", namespace]);
  await kubectl("delete", "configmap", "finalized", "--wait=false");
  const held = await scene.get(scene.source, "configmap", "finalized", namespace);
  assert.ok(held.metadata.deletionTimestamp, "its finalizer holds the source object");
  assert.ok(await scene.get(scene.dr, "configmap", "finalized", namespace), "what is being deleted still has its copy");
  await kubectl("patch", "configmap", "finalized", "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
  assert.equal(await scene.get(scene.source, "configmap", "finalized", namespace), undefined);
}

async function collectGarbage(scene: Scene, { namespace, deadlineMs }: ScenarioOptions): Promise<void> {
  const owner = await scene.get(scene.source, "configmap", "owner", namespace);
  const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid }];
  const dependents = ["one", "two", "three"].map((name) => map(namespace, `owned-${name}`, { ownerReferences }));
  await scene.apply([...dependents, secret(namespace, "owned-secret", {}, { ownerReferences })]);
  await untilEqual(scene.source, scene.dr, namespace, deadlineMs, "before the cascade");
  await scene.source.kubectl(["delete", "configmap", "owner", "-n", namespace, "--cascade=background"]);
  // kube-controller-manager does the rest.
  await scene.untilGone(scene.source, "secret", "owned-secret", namespace, 40_000);
  for (const name of ["one", "two", "three"]) {
    await scene.untilGone(scene.source, "configmap", `owned-${name}`, namespace, 40_000);
  }
}

function secretsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

function map(namespace: string, name: string, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name, namespace }, data: { a: "1" } };
}

function secret(namespace: string, name: string, labels: Record<string, string>, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { ...metadata, name, namespace, labels },
    stringData: { password: "first" },
  };
}

function application(namespace: string): object[] {
  const metadata = (name: string) => ({ name, namespace, labels: { app: "web" } });
  const template = {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "web", image: "example.com/web:1" }], restartPolicy: "Always" },
  };
  const job = { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } };
  return [
    ...Array.from({ length: 5 }, (_, index) => map(namespace, `map-${index}`)),
    ...[PATCHED_MAP, "owner"].map((name) => map(namespace, name)),
    map(namespace, "finalized", { finalizers: ["example.com/hold"] }),
    ...["a-1", "a-2", "a-3"].map((name) => secret(namespace, name, { set: "a" })),
    secret(namespace, "kept", { set: "b" }),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("web") },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata("web"),
      spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata("web"),
      spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template },
    },
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: metadata("nightly"),
      spec: { schedule: "0 3 * * *", jobTemplate: job },
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: metadata("reader"),
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }],
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: metadata("web"),
      spec: { rules: [{ host: "web.example.com", http: { paths: [path()] } }] },
    },
  ];
}

function path(): object {
  return { path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } };
}
