/**
 * What is different in DR, as the spec says: images, storage classes, access modes, hosts, overrides.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Cluster } from "../rig/cluster.ts";
import { Api, CONTROL } from "./api.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const NAMESPACE = "adapt";
const DEADLINE_MS = 60_000;

interface Stage {
  readonly scene: Scene;
  readonly source: Api;
}

Deno.test("copies differ from their sources as the spec says", async (t) => {
  await using scene = await startScene();
  using source = new Api(scene.source);
  const stage: Stage = { scene, source };
  await t.step("images, classes, access modes and hosts are mapped", () => mapped(stage));
  await t.step("a rule that matches nothing is told, until something matches it", () => unusedIsTold(stage));
  await t.step("a mapping that changes is carried out; what cannot change stays and is told", () => changed(stage));
  await t.step("a claim's request grows once it is bound, and never shrinks", () => claimsGrow(stage));
  await t.step("overrides change what they match", () => overridden(stage));
  await t.step("an override that does not fit is told, and its object is left as it was", () => misfit(stage));
  await t.step("an override of what makes a copy provable is denied", () => denied(stage));
  await t.step("a full pass writes none of them again", () => quiet(stage));
});

function podSpec(more: object = {}): object {
  return {
    containers: [{ name: "main", image: "registry.example.com/shop/web:1.2@sha256:" + "0".repeat(64) }],
    ...more,
  };
}

function objects(): object[] {
  const metadata = (name: string, labels: Record<string, string> = {}) => ({ name, namespace: NAMESPACE, labels });
  const template = {
    metadata: { labels: { app: "web" } },
    spec: podSpec({ initContainers: [{ name: "i", image: "busybox" }] }),
  };
  const claim = (storageClassName: string) => ({
    accessModes: ["ReadWriteMany"],
    storageClassName,
    resources: { requests: { storage: "1Gi" } },
  });
  const selector = { matchLabels: { app: "web" } };
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata: metadata("web"), spec: { selector, template } },
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: metadata("nightly"),
      spec: {
        schedule: "0 3 * * *",
        jobTemplate: { spec: { template: { spec: podSpec({ restartPolicy: "Never" }) } } },
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata("db"),
      spec: {
        selector,
        serviceName: "db",
        template,
        volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim("fast") }],
      },
    },
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: metadata("files"), spec: claim("fast") },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: metadata("chosen", { "dr-syncer.io/storage-class": "archive" }),
      spec: claim("fast"),
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: metadata("web"),
      spec: {
        rules: [{ host: "shop.example.com" }],
        tls: [{ hosts: ["shop.example.com"] }],
        defaultBackend: { service: { name: "web", port: { number: 80 } } },
      },
    },
  ];
}

async function mapped({ scene }: Stage): Promise<void> {
  await scene.replicate(NAMESPACE, {
    imageRewrites: [
      { from: "registry.example.com", to: "mirror.example.org" },
      { from: "docker.io", to: "mirror.example.org/hub" },
    ],
    storageClassMappings: [{ from: "*", to: "standard" }, { from: "fast", to: "premium" }],
    accessModeMappings: [{ from: "ReadWriteMany", to: "ReadWriteOnce" }],
    ingressHostMappings: [{ from: "*.example.com", to: "*.dr.example.com" }],
  });
  await scene.apply(objects());
  const copy = (kind: string, name: string) => scene.until(scene.dr, kind, name, NAMESPACE, undefined, DEADLINE_MS);
  const image = `mirror.example.org/shop/web:1.2@sha256:${"0".repeat(64)}`;
  const deployment = await copy("deployment", "web");
  assert.equal(deployment.spec.template.spec.containers[0].image, image);
  assert.equal(deployment.spec.template.spec.initContainers[0].image, "mirror.example.org/hub/library/busybox");
  const cronJob = await copy("cronjob", "nightly");
  assert.equal(cronJob.spec.jobTemplate.spec.template.spec.containers[0].image, image);
  const { spec: { volumeClaimTemplates: [template] } } = await copy("statefulset", "db");
  assert.deepEqual([template.spec.storageClassName, template.spec.accessModes], ["premium", ["ReadWriteOnce"]]);
  const claim = await copy("pvc", "files");
  assert.deepEqual([claim.spec.storageClassName, claim.spec.accessModes], ["premium", ["ReadWriteOnce"]]);
  assert.equal((await copy("pvc", "chosen")).spec.storageClassName, "archive");
  const ingress = await copy("ingress", "web");
  assert.equal(ingress.spec.rules[0].host, "shop.dr.example.com");
  assert.deepEqual(ingress.spec.tls[0].hosts, ["shop.dr.example.com"]);
  await scene.condition(NAMESPACE, "Synced", "True");
}

async function unusedIsTold({ scene, source }: Stage): Promise<void> {
  const unused = ({ status }: Printed) =>
    status.reports?.find(({ kind, reason }: Printed) => kind === "Replication" && reason === "MatchesNothing");
  const told = await source.until("replications", CONTROL, NAMESPACE, unused);
  assert.match(unused(told).message, /speak of: spec\.storageClassMappings\[\*\]; correct/);
  await scene.apply([{
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "scratch", namespace: NAMESPACE },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: "slow", resources: { requests: { storage: "1Gi" } } },
  }]);
  await source.until("replications", CONTROL, NAMESPACE, (object) => unused(object) === undefined);
  assert.equal((await scene.until(scene.dr, "pvc", "scratch", NAMESPACE)).spec.storageClassName, "standard");
}

async function changed({ scene, source }: Stage): Promise<void> {
  await patch(scene, {
    imageRewrites: [{ from: "registry.example.com/shop", to: "other.example.org" }],
    storageClassMappings: [{ from: "*", to: "other" }],
    accessModeMappings: null,
  });
  const image = `other.example.org/web:1.2@sha256:${"0".repeat(64)}`;
  await scene.until(
    scene.dr,
    "statefulset",
    "db",
    NAMESPACE,
    ({ spec }) => spec.template.spec.containers[0].image === image,
    DEADLINE_MS,
  );
  const kept = await source.until("replications", CONTROL, NAMESPACE, ({ status }) => {
    const told = (status.reports ?? []).filter(({ reason }: Printed) => reason === "KeptInDR");
    return status.observedGeneration === 2 && told.length === 4;
  });
  const messages = kept.status.reports.map(({ message }: Printed) => message).join("\n");
  assert.match(messages, /StatefulSet db keeps .*volumeClaimTemplates\[data\]\.spec\.accessModes, .*storageClassName/);
  assert.match(messages, /PersistentVolumeClaim files keeps spec\.accessModes, spec\.storageClassName/);
  assert.match(messages, /PersistentVolumeClaim scratch keeps spec\.storageClassName/);
  await scene.condition(NAMESPACE, "Synced", "True");
  assert.deepEqual(kept.status.failures, []);
  await scene.source.kubectl(["label", "pvc", "files", "-n", NAMESPACE, "tier=gold"]);
  const claim = await scene.until(
    scene.dr,
    "pvc",
    "files",
    NAMESPACE,
    ({ metadata }) => metadata.labels.tier === "gold",
  );
  assert.deepEqual([claim.spec.storageClassName, claim.spec.accessModes], ["premium", ["ReadWriteOnce"]]);
}

async function claimsGrow({ scene, source }: Stage): Promise<void> {
  const storageClass = (name: string, allowVolumeExpansion: boolean) => ({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name },
    provisioner: "example.com/none",
    allowVolumeExpansion,
  });
  await scene.apply([storageClass("fast", true)]);
  await scene.apply([storageClass("premium", false)], scene.dr);
  const request = (object: Printed) => object.spec.resources.requests.storage;
  await bind(scene.source);
  await resize(scene.source, "3Gi");
  await source.until("replications", CONTROL, NAMESPACE, ({ status }) => {
    return (status.reports ?? []).some(({ message }: Printed) => message.includes("files cannot grow before"));
  });
  assert.equal(request(await scene.get(scene.dr, "pvc", "files", NAMESPACE)), "1Gi");
  await bind(scene.dr);
  const failed = await source.until("replications", CONTROL, NAMESPACE, ({ status }) => status.failures.length > 0);
  assert.equal(failed.status.failures[0].class, "Immutable");
  assert.match(failed.status.failures[0].message, /set allowVolumeExpansion on the StorageClass in DR/);
  await scene.apply([storageClass("premium", true)], scene.dr);
  await syncNow(scene, "grown");
  await scene.until(scene.dr, "pvc", "files", NAMESPACE, (claim) => request(claim) === "3Gi", DEADLINE_MS);
  await resize(scene.dr, "50Gi");
  await resize(scene.source, "4Gi");
  await scene.source.kubectl(["label", "pvc", "files", "-n", NAMESPACE, "size=4"]);
  const grown = await scene.until(scene.dr, "pvc", "files", NAMESPACE, ({ metadata }) => metadata.labels.size === "4");
  assert.equal(request(grown), "50Gi");
  const { status } = await scene.condition(NAMESPACE, "Synced", "True");
  assert.deepEqual(status.failures, []);
}

const OVERRIDES = [
  {
    name: "web-in-dr",
    match: {
      kind: "Deploy",
      name: "we?",
      labelSelector: { matchExpressions: [{ key: "local", operator: "DoesNotExist" }] },
    },
    jsonPatch: [
      { op: "test", path: "/spec/template/spec/containers/0/name", value: "main" },
      { op: "add", path: "/spec/template/spec/containers/0/env", value: [{ name: "REGION", value: "dr" }] },
      { op: "add", path: "/spec/replicas", value: 5 },
      { op: "add", path: "/metadata/labels/example.com~1region", value: "dr" },
    ],
  },
];

async function overridden({ scene }: Stage): Promise<void> {
  await patch(scene, { overrides: OVERRIDES });
  const isOverridden = ({ metadata }: Printed) => metadata.labels["example.com/region"] === "dr";
  const { metadata, spec } = await scene.until(scene.dr, "deployment", "web", NAMESPACE, isOverridden, DEADLINE_MS);
  assert.deepEqual(spec.template.spec.containers[0].env, [{ name: "REGION", value: "dr" }]);
  assert.equal(spec.replicas, 0, "nothing runs in a standby, whatever an override says");
  assert.equal(metadata.annotations["dr-syncer.io/original-replicas"], "5");
  await scene.condition(NAMESPACE, "Synced", "True");
}

async function misfit({ scene, source }: Stage): Promise<void> {
  const before = await scene.get(scene.dr, "ingress", "web", NAMESPACE);
  const jsonPatch = [
    { op: "replace", path: "/spec/ingressClassName", value: "never-written" },
  ];
  const overrides = [...OVERRIDES, { name: "class", match: { kind: "ing" }, jsonPatch }];
  await patch(scene, { overrides });
  const failed = await source.until("replications", CONTROL, NAMESPACE, ({ status }) => status.failures?.length === 1);
  const [failure] = failed.status.failures;
  assert.deepEqual([failure.kind, failure.name, failure.class], ["Ingress", "web", "Invalid"]);
  assert.match(failure.message, /override class does not fit Ingress web: jsonPatch\[0\]: .*\/spec\/ingressClassName/);
  assert.match(failure.message, /; correct the override, or narrow its match$/);
  assert.doesNotMatch(failure.message, /never-written/);
  assert.deepEqual(await scene.get(scene.dr, "ingress", "web", NAMESPACE), before);
  const args = ["patch", "ingress", "web", "-n", NAMESPACE, "--type=merge", "-p"];
  await scene.source.kubectl([...args, JSON.stringify({ spec: { ingressClassName: "nginx" } })]);
  const isWritten = ({ spec }: Printed) => spec.ingressClassName === "never-written";
  await scene.until(scene.dr, "ingress", "web", NAMESPACE, isWritten, DEADLINE_MS);
  await scene.condition(NAMESPACE, "Synced", "True");
}

async function denied({ scene }: Stage): Promise<void> {
  const attempts: [object, RegExp][] = [
    [{ op: "remove", path: "/metadata/labels/dr-syncer.io~1managed-by" }, /\.path: .*only dr-syncer writes/],
    [{ op: "add", path: "/metadata", value: {} }, /\.path: .*proof that the copy is ours/],
    [{ op: "move", from: "/kind", path: "/spec/x" }, /\.from: .*of the kind of its source/],
    [{ op: "add", path: "/spec/x", value: null }, /\.value: .*add needs a value/],
  ];
  for (const [operation, expected] of attempts) {
    const overrides = [{ name: "bad", match: { kind: "*" }, jsonPatch: [operation] }];
    const args = ["patch", "replications.dr-syncer.io", NAMESPACE, "-n", CONTROL, "--type=merge", "-p"];
    const patched = await scene.source.kubectl([...args, JSON.stringify({ spec: { overrides } })], {
      allowFailure: true,
    });
    assert.notEqual(patched.code, 0);
    assert.match(patched.stderr, /spec\.overrides\[bad\]\.jsonPatch\[0\]/);
    assert.match(patched.stderr, expected);
  }
}

async function quiet({ scene, source }: Stage): Promise<void> {
  const marks = async () => {
    const { stdout } = await scene.dr.kubectl([
      "get",
      "pvc,statefulset,deployment,ingress",
      "-n",
      NAMESPACE,
      "-o",
      "jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}",
    ]);
    return stdout;
  };
  const before = await marks();
  const restarted = await scene.controller.stop();
  assert.equal(restarted.code, 0);
  await scene.startController();
  await syncNow(scene, "again");
  await source.until("replications", CONTROL, NAMESPACE, ({ status }) => status.lastManualSync === "again");
  assert.equal(await marks(), before);
  const updates = { replication: `${CONTROL}/${NAMESPACE}`, class: "update" };
  assert.equal(await scene.controller.metric("dr_syncer_writes_total", updates), 0, "not even one without effect");
  await source.until("replications", CONTROL, NAMESPACE, ({ status }) => {
    return status.reports.filter(({ reason }: Printed) => reason === "KeptInDR").length === 4;
  });
}

async function syncNow(scene: Scene, value: string): Promise<void> {
  const args = ["annotate", "--overwrite", "replications.dr-syncer.io", NAMESPACE, "-n", CONTROL];
  await scene.source.kubectl([...args, `dr-syncer.io/sync-now=${value}`]);
}

/** What a volume controller would note. */
async function bind(cluster: Cluster): Promise<void> {
  const status = { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
  const args = ["patch", "pvc", "files", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p"];
  await cluster.kubectl([...args, JSON.stringify({ status })]);
}

async function resize(cluster: Cluster, storage: string): Promise<void> {
  const spec = { resources: { requests: { storage } } };
  await cluster.kubectl(["patch", "pvc", "files", "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify({ spec })]);
}

async function patch(scene: Scene, spec: object): Promise<void> {
  const args = ["patch", "replications.dr-syncer.io", NAMESPACE, "-n", CONTROL, "--type=merge", "-p"];
  await scene.source.kubectl([...args, JSON.stringify({ spec })]);
}
