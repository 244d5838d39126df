/**
 * The rules of mirroring one by one, between real clusters with their controllers on both sides: what a copy has, what it has not, and
 * that nothing in the standby ever runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { typeOf } from "../kube/connections.ts";
import { watchHistory } from "../faults/history.ts";
import { waitFor } from "../wait.ts";
import { DELETE_FREELY } from "./scenario.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const SOURCE = "rules";
const DR = "rules-dr";
const DEADLINE_MS = 60_000;
const DEFINITIONS = [
  "gadgets.rules.example.com",
  "scaledobjects.keda.sh",
  "httproutes.gateway.networking.k8s.io",
  "volumesnapshots.snapshot.storage.k8s.io",
  "certificaterequests.cert-manager.io",
];

Deno.test("the rules of each kind", async (t) => {
  await using scene = await startScene({ source: { controllerManager: true }, dr: { controllerManager: true } });
  await using pods = await watchHistory(scene.dr, [typeOf("Pod", "pods")], [DR]);
  await prepare(scene);
  const copy: Copy = (kind, name, condition = () => true) =>
    waitFor(`the copy of ${kind} ${name}`, async () => {
      const args = ["get", kind, name, "-n", DR, "-o", "json", "--show-managed-fields"];
      const object = JSON.parse((await scene.dr.kubectl(args)).stdout);
      return condition(object) ? object : undefined;
    }, { deadlineMs: DEADLINE_MS, pollMs: 250 });
  await t.step("what belongs to the source cluster stays there, the rest comes", async () => {
    const web = await copy("deployment", "web");
    assert.deepEqual([web.metadata.finalizers, web.metadata.ownerReferences], [undefined, undefined]);
    assert.deepEqual(keysOf(web.metadata.labels), ["dr-syncer.io/managed-by", "team"]);
    assert.deepEqual(appliedKeys(web, "metadata", "annotations"), [
      "dr-syncer.io/desired-hash",
      "dr-syncer.io/origin",
      "dr-syncer.io/original-replicas",
      "note",
    ]);
    const source = await scene.get(scene.source, "deployment", "web", SOURCE);
    const theirs = ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];
    for (const key of theirs) assert.ok(source.metadata.annotations[key], `the source has ${key}`);
  });
  await t.step("a Namespace that was there is used as it is", () => namespaceStays(scene));
  await t.step("Service: addresses and ports are DR's own, but for what a user chose", () => services(scene, copy));
  await t.step("PersistentVolumeClaim: without volume, binding and source of data", () => claims(scene, copy));
  await t.step("StatefulSet: no claim goes with a replica", () => statefulSet(copy));
  await t.step("Secret: the token of an account is DR's own", () => token(scene, copy));
  await t.step("Job: one of a CronJob and a finished one have no copy, an open one waits", () => jobs(scene, copy));
  await t.step("CustomResourceDefinition: without the CA of its conversion", () => definition(scene, copy));
  await t.step("HTTPRoute: names the DR namespace; other mentions are told", () => mentions(scene, copy));
  await t.step("Ingress, HTTPRoute: nothing is published from a standby", () => publishing(copy));
  await t.step("owners: data is copied without, what a controller makes is not copied", () => owners(scene, copy));
  await t.step("kinds and names that are never mirrored", () => excluded(scene));
  await t.step("default/kubernetes is not mirrored", () => ownService(scene));
  await t.step("ScaledObject and HorizontalPodAutoscaler start nothing", async () => {
    const { metadata } = await copy("scaledobjects.keda.sh", "web");
    assert.equal(metadata.annotations["autoscaling.keda.sh/paused"], "true");
    const source = await scene.get(scene.source, "hpa", "web", SOURCE);
    const hpa = await copy("hpa", "web", ({ status }) => status?.conditions?.length > 0);
    assert.deepEqual(hpa.spec, source.spec);
    const web = await copy("deployment", "web", ({ metadata, status }) => {
      return status?.observedGeneration === metadata.generation;
    });
    assert.equal(web.spec.replicas, 0);
  });
  await t.step("no pod was ever in the standby", async () => {
    const source = await scene.list(scene.source, "pods", SOURCE);
    assert.ok(source.length >= 5, "the source's controllers have made pods");
    assert.deepEqual([pods.happenings, pods.gap], [[], undefined]);
  });
});

type Copy = (kind: string, name: string, condition?: (object: Printed) => unknown) => Promise<Printed>;

async function prepare(scene: Scene): Promise<void> {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  const cluster = await Deno.readTextFile(file("rules_cluster.yaml"));
  await scene.source.kubectl(["apply", "-f", "-"], { stdin: cluster.replace("CA_BUNDLE", btoa(scene.source.caPem)) });
  await scene.source.kubectl(["wait", "--for=condition=Established", ...DEFINITIONS.map((name) => `crd/${name}`)]);
  const labels = { theirs: "yes" };
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: DR, labels } }], scene.dr);
  const mark = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "mark", namespace: SOURCE } };
  await scene.replicate(SOURCE, { destinationNamespace: DR, deletion: DELETE_FREELY });
  await scene.source.kubectl(["apply", "-n", SOURCE, "-f", file("rules_objects.yaml")]);
  await scene.source.kubectl(["create", "job", "from-cron", "--from=cronjob/nightly", "-n", SOURCE]);
  await scene.source.kubectl(["label", "namespace", SOURCE, "team=rules", "--overwrite"]);
  const made = ["pod/db-0", "pod/db-1", "pvc/data-db-0", "pvc/data-db-1", "endpoints/plain"];
  await scene.source.kubectl(["wait", "-n", SOURCE, "--for=create", ...made]);
  await scene.source.kubectl(["wait", "-n", SOURCE, "--for=jsonpath={.status.phase}=Bound", "pvc/bound"]);
  await scene.source.kubectl(["wait", "-n", SOURCE, "--for=condition=Complete", "job/finished"]);
  await scene.apply([mark]);
  await scene.until(scene.dr, "configmap", "mark", DR, undefined, DEADLINE_MS);
  await scene.condition(SOURCE, "Synced", "True");
}

/** Keys below a path of what we have applied to a copy. */
function appliedKeys({ metadata }: Printed, ...path: string[]): string[] {
  // Made by a create, kept by applies.
  const entries = metadata.managedFields?.filter(({ manager, subresource }: Printed) =>
    manager === "dr-syncer" && subresource === undefined
  );
  assert.ok(entries?.length > 0, `kubectl shows our fields of ${metadata.name}`);
  const fields = Object.assign(
    {},
    ...entries.map(({ fieldsV1 }: Printed) =>
      path.reduce((at, key) => at?.[key.startsWith("k:") ? key : `f:${key}`], fieldsV1)
    ),
  );
  return keysOf(fields).filter((key) => key !== ".").map((key) => key.slice(2));
}

function keysOf(object: Printed): string[] {
  return Object.keys(object ?? {}).sort();
}

async function namespaceStays(scene: Scene): Promise<void> {
  const { metadata } = await scene.get(scene.dr, "namespace", DR);
  assert.deepEqual(metadata.labels, { "kubernetes.io/metadata.name": DR, theirs: "yes" });
  assert.deepEqual(keysOf(metadata.annotations).filter((key) => key.startsWith("dr-syncer.io/")), []);
}

async function services(scene: Scene, copy: Copy): Promise<void> {
  for (const name of ["plain", "dual", "balanced", "dns"]) {
    const { spec } = await scene.get(scene.source, "service", name, SOURCE);
    assert.ok(spec.clusterIP && spec.clusterIPs, "the source has addresses");
    const applied = appliedKeys(await copy("service", name), "spec");
    for (const key of ["clusterIP", "clusterIPs", "healthCheckNodePort"]) assert.ok(!applied.includes(key), key);
  }
  assert.equal((await copy("service", "headless")).spec.clusterIP, "None");
  assert.equal((await copy("service", "dual")).spec.ipFamilyPolicy, "PreferDualStack");
  assert.equal((await copy("service", "outside")).spec.externalName, "db.example.com");
  const balanced = await copy("service", "balanced");
  const source = await scene.get(scene.source, "service", "balanced", SOURCE);
  assert.ok(source.spec.healthCheckNodePort, "the source has one");
  assert.equal(balanced.spec.ports[0].nodePort, 30099);
  const port = (number: number) => `k:{"port":${number},"protocol":"TCP"}`;
  assert.ok(appliedKeys(balanced, "spec", "ports", port(80)).includes("nodePort"), "the port that a user chose");
  assert.ok(!appliedKeys(balanced, "spec", "ports", port(81)).includes("nodePort"), "the port that was given");
  const protocols = async () => (await copy("service", "dns")).spec.ports.map(({ protocol }: Printed) => protocol);
  assert.deepEqual(await protocols(), ["UDP", "TCP"]);
  const rename = JSON.stringify([{ op: "replace", path: "/spec/ports/0/name", value: "renamed" }]);
  await scene.source.kubectl(["patch", "service", "plain", "-n", SOURCE, "--type=json", "-p", rename]);
  await copy("service", "plain", ({ spec }) => spec.ports.length === 1 && spec.ports[0].name === "renamed");
}

async function claims(scene: Scene, copy: Copy): Promise<void> {
  const source = await scene.get(scene.source, "pvc", "bound", SOURCE);
  assert.equal(source.spec.volumeName, "rules-data");
  assert.ok(source.metadata.annotations["pv.kubernetes.io/bind-completed"]);
  const bound = await copy("pvc", "bound");
  assert.ok(!appliedKeys(bound, "spec").includes("volumeName"));
  assert.deepEqual(appliedKeys(bound, "metadata", "annotations"), ["dr-syncer.io/desired-hash", "dr-syncer.io/origin"]);
  assert.ok((await scene.get(scene.source, "pvc", "cloned", SOURCE)).spec.dataSource, "the source names one");
  const { spec } = await copy("pvc", "cloned");
  assert.deepEqual([spec.dataSource, spec.dataSourceRef, spec.volumeName], [undefined, undefined, undefined]);
}

async function statefulSet(copy: Copy): Promise<void> {
  const db = await copy("statefulset", "db", ({ metadata, status }) => {
    return status?.observedGeneration === metadata.generation;
  });
  assert.deepEqual(db.spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: "Retain", whenScaled: "Retain" });
  const originals = Object.entries(db.metadata.annotations).filter(([key]) => key.startsWith("dr-syncer.io/original-"));
  assert.match(JSON.stringify(originals), /whenScaled.*Delete/);
  for (const name of ["data-db-0", "data-db-1"]) {
    const { metadata } = await copy("pvc", name);
    assert.deepEqual([metadata.ownerReferences, metadata.deletionTimestamp], [undefined, undefined], name);
  }
}

async function token(scene: Scene, copy: Copy): Promise<void> {
  const { data } = await scene.get(scene.source, "secret", "app-token", SOURCE);
  assert.ok(data.token, "the source's controller has made a token");
  const made = await copy("secret", "app-token", (secret) => secret.data?.token !== undefined);
  assert.notEqual(made.data.token, data.token);
  assert.deepEqual(appliedKeys(made, "data"), []);
  // DR would have deleted a verbatim copy by now, again and again.
  const again = await copy("secret", "app-token");
  assert.equal(again.metadata.uid, made.metadata.uid);
}

async function jobs(scene: Scene, copy: Copy): Promise<void> {
  const open = await copy("job", "open");
  assert.equal(open.spec.suspend, true);
  const labels = open.spec.template.metadata.labels;
  assert.equal(labels["batch.kubernetes.io/controller-uid"], open.metadata.uid, "DR's own, not the source's");
  assert.equal((await copy("cronjob", "nightly")).spec.suspend, true);
  const { metadata } = await scene.get(scene.source, "job", "from-cron", SOURCE);
  assert.equal(metadata.ownerReferences[0].kind, "CronJob");
  assert.equal(await scene.get(scene.dr, "job", "from-cron", DR), undefined);
  // Its copy may have been made before it was finished.
  await scene.untilGone(scene.dr, "job", "finished", DR, DEADLINE_MS);
}

async function definition(scene: Scene, copy: Copy): Promise<void> {
  assert.equal((await copy("gadgets.rules.example.com", "one")).spec.size, 1);
  const { spec } = await scene.get(scene.dr, "crd", "gadgets.rules.example.com");
  const source = await scene.get(scene.source, "crd", "gadgets.rules.example.com");
  assert.ok(source.spec.conversion.webhook.clientConfig.caBundle);
  assert.deepEqual(spec.conversion.webhook.clientConfig, { url: "https://127.0.0.1:1/convert" });
}

async function mentions(scene: Scene, copy: Copy): Promise<void> {
  const { spec } = await copy("httproutes.gateway.networking.k8s.io", "web");
  assert.equal(spec.rules[0].backendRefs[0].namespace, DR);
  const parents = spec.parentRefs.map(({ namespace }: Printed) => namespace);
  assert.deepEqual(parents, ["edge", DR], "another namespace stays");
  const isTold = ({ status }: Printed) =>
    status?.reports?.some(({ kind, name, reason, message }: Printed) =>
      kind === "Deployment" && name === "web" && reason === "NamespaceMention" && message.includes("env")
    );
  await scene.until(scene.source, "replications.dr-syncer.io", SOURCE, "dr-syncer-system", isTold, DEADLINE_MS);
}

async function publishing(copy: Copy): Promise<void> {
  for (const kind of ["ingress", "httproutes.gateway.networking.k8s.io"]) {
    const { annotations } = (await copy(kind, "web")).metadata;
    assert.equal(annotations["external-dns.alpha.kubernetes.io/hostname"], undefined, kind);
    assert.equal(annotations["external-dns.alpha.kubernetes.io/controller"], "dr-syncer-standby");
    assert.equal(annotations["cert-manager.io/cluster-issuer"], undefined);
    const parked = JSON.parse(annotations["dr-syncer.io/original-annotations"]);
    assert.equal(parked["external-dns.alpha.kubernetes.io/hostname"], "web.example.com");
    if (kind === "ingress") {
      assert.deepEqual([parked["cert-manager.io/cluster-issuer"], annotations.note], ["acme", "kept"]);
    }
  }
}

async function owners(scene: Scene, copy: Copy): Promise<void> {
  const { metadata: { uid } } = await scene.get(scene.source, "gadgets.rules.example.com", "one", SOURCE);
  const ownerReferences = [{ apiVersion: "rules.example.com/v1", kind: "Gadget", name: "one", uid, controller: true }];
  const metadata = { name: "owned", namespace: SOURCE, ownerReferences };
  const template = { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "main", image: "main" }] } };
  await scene.apply([
    { apiVersion: "v1", kind: "Secret", metadata },
    { apiVersion: "v1", kind: "ConfigMap", metadata },
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec: claim() },
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata,
      spec: { selector: { matchLabels: { app: "x" } }, template },
    },
  ]);
  const first = await Promise.all(["secret", "configmap", "pvc"].map((kind) => copy(kind, "owned")));
  for (const { kind, metadata } of first) assert.equal(metadata.ownerReferences, undefined, kind);
  // Once the next pass is through, the collector of DR would have taken what has an owner that is not there.
  await sync(scene, "owners");
  for (const { kind, metadata } of first) {
    assert.equal((await copy(kind, "owned")).metadata.uid, metadata.uid, `${kind} was collected`);
  }
  assert.equal(await scene.get(scene.dr, "replicaset", "owned", DR), undefined);
}

function claim(): object {
  return { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
}

async function sync(scene: Scene, value: string): Promise<void> {
  const args = ["annotate", "--overwrite", "replications.dr-syncer.io", SOURCE, "-n", "dr-syncer-system"];
  await scene.source.kubectl([...args, `dr-syncer.io/sync-now=${value}`]);
  const isDone = ({ status }: Printed) => status?.lastManualSync === value;
  await scene.until(scene.source, "replications.dr-syncer.io", SOURCE, "dr-syncer-system", isDone, DEADLINE_MS);
}

async function excluded(scene: Scene): Promise<void> {
  await sync(scene, "excluded");
  for (const name of ["openshift-service-ca.crt", "istio-ca-root-cert"]) {
    assert.ok(await scene.get(scene.source, "configmap", name, SOURCE));
    assert.equal(await scene.get(scene.dr, "configmap", name, DR), undefined, name);
  }
  for (const name of ["volumesnapshots.snapshot.storage.k8s.io", "certificaterequests.cert-manager.io"]) {
    assert.ok(await scene.get(scene.source, name, "one", SOURCE));
    assert.equal(await scene.get(scene.dr, "crd", name), undefined, `${name}: not even its definition`);
  }
  // DR's controllers make their own of these.
  for (const kind of ["endpoints", "endpointslices", "controllerrevisions", "replicasets", "events"]) {
    assert.ok((await scene.list(scene.source, kind, SOURCE)).length > 0, `the source has ${kind}`);
    const args = ["get", kind, "-n", DR, "-o", "json", "--show-managed-fields"];
    const { items } = JSON.parse((await scene.dr.kubectl(args)).stdout);
    const isOurs = ({ metadata }: Printed) =>
      metadata.managedFields?.some(({ manager }: Printed) => manager === "dr-syncer");
    assert.deepEqual(items.filter(isOurs), [], kind);
  }
}

async function ownService(scene: Scene): Promise<void> {
  await scene.replicate("default", { destinationNamespace: "default-dr" });
  await scene.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "mark", namespace: "default" } }]);
  await scene.until(scene.dr, "configmap", "mark", "default-dr", undefined, DEADLINE_MS);
  await scene.condition("default", "Synced", "True");
  assert.ok(await scene.get(scene.source, "service", "kubernetes", "default"));
  for (const kind of ["services", "endpoints", "endpointslices"]) {
    await waitFor(
      `no ${kind} in default-dr`,
      async () => (await scene.list(scene.dr, kind, "default-dr")).length === 0,
      {
        deadlineMs: DEADLINE_MS,
      },
    );
  }
}
