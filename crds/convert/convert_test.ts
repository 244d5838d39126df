import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../../kube/types.ts";
import { type Conversion, convertManifests, type ConvertOptions } from "./convert.ts";
import { ManifestError } from "./manifest.ts";

const CLUSTERS = `
apiVersion: dr-syncer.io/v1alpha1
kind: RemoteCluster
metadata: { name: dr, namespace: dr-syncer-system }
spec: { kubeconfigSecretRef: { name: dr-kubeconfig, namespace: dr-syncer-system } }
`;

function convert(yaml: string, options: Partial<ConvertOptions> = {}): Conversion {
  const inputs = parseAllDocuments(yaml).map((document) => ({ file: "old.yaml", value: document.toJS() }));
  return convertManifests(inputs, { namespace: "dr-syncer-system", ...options });
}

/** A mapping of namespace shop to cluster dr, with more in its spec (flow style). */
function mapping(more: string, kind = "NamespaceMapping"): string {
  const base = { sourceNamespace: "shop", destinationCluster: "dr", replicationMode: "Manual" };
  const spec = { ...base, ...parse(`{ ${more} }`) };
  return JSON.stringify({
    apiVersion: "dr-syncer.io/v1alpha1",
    kind,
    metadata: { name: "shop", namespace: "dr-syncer-system" },
    spec,
  });
}

function specOf({ objects }: Conversion, index = 0): Record<string, unknown> {
  return (objects[index] as KubeObject).spec as Record<string, unknown>;
}

/** What the one Replication has beside its ends. */
function settingsOf(conversion: Conversion): Record<string, unknown> {
  const { sourceNamespace: _s, destinationCluster: _d, ...settings } = specOf(conversion);
  return settings;
}

function lostIn({ findings }: Conversion): string[] {
  return findings.filter(({ lost }) => lost).map(({ field }) => field);
}

const settings: [what: string, more: string, kept: Record<string, unknown>, lost: string[]][] = [
  ["mode Continuous", "replicationMode: Continuous", { replicationMode: "Continuous" }, []],
  ["no mode, which meant Scheduled", "replicationMode: null, schedule: 0 2 * * *", {
    replicationMode: "Scheduled",
    schedule: "0 2 * * *",
  }, []],
  ["the mode as guides wrote it", "replicationMode: null, sync: { mode: Scheduled, schedule: '*/10 * * * *' }", {
    replicationMode: "Scheduled",
    schedule: "*/10 * * * *",
  }, []],
  ["a schedule beside mode Manual", "schedule: 0 2 * * *", {}, []],
  [
    "a schedule that never fires",
    "replicationMode: Scheduled, schedule: 0 0 30 2 *",
    { replicationMode: "Scheduled" },
    [
      "spec.schedule",
    ],
  ],
  ["@hourly", "replicationMode: Scheduled, schedule: '@hourly'", {
    replicationMode: "Scheduled",
    schedule: "0 * * * *",
  }, []],
  ["paused", "paused: true", { paused: true }, []],
  ["not paused", "paused: false", {}, []],
  ["kinds, each once", "resourceTypes: [ConfigMap, configmap, apps/Deployment]", {
    resourceTypes: ["ConfigMap", "Deployment.apps"],
  }, []],
  ["custom kinds beside them", "resourceTypes: [Secret], namespaceScopedResources: [widgets.example.com]", {
    resourceTypes: ["Secret", "widgets.example.com"],
  }, []],
  ["the wildcard", "resourceTypes: [Secret, '*']", { resourceTypes: ["*"] }, []],
  ["kinds without namespace", "resourceTypes: [secrets, pv, Namespaces, crds]", { resourceTypes: ["secrets"] }, [
    "spec.resourceTypes",
    "spec.resourceTypes",
    "spec.resourceTypes",
  ]],
  ["workloads that run in DR", "scaleToZero: false", { scaleToZero: false }, []],
  ["the same as guides wrote it", "deploymentConfig: { scaleToZero: false }", { scaleToZero: false }, []],
  ["definitions", "syncCRDs: true", { crds: undefined }, []],
  ["volume data", "pvcConfig: { syncData: true, dataSyncConfig: { excludePaths: [tmp], concurrentSyncs: 2 } }", {}, [
    "spec.pvcConfig.syncData",
    "spec.pvcConfig.dataSyncConfig",
  ]],
  ["settings of data that was not copied", "pvcConfig: { dataSyncConfig: { bandwidthLimit: 9 } }", {}, []],
  ["volumes themselves", "pvcConfig: { syncPersistentVolumes: true, preserveVolumeAttributes: true }", {}, [
    "spec.pvcConfig.syncPersistentVolumes",
    "spec.pvcConfig.preserveVolumeAttributes",
  ]],
  ["immutable fields: NoChange", "immutableResourceConfig: { defaultHandling: NoChange, drainTimeout: 5m }", {}, []],
  ["immutable fields: PartialUpdate", "immutableResourceConfig: { defaultHandling: PartialUpdate }", {}, [
    "spec.immutableResourceConfig.defaultHandling",
  ]],
  ["immutable fields by kind", "immutableResourceConfig: { resourceOverrides: { services: Recreate } }", {}, [
    "spec.immutableResourceConfig.resourceOverrides",
  ]],
  ["retries as they were by default", "retryConfig: { maxRetries: 5, initialBackoff: 5s, maxBackoff: 5m }", {}, []],
  ["other retries", "retryConfig: { maxRetries: 9 }", {}, ["spec.retryConfig.maxRetries"]],
  ["failure handling", "failureHandling: { networkError: FailFast, defaultMode: RetryAndWait }", {}, [
    "spec.failureHandling.networkError",
  ]],
  ["continuous without watches", "continuous: { watchResources: false, backgroundSyncInterval: 1h }", {}, [
    "spec.continuous.watchResources",
  ]],
  ["another interval", "continuous: { backgroundSyncInterval: 5m }", {}, ["spec.continuous.backgroundSyncInterval"]],
  [
    "namespaces and Ingresses as by default",
    `namespaceConfig: { createNamespace: true, preserveLabels: true },
    ingressConfig: { preserveTLS: true }`,
    {},
    [],
  ],
  [
    "namespaces and Ingresses otherwise",
    `namespaceConfig: { createNamespace: false },
    ingressConfig: { preserveTLS: false }`,
    {},
    ["spec.namespaceConfig.createNamespace", "spec.ingressConfig.preserveTLS"],
  ],
  ["SSH keys", "tempPodKeySecretRef: { name: keys, namespace: a }", {}, ["spec.tempPodKeySecretRef"]],
  ["the label that always excludes", "excludeLabels: [{ key: dr-syncer.io/ignore, value: 'true' }]", {}, []],
  ["what nobody knows", "hooks: { before: [a] }", {}, ["spec.hooks.before"]],
];

for (const [what, more, kept, lost] of settings) {
  Deno.test(`a setting of the first version: ${what}`, () => {
    const conversion = convert(mapping(more));
    const expected = { replicationMode: "Manual", crds: "Never", ...kept };
    assert.deepEqual(settingsOf(conversion), JSON.parse(JSON.stringify(expected)));
    assert.deepEqual(lostIn(conversion), lost);
    for (const { message } of conversion.findings) assert.match(message, /.{20}/, "each says what to do");
  });
}

Deno.test("what has a field of its own today is carried over", () => {
  const more =
    `pvcConfig: { storageClassMapping: { a: b }, accessModeMappings: [{ from: ReadWriteOnce, to: ReadWriteMany }] },
    excludeResources: [{ kind: Secret, name: a }], excludeLabels: [{ key: env, value: dev }, { key: draft }],
    immutableResourceConfig: { defaultHandling: RecreateWithPodDrain }`;
  const conversion = convert(mapping(more));
  assert.deepEqual(lostIn(conversion), []);
  const kept = (operator: string, key: string, ...values: string[]) => ({
    key,
    operator,
    ...(values.length === 0 ? {} : { values }),
  });
  assert.deepEqual(settingsOf(conversion), {
    replicationMode: "Manual",
    crds: "Never",
    storageClassMappings: [{ from: "a", to: "b" }],
    accessModeMappings: [{ from: "ReadWriteOnce", to: "ReadWriteMany" }],
    excludeObjects: [{ kind: "Secret", name: "a" }],
    labelSelector: { matchExpressions: [kept("NotIn", "env", "dev"), kept("DoesNotExist", "draft")] },
    immutableFieldPolicy: "Recreate",
  });
});

Deno.test("ends come from the ClusterMapping, which may pause", () => {
  const yaml = `
apiVersion: dr-syncer.io/v1alpha1
kind: ClusterMapping
metadata: { name: prod-to-dr, namespace: clusters }
spec: { sourceCluster: prod, targetCluster: dr, paused: true, verifyConnectivity: true }
---
apiVersion: dr-syncer.io/v1alpha1
kind: NamespaceMapping
metadata: { name: shop, namespace: a }
spec:
  clusterMappingRef: { name: prod-to-dr, namespace: clusters }
  sourceNamespace: shop
  destinationNamespace: shop-dr
  replicationMode: Continuous
`;
  const ends = { destinationCluster: "dr", sourceNamespace: "shop", destinationNamespace: "shop-dr" };
  const settings = { replicationMode: "Continuous", paused: true, crds: "Never" };
  assert.deepEqual(specOf(convert(yaml)), { sourceCluster: "prod", ...ends, ...settings });
  const own = convert(yaml, { ownCluster: "prod" });
  assert.deepEqual(specOf(own), { ...ends, ...settings });
  assert.deepEqual(own.findings, []);
  const lone = convert(yaml.slice(yaml.indexOf("---") + 4));
  assert.deepEqual(lone.objects, []);
  assert.deepEqual(lostIn(lone), ["spec.clusterMappingRef", ""]);
});

Deno.test("without a schedule: the RemoteCluster's default, else what the first version did", () => {
  const shop = mapping("replicationMode: Scheduled");
  assert.equal(specOf(convert(shop)).schedule, undefined);
  assert.match(convert(shop).findings[0]?.message ?? "", /defaultSchedule of RemoteCluster dr counts/);
  assert.equal(specOf(convert(`${CLUSTERS}---\n${shop}`), 1).schedule, "*/5 * * * *");
  const withDefault = CLUSTERS.replace("spec: {", 'spec: { defaultSchedule: "0 4 * * *",');
  const converted = convert(`${withDefault}---\n${shop}`);
  assert.deepEqual([specOf(converted).defaultSchedule, specOf(converted, 1).schedule], ["0 4 * * *", undefined]);
});

Deno.test("namespaces: a list becomes one Replication each; wildcards, selectors and system namespaces are told", () => {
  const list = convert(mapping("sourceNamespace: null, sourceNamespaces: [a, b], destinationNamespaces: [a-dr, b-dr]"));
  assert.deepEqual(
    list.objects.map(({ metadata }) => (metadata as KubeObject["metadata"]).name),
    ["shop-a", "shop-b"],
  );
  assert.equal(specOf(list, 1).destinationNamespace, "b-dr");
  const nothing: [string, string][] = [
    ["sourceNamespace: 'team-*'", "spec.sourceNamespace"],
    ["sourceNamespace: null, namespaceSelector: { namespaces: ['team-*'] }", "spec.namespaceSelector"],
    ["sourceNamespace: kube-system", "spec.sourceNamespace"],
    ["sourceNamespace: null, sourceNamespaces: [a, b], destinationNamespace: c", "spec.destinationNamespace"],
  ];
  for (const [more, field] of nothing) {
    const conversion = convert(mapping(more));
    assert.deepEqual(conversion.objects, [], more);
    assert.deepEqual(lostIn(conversion), [field, ""], more);
  }
});

Deno.test("namespaces: a selector stays one, and its names in DR become a template", () => {
  const endsOf = (more: string) => {
    const conversion = convert(mapping(`sourceNamespace: null, ${more}`));
    const { sourceNamespaceSelector, destinationNamespace } = conversion.objects.length === 0 ? {} : specOf(conversion);
    return [sourceNamespaceSelector, destinationNamespace, ...lostIn(conversion)];
  };
  const matchLabels = { a: "b" };
  const cases: [string, unknown[]][] = [
    ["namespaceSelector: { labelSelector: { a: b }, destinationSuffix: -dr }", [{ matchLabels }, "{namespace}-dr"]],
    ["namespaceSelector: { labelSelector: { matchLabels: { a: b } } }", [{ matchLabels }, undefined]],
    [
      "namespaceSelector: { labelSelector: { a: b } }, destinationNamespace: all",
      [undefined, undefined, "spec.destinationNamespace", ""],
    ],
    [
      "namespaceSelector: { labelSelector: { a: b }, excludeNamespaces: [c] }",
      [undefined, undefined, "spec.namespaceSelector", ""],
    ],
    [
      "sourceNamespaceSelector: { matchLabels: { a: b } }, destinationNamespace: 'dr-{namespace}'",
      [{ matchLabels }, "dr-{namespace}"],
    ],
  ];
  for (const [more, expected] of cases) assert.deepEqual(endsOf(more), expected, more);
  const both = convert(mapping("namespaceSelector: { labelSelector: { a: b } }"));
  const names = both.objects.map(({ metadata }) => (metadata as KubeObject["metadata"]).name);
  assert.deepEqual(names, ["shop-selected", "shop-shop"]);
});

Deno.test("RemoteClusters: each spelling of the Secret, and where it has to be", () => {
  const cluster = (spec: string) => CLUSTERS.replace(/spec: .*/, `spec: ${spec}`);
  const spellings = [
    "{ kubeconfigSecretRef: { name: k, key: config } }",
    "{ kubeconfigSecret: { name: k, key: config } }",
    "{ kubeconfig: { secretRef: { name: k, key: config } } }",
  ];
  for (const spelling of spellings) {
    const conversion = convert(cluster(spelling));
    assert.deepEqual(specOf(conversion), { kubeconfigSecretRef: { name: "k", key: "config" } }, spelling);
    assert.deepEqual(conversion.findings, [], spelling);
  }
  const elsewhere = convert(cluster("{ kubeconfigSecretRef: { name: k, namespace: old } }"));
  assert.deepEqual(lostIn(elsewhere), ["spec.kubeconfigSecretRef.namespace"]);
  assert.match(elsewhere.findings[0]?.message ?? "", /create Secret k there with the kubeconfig of old\/k/);
  const beside = cluster("{ kubeconfigSecret: k }").replace("namespace: dr-syncer-system", "namespace: old");
  assert.deepEqual(
    lostIn(convert(beside)),
    ["spec.kubeconfigSecretRef.namespace"],
    "it was read beside its RemoteCluster",
  );
  const synced = convert(cluster("{ kubeconfigSecret: k, pvcSync: { enabled: true }, sshKeySecret: s }"));
  assert.deepEqual(lostIn(synced), ["spec.pvcSync", "spec.sshKeySecret"]);
  assert.deepEqual(lostIn(convert(cluster("{ kubeconfigSecret: k, pvcSync: { enabled: false } }"))), []);
  assert.deepEqual(convert(cluster("{ defaultSchedule: 0 4 * * * }")).objects, []);
});

Deno.test("metadata: the control namespace, labels and annotations; nothing of kubectl or the server", () => {
  const value = parse(mapping("paused: false"));
  Object.assign(value.metadata, {
    uid: "u",
    resourceVersion: "7",
    labels: { team: "shop" },
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", "dr-syncer.io/sync-now": "1", note: "a" },
  });
  const { objects } = convertManifests([{ file: "a", value }], { namespace: "control" });
  assert.deepEqual(objects[0]?.metadata, {
    name: "shop",
    namespace: "control",
    labels: { team: "shop" },
    annotations: { note: "a" },
  });
});

Deno.test("kinds of others pass as they are with a note, those of dr-syncer without counterpart are left out", () => {
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "k", namespace: "a" }, data: { a: "Yg==" } };
  const backup = { apiVersion: "dr-syncer.io/v1alpha1", kind: "BackupRepository", metadata: { name: "s3" } };
  const inputs = [secret, backup].map((value) => ({ file: "a", value }));
  const { objects, findings } = convertManifests(inputs, { namespace: "dr-syncer-system" });
  assert.deepEqual(objects, [secret]);
  assert.deepEqual(findings.map(({ object, lost }) => [object, lost]), [
    ["Secret a/k", false],
    ["BackupRepository s3", true],
  ]);
});

Deno.test("of two objects that would have one name, the later one is left out", () => {
  const other = mapping("paused: true").replace('"namespace":"dr-syncer-system"', '"namespace":"other"');
  const conversion = convert(`${mapping("paused: false")}\n---\n${other}`);
  assert.equal(conversion.objects.length, 1);
  assert.deepEqual(lostIn(conversion), ["metadata.name"]);
});

Deno.test("a Replication that was converted before comes out the same", () => {
  const more = `resourceTypes: [secrets], excludeResourceTypes: [services], rbacObjects: Skip, crds: IfMissing,
    deletion: { policy: Retain }`;
  const once = convert(mapping(more, "Replication"));
  assert.deepEqual(once.findings, []);
  assert.deepEqual(settingsOf(once).deletion, { policy: "Retain" });
  assert.deepEqual(convert(JSON.stringify(once.objects[0])).objects, once.objects);
});

Deno.test("what the schema refuses is not printed", () => {
  const conversion = convert(mapping("replicationMode: Sometimes"));
  assert.deepEqual(conversion.objects, []);
  assert.deepEqual(lostIn(conversion), ["spec.replicationMode"]);
});

Deno.test("what is no object is an error that names its file", () => {
  for (const value of ["text", 7, { kind: "Secret" }, { apiVersion: "v1", kind: "Secret", metadata: {} }]) {
    assert.throws(() => convertManifests([{ file: "b.yaml", value }], { namespace: "a" }), (error: unknown) => {
      assert.ok(error instanceof ManifestError);
      assert.match(error.message, /Cannot read b\.yaml/);
      return true;
    });
  }
});
