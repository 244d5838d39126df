/**
 * What `desired` makes of real objects, applied to real API servers: it is accepted, it is what the server then holds, and
 * applying it again changes nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FIELD_MANAGER } from "../../crds/keys.ts";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { createTransport } from "../../kube/transport.ts";
import { apiVersionOf, groupResource, type KubeClient, type KubeObject, type ResourceType } from "../../kube/types.ts";
import { covers, firstDifference } from "../../reconciler/desired/compare.ts";
import { desiredCrd } from "../../reconciler/desired/crd.ts";
import { type Desired, desired, type DesiredContext } from "../../reconciler/desired/desired.ts";
import { mirroredKind } from "../../reconciler/desired/kinds.ts";
import { desiredNamespace } from "../../reconciler/desired/namespace.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";

const SOURCE = "shop";
const DESTINATION = "shop-dr";
const WIDGETS = "widgets.example.com";
const DEADLINE_MS = 60_000;

/** A source object, its kind, and what became of it. */
interface Mirrored {
  readonly type: ResourceType;
  readonly source: KubeObject;
  readonly result: Desired;
}

/** One copy to write. */
interface Copy {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

Deno.test("desired on real API servers", async (t) => {
  await using sourceCluster = await startCluster({ name: "desired-source", controllerManager: true });
  const source = connect(sourceCluster);
  try {
    await createSources(sourceCluster);
    const mirrored = await mirrorAll(source);
    await t.step("covers every kind with a rule", () => {
      const kinds = new Set(copiesOf(mirrored).map((copy) => copy.type.kind));
      assert.ok(kinds.size >= 23, `only ${[...kinds].join(", ")}`);
    });
    await t.step("into a cluster of the same version", () => checkCluster(source, mirrored, {}));
    await t.step("into an older cluster", () => checkCluster(source, mirrored, { version: "1.30" }));
  } finally {
    source.close();
  }
});

function connect(cluster: Cluster): KubeClient {
  return createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
}

async function createSources(cluster: Cluster): Promise<void> {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  await cluster.kubectl(["apply", "-f", file("desired_cluster.yaml")]);
  await cluster.kubectl(["wait", "--for=condition=Established", `crd/${WIDGETS}`]);
  await cluster.kubectl(["create", "-n", SOURCE, "-f", file("desired_objects.yaml")]);
  // What the controllers make of them must be there too: it must not be mirrored.
  await cluster.kubectl(["wait", "-n", SOURCE, "--for=create", "endpoints/web", "pod/db-0", "pvc/data-db-0"]);
  await cluster.kubectl(["wait", "-n", SOURCE, "--for=jsonpath={.data.token}", "secret/shop-token"]);
}

/** `desired` of everything in the source namespace, in the order of a full pass. */
async function mirrorAll(source: KubeClient): Promise<Mirrored[]> {
  const { types } = await source.discover();
  const kinds = types.flatMap((type) => {
    const kind = mirroredKind(type);
    return kind.mirrored ? [{ type, tier: kind.tier }] : [];
  }).sort((a, b) => a.tier - b.tier);
  const pages = await Promise.all(kinds.map(async ({ type }) => {
    const page = await source.list(type, { namespace: SOURCE });
    return page.items.map((item) => ({ type, source: item, result: desired(item, contextFor(type)) }));
  }));
  return pages.flat();
}

function contextFor(type: ResourceType): DesiredContext {
  return {
    replicationId: "a1b2c3d4e5f6",
    sourceClusterId: "source",
    sourceNamespace: SOURCE,
    destinationNamespace: DESTINATION,
    type,
    targetApiVersion: apiVersionOf(type),
    scaleToZero: true,
    rbacObjects: "Mirror",
    ...(groupResource(type) === WIDGETS ? { specReplicasPath: ".spec.replicas" } : {}),
  };
}

function copiesOf(mirrored: readonly Mirrored[]): Copy[] {
  return mirrored.flatMap(({ type, result }) => result.kind === "object" ? [{ type, object: result.object }] : []);
}

async function checkCluster(
  source: KubeClient,
  mirrored: readonly Mirrored[],
  options: { version?: string },
): Promise<void> {
  // Controllers are only built at the newest version.
  const controllerManager = options.version === undefined;
  await using cluster = await startCluster({ name: "desired-dr", controllerManager, ...options });
  const target = connect(cluster);
  try {
    await prepareTarget(source, target);
    const copies = copiesOf(mirrored);
    for (const copy of copies) await checkCreate(target, copy);
    for (const copy of copies) await checkIdle(target, copy);
    if (!controllerManager) return;
    await checkQuiet(target, copies);
    for (const copy of copies) await checkIdle(target, copy);
  } finally {
    target.close();
  }
}

/** The definition and the namespace, as the mirror makes them. */
async function prepareTarget(source: KubeClient, target: KubeClient): Promise<void> {
  const { types } = await source.discover();
  const definitions = types.find((type) => type.resource === "customresourcedefinitions")!;
  const namespaces = types.find((type) => groupResource(type) === "namespaces")!;
  const definition = await source.get(definitions, { name: WIDGETS });
  await target.apply(definitions, desiredCrd(definition, "source"), { fieldManager: FIELD_MANAGER });
  const namespace = await source.get(namespaces, { name: SOURCE });
  const copy = desiredNamespace(namespace, contextFor(namespaces));
  const live = await target.apply(namespaces, copy, { fieldManager: FIELD_MANAGER });
  assert.equal(firstDifference(live, copy), undefined);
  await waitFor("the definition to be served", async () => {
    return (await target.discover()).types.some((type) => groupResource(type) === WIDGETS);
  }, { deadlineMs: DEADLINE_MS });
}

async function checkCreate(target: KubeClient, { type, object }: Copy): Promise<void> {
  const create = { ...object, metadata: { ...object.metadata, resourceVersion: "1" } };
  const live = await target.apply(type, create, { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" });
  assert.equal(firstDifference(live, object), undefined, `${object.kind} ${object.metadata.name} as created`);
  assert.ok(!covers({ ...live, metadata: { ...live.metadata, annotations: {} } }, object));
}

/** A second apply of the same copy changes nothing, whatever controllers did meanwhile. */
async function checkIdle(target: KubeClient, copy: Copy): Promise<void> {
  const what = `${copy.object.kind} ${copy.object.metadata.name}`;
  // The API server stores a claim anew, with the same content, at the first apply after the one that created it.
  if (copy.type.kind === "PersistentVolumeClaim") await applyUndisturbed(target, copy);
  const [before, after] = await applyUndisturbed(target, copy);
  assert.equal(firstDifference(before, copy.object), undefined, `${what} as kept`);
  assert.equal(after.metadata.resourceVersion, before.metadata.resourceVersion, `${what} was written again`);
}

/** Applies a copy over what is live: the object before and after, with nobody else's write between them. */
async function applyUndisturbed(
  target: KubeClient,
  { type, object }: Copy,
): Promise<readonly [KubeObject, KubeObject]> {
  const what = `${object.kind} ${object.metadata.name}`;
  return await waitFor(`an undisturbed apply of ${what}`, async () => {
    const live = await target.get(type, { namespace: DESTINATION, name: object.metadata.name });
    const { uid, resourceVersion } = live.metadata;
    const update = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
    try {
      return [live, await target.apply(type, update, { fieldManager: FIELD_MANAGER })] as const;
    } catch (error) {
      if (isKubeError(error, "Conflict")) return undefined;
      throw error;
    }
  }, { deadlineMs: DEADLINE_MS });
}

/** Once every controller has acted, only the workload with a scale override has a pod. */
async function checkQuiet(target: KubeClient, copies: readonly Copy[]): Promise<void> {
  const { types } = await target.discover();
  const pods = types.find((type) => groupResource(type) === "pods")!;
  for (const { type, object } of copies.filter((copy) => /^(apps|batch)$/.test(copy.type.group))) {
    await waitFor(`${object.kind} ${object.metadata.name} to be seen by its controller`, async () => {
      const { metadata, status } = await target.get(type, { namespace: DESTINATION, name: object.metadata.name });
      const seen = status as { observedGeneration?: number; conditions?: unknown[] } | undefined;
      if (type.kind === "CronJob") return true;
      if (type.kind === "Job") return (seen?.conditions?.length ?? 0) > 0;
      return seen?.observedGeneration === metadata.generation;
    }, { deadlineMs: DEADLINE_MS });
  }
  const names = await waitFor("the pod of the workload with a scale override", async () => {
    const page = await target.list(pods, { namespace: DESTINATION });
    return page.items.length > 0 && page.items.map((pod) => pod.metadata.name.replace(/-.*/, ""));
  }, { deadlineMs: DEADLINE_MS });
  assert.deepEqual(names, ["cache"]);
}
