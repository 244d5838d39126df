/**
 * Kinds that are never mirrored, each with an object that DR would take: requests, measurements and locks of the source cluster; and
 * kinds that cannot be listed, which nothing tries to.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ALWAYS_EXCLUDED } from "../../reconciler/desired/kinds.ts";
import { customDefinition } from "../custom_definition.ts";
import type { Cluster } from "../rig/cluster.ts";
import { Api, conditionOf, CONTROL } from "./api.ts";
import { ClusterView } from "./cluster_view.ts";
import { type Scene, startScene } from "./scene.ts";

const NAME = "never";

/** Where the table's other entries are proven, with the controllers that make such objects. */
const PROVEN_ELSEWHERE: readonly string[] = [
  "pods",
  "controllerrevisions.apps",
  "podtemplates",
  "leases.coordination.k8s.io",
  "events",
  "events.events.k8s.io",
];

/** Kinds that their own definition brings: group, version, kind, plural. */
const CUSTOM = [
  ["acme.cert-manager.io", "v1", "Order", "orders"],
  ["acme.cert-manager.io", "v1", "Challenge", "challenges"],
  ["cert-manager.io", "v1", "CertificateRequest", "certificaterequests"],
  ["snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots"],
  ["groupsnapshot.storage.k8s.io", "v1beta1", "VolumeGroupSnapshot", "volumegroupsnapshots"],
  ["metrics.k8s.io", "v1beta1", "PodMetrics", "pods"],
] as const;
/** One of the same group that is mirrored. */
const CERTIFICATE = ["cert-manager.io", "v1", "Certificate", "certificates"] as const;

/** Kinds that every API server has. */
const BUILT_IN: Readonly<Record<string, object>> = {
  "resourceclaims.resource.k8s.io": {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    spec: { devices: { requests: [{ name: "one", exactly: { deviceClassName: "none" } }] } },
  },
  "csistoragecapacities.storage.k8s.io": {
    apiVersion: "storage.k8s.io/v1",
    kind: "CSIStorageCapacity",
    storageClassName: "none",
    capacity: "1Gi",
  },
  "leasecandidates.coordination.k8s.io": {
    apiVersion: "coordination.k8s.io/v1beta1",
    kind: "LeaseCandidate",
    spec: { leaseName: "lock", binaryVersion: "1.0.0", emulationVersion: "1.0.0", strategy: "OldestEmulationVersion" },
  },
};
const OPTIONS = {
  controllerManager: true,
  extraApiServerArgs: ["--runtime-config=coordination.k8s.io/v1beta1=true"],
};

Deno.test("kinds that are never mirrored", async (t) => {
  await using scene = await startScene({ source: OPTIONS, dr: OPTIONS, controller: false });
  // Both ends serve all of them before anything is mirrored: nothing but the rules keeps a copy from being made.
  for (const cluster of [scene.source, scene.dr]) await define(scene, cluster);
  await scene.startController();
  await t.step("requests, measurements and locks of the source cluster stay there", () => staysThere(scene));
  await t.step("kinds without list, watch and create are not tried", () => notTried(scene));
});

async function define(scene: Scene, cluster: Cluster): Promise<void> {
  const kinds = [...CUSTOM, CERTIFICATE];
  await scene.apply(kinds.map(definition), cluster);
  const names = kinds.map(([group, , , plural]) => `crd/${plural}.${group}`);
  await cluster.kubectl(["wait", "--for=condition=Established", ...names]);
}

type CustomKind = readonly [group: string, version: string, kind: string, plural: string];

function definition([group, version, kind, plural]: CustomKind): object {
  const annotations = { "api-approved.kubernetes.io": "unapproved, for a test" };
  return customDefinition({ group, version, kind, plural, annotations });
}

async function staysThere(scene: Scene): Promise<void> {
  const kinds = [...CUSTOM.map(([group, , , plural]) => `${plural}.${group}`), ...Object.keys(BUILT_IN)];
  assert.deepEqual([...kinds, ...PROVEN_ELSEWHERE].sort(), Object.keys(ALWAYS_EXCLUDED).sort(), "the whole table");
  await scene.replicate(NAME);
  const metadata = { name: "one", namespace: NAME };
  const custom = [...CUSTOM, CERTIFICATE].map(([group, version, kind]) => ({
    apiVersion: `${group}/${version}`,
    kind,
  }));
  await scene.apply([...custom, ...Object.values(BUILT_IN)].map((object) => ({ ...object, metadata })));
  using source = new Api(scene.source);
  await source.condition("replications", NAME, { type: "Synced", status: "True" });
  const sync = ["annotate", "replications.dr-syncer.io", NAME, "-n", CONTROL, "dr-syncer.io/sync-now=all"];
  await scene.source.kubectl(sync);
  await source.until("replications", CONTROL, NAME, ({ status }) => status?.lastManualSync === "all");
  const [, , , plural] = CERTIFICATE;
  assert.ok(await scene.get(scene.dr, `${plural}.${CERTIFICATE[0]}`, "one", NAME), "what is not in the table comes");
  const copied: string[] = [];
  for (const kind of kinds) {
    assert.ok(await scene.get(scene.source, kind, "one", NAME), `the source has ${kind}`);
    if ((await scene.list(scene.dr, kind, NAME)).length > 0) copied.push(kind);
  }
  assert.deepEqual(copied, []);
}

async function notTried(scene: Scene): Promise<void> {
  using view = new ClusterView(scene.source);
  const { types } = await view.client.discover();
  const others = types.filter(({ namespaced, verbs }) => namespaced && !verbs.includes("list"));
  assert.deepEqual(others.map(({ kind }) => kind).sort(), ["Binding", "LocalSubjectAccessReview"]);
  using source = new Api(scene.source);
  const object = await source.condition("replications", NAME, { type: "Synced", status: "True" });
  assert.equal(conditionOf(object, "Ready")?.status, "True");
  assert.deepEqual([object.status.phase, object.status.failures], ["Running", []]);
  const complaints = scene.controller.lines.filter(({ message }) => message.startsWith("cannot list"));
  assert.deepEqual(complaints, []);
}
