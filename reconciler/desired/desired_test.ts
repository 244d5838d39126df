import assert from "node:assert/strict";
import fc from "fast-check";
import { MANAGED_BY } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { type Desired, desired, type KindAdaptation } from "./desired.ts";
import { contextFor, readGoldenSources } from "./testing.ts";

const SERVER_SIDE = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "managedFields",
  "ownerReferences",
  "finalizers",
  "generateName",
  "selfLink",
];

const goldenSource = fc.constantFrom(...readGoldenSources().values());

const labels = fc.dictionary(
  fc.constantFrom("app", "dr-syncer.io/scale-override", "dr-syncer.io/managed-by", "dr-syncer.io/storage-class", "x/y"),
  fc.constantFrom("0", "2", "source", "a"),
);
const annotations = fc.dictionary(
  fc.constantFrom(
    "dr-syncer.io/origin",
    "dr-syncer.io/original-replicas",
    "dr-syncer.io/original-annotations",
    "dr-syncer.io/epoch",
    "external-dns.alpha.kubernetes.io/hostname",
    "autoscaling.keda.sh/paused",
    "note",
  ),
  fc.constantFrom("1", "{}", "[", '{"a":null}'),
);
const body = fc.dictionary(
  fc.constantFrom("spec", "data", "status", "stringData", "secrets", "subjects", "roleRef", "__proto__", "extra"),
  fc.jsonValue({ maxDepth: 4 }),
);

/** Real objects with anything in their labels, annotations and body. */
const anySource: fc.Arbitrary<KubeObject> = fc.tuple(goldenSource, labels, annotations, body, fc.boolean()).map(
  ([object, moreLabels, moreAnnotations, fields, wild]) => ({
    ...object,
    ...(wild ? fields : {}),
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, ...moreLabels },
      annotations: { ...object.metadata.annotations, ...moreAnnotations },
    },
  }),
);

const anyContext = fc.record({
  scaleToZero: fc.boolean(),
  destinationNamespace: fc.constantFrom("shop", "shop-dr"),
  rbacObjects: fc.constantFrom("Mirror" as const, "Skip" as const),
});

function copyOf(result: Desired): Extract<Desired, { kind: "object" }> {
  assert.equal(result.kind, "object");
  return result as Extract<Desired, { kind: "object" }>;
}

/** Mappings and overrides that fit most objects, and some that do not. */
const ADAPTATION: KindAdaptation = {
  imageRewrites: [{ from: "docker.io", to: "mirror.example.org" }],
  storageClassMappings: [{ from: "*", to: "standard" }],
  accessModeMappings: [{ from: "ReadWriteOnce", to: "ReadWriteMany" }],
  ingressHostMappings: [{ from: "*.example.com", to: "*.dr.example.com" }],
  overrides: [
    {
      name: "label",
      match: { kind: "*" },
      jsonPatch: [
        { op: "add", path: "/metadata/labels/env", value: "dr" },
        { op: "add", path: "/extra", value: { list: [{ a: 1 }] } },
        { op: "copy", from: "/extra/list", path: "/copied" },
      ],
    },
    { name: "no-spec", match: { kind: "*", name: "web*" }, jsonPatch: [{ op: "remove", path: "/spec" }] },
  ],
};

const adaptedContext = fc.tuple(anyContext, fc.constantFrom(undefined, ADAPTATION)).map(([context, adaptation]) => (
  { ...context, adaptation }
));

Deno.test("desired never changes the source or the spec, nor shares a part with them", () => {
  const spec = structuredClone(ADAPTATION);
  freeze(ADAPTATION);
  fc.assert(fc.property(anySource, adaptedContext, (source, context) => {
    const before = structuredClone(source);
    const result = desired(freeze(source), contextFor(source, context));
    assert.deepEqual(source, before);
    assert.deepEqual(ADAPTATION, spec);
    if (result.kind !== "object") return;
    assert.equal(shared(result.object, new Set([...parts(source), ...parts(ADAPTATION)])), undefined);
  }));
});

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

function parts(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(parts)];
}

function shared(value: unknown, others: ReadonlySet<unknown>): unknown {
  return parts(value).find((part) => others.has(part));
}

Deno.test("a copy carries nothing that its server writes, and is where it belongs", () => {
  fc.assert(fc.property(anySource, adaptedContext, (source, changes) => {
    const context = contextFor(source, changes);
    const result = desired(source, context);
    if (result.kind !== "object") return;
    const { object } = result;
    assert.deepEqual(Object.keys(object.metadata).sort(), ["annotations", "labels", "name", "namespace"]);
    for (const field of SERVER_SIDE) assert.ok(!(field in object.metadata), field);
    assert.ok(!("status" in object));
    assert.equal(object.metadata.namespace, context.destinationNamespace);
    assert.equal(object.metadata.name, source.metadata.name);
    assert.equal(object.metadata.labels?.[MANAGED_BY], context.replicationId);
  }));
});

Deno.test("the same source gives the same copy", () => {
  fc.assert(fc.property(anySource, adaptedContext, (source, context) => {
    assert.deepEqual(
      desired(source, contextFor(source, context)),
      desired(structuredClone(source), contextFor(source, context)),
    );
  }));
});

Deno.test("the copy of a standby copy is the same copy, but for its origin", () => {
  fc.assert(fc.property(goldenSource, anyContext, (source, context) => {
    const first = desired(source, contextFor(source, context));
    if (first.kind !== "object") return;
    // As the DR server has it: with a uid, and with entries for the fields that were applied.
    const { managedFields } = source.metadata;
    const live = { ...first.object, metadata: { ...first.object.metadata, uid: source.metadata.uid, managedFields } };
    const origin = { ...context, sourceNamespace: "shop" };
    const second = copyOf(desired(live, contextFor(live, origin)));
    assert.deepEqual(second.object, first.object);
    assert.equal(second.hash, first.hash);
  }));
});

Deno.test("server-side changes of the source do not change the hash; a new uid does", () => {
  const source = [...readGoldenSources().values()].find((object) => object.kind === "Deployment")!;
  const hash = (object: KubeObject) => copyOf(desired(object, contextFor(object))).hash;
  const touched = {
    ...source,
    status: { replicas: 7 },
    metadata: { ...source.metadata, resourceVersion: "999999", generation: 8, finalizers: ["x/y"] },
  };
  assert.equal(hash(touched), hash(source));
  assert.notEqual(hash({ ...source, metadata: { ...source.metadata, uid: "another" } }), hash(source));
});

Deno.test("a replicas path is followed as far as it goes, and never out of the object", () => {
  const widget: KubeObject = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "w" },
    spec: { size: 1 },
  };
  const at = (specReplicasPath: string) =>
    copyOf(desired(widget, contextFor(widget, { specReplicasPath }))).object.spec;
  assert.deepEqual(at(".spec.pool.count"), { size: 1, pool: { count: 0 } });
  at(".spec.__proto__.count");
  at(".spec.constructor.prototype.count");
  assert.equal(({} as Record<string, unknown>).count, undefined);
});

Deno.test("a scale subresource whose path is not known is reported, not guessed", () => {
  const widget: KubeObject = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "w" },
    spec: { size: 1 },
  };
  const result = copyOf(desired(widget, contextFor(widget, { specReplicasPath: undefined })));
  assert.deepEqual(result.object.spec, { size: 1 });
  assert.deepEqual(result.reports.map((report) => report.reason), ["ScalePathUnknown"]);
});

Deno.test("annotations that would exceed the server's limit are reported without their values", () => {
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "big", annotations: { note: "ä".repeat(131_000) } },
  };
  const result = copyOf(desired(source, contextFor(source)));
  assert.deepEqual(result.reports.map((report) => report.reason), ["AnnotationsTooLarge"]);
  assert.ok(result.reports[0]!.message.length < 300);
  const smaller = { ...source, metadata: { name: "big", annotations: { note: "a".repeat(260_000) } } };
  assert.deepEqual(copyOf(desired(smaller, contextFor(smaller))).reports, []);
});

Deno.test("tracking keys can be added, exact or by prefix", () => {
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", labels: { "app.kubernetes.io/instance": "shop", "tool/x": "1", app: "shop" } },
  };
  const context = contextFor(source, { trackingKeys: ["app.kubernetes.io/instance", "tool/"] });
  assert.deepEqual(Object.keys(copyOf(desired(source, context)).object.metadata.labels!), ["app", MANAGED_BY]);
});

/** [name, labels, why there is no copy; undefined when there is one] */
const SELECTION = [
  ["web", { app: "shop" }, undefined],
  ["web", { app: "other" }, "Deselected"],
  ["web", undefined, "Deselected"],
  ["cache-1", { app: "shop" }, "Deselected"],
  ["local", { app: "shop" }, "Deselected"],
  ["local-2", { app: "shop" }, undefined],
  ["cache-1", { "dr-syncer.io/ignore": "true" }, "Ignored"],
] as const;

for (const [name, labels, expected] of SELECTION) {
  Deno.test(`with a selector and excluded names, ${name} ${JSON.stringify(labels)}: ${expected ?? "a copy"}`, () => {
    const source: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels } };
    const adaptation = { labelSelector: { matchLabels: { app: "shop" } }, excludedNames: ["cache-*", "local"] };
    const result = desired(source, contextFor(source, { adaptation }));
    assert.equal(result.kind === "skip" ? result.reason : undefined, expected);
  });
}

const DEPLOYMENT = readGoldenSources().get("deployment")!;
const SERVICE = readGoldenSources().get("service_node_port_allocated")!;

/** [label value, replicas of the copy, original noted]; the source has 3. */
const OVERRIDES = [
  ["0", 0, "3"],
  ["1", 1, "3"],
  ["12", 12, "3"],
  ["all", 3, undefined],
  ["-1", 3, undefined],
  ["1e3", 3, undefined],
  ["", 3, undefined],
  ["99999999999", 3, undefined],
] as const;

for (const [value, replicas, original] of OVERRIDES) {
  Deno.test(`scale-override "${value}" of 3 replicas gives ${replicas}, with and without scaleToZero`, () => {
    const labels = { ...DEPLOYMENT.metadata.labels, "dr-syncer.io/scale-override": value };
    const source = { ...DEPLOYMENT, metadata: { ...DEPLOYMENT.metadata, labels } };
    for (const scaleToZero of [true, false]) {
      const { object } = copyOf(desired(source, contextFor(source, { scaleToZero })));
      assert.equal((object.spec as { replicas: number }).replicas, replicas);
      assert.equal(object.metadata.annotations!["dr-syncer.io/original-replicas"], original);
    }
  });
}

Deno.test("null where other servers write nothing does not change the copy of a built-in kind", () => {
  const spec = structuredClone(DEPLOYMENT.spec) as { template: { metadata: Record<string, unknown> } };
  spec.template.metadata.creationTimestamp = null;
  const older = { ...DEPLOYMENT, spec };
  assert.deepEqual(desired(older, contextFor(older)), desired(DEPLOYMENT, contextFor(DEPLOYMENT)));
});

Deno.test("a node port that only a status writer lists is not the user's", () => {
  const fieldsV1 = { "f:spec": { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { "f:nodePort": {} } } } };
  const withEntry = (entry: object) => {
    const source = { ...SERVICE, metadata: { ...SERVICE.metadata, managedFields: [{ fieldsV1, ...entry }] } };
    const { object } = copyOf(desired(source, contextFor(source)));
    return (object.spec as { ports: { nodePort?: number }[] }).ports[0]!.nodePort;
  };
  assert.equal(withEntry({ manager: "cloud", subresource: "status" }), undefined);
  assert.equal(withEntry({ manager: "helm", operation: "Update" }), 30514);
});

Deno.test("a ConfigMap that is a lock and holds data too is mirrored", () => {
  const lock = readGoldenSources().get("config_map_leader_election")!;
  const source = { ...lock, data: { key: "value" } };
  assert.equal(desired(source, contextFor(source)).kind, "object");
});

Deno.test("Endpoints of an older server are known by who wrote them", () => {
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "web", managedFields: [{ manager: "kube-controller-manager", operation: "Update" }] },
  };
  const result = desired(source, contextFor(source));
  assert.equal(result.kind === "skip" && result.reason, "ManagedEndpoints");
});

Deno.test("the API server's own Service is in namespace default only", () => {
  const own = (kind: string, apiVersion: string, sourceNamespace: string, metadata: KubeObject["metadata"]) => {
    const source: KubeObject = { apiVersion, kind, metadata };
    const result = desired(source, contextFor(source, { sourceNamespace }));
    return result.kind === "skip" ? result.reason : result.kind;
  };
  const slice = { name: "kubernetes-x", labels: { "kubernetes.io/service-name": "kubernetes" } };
  assert.equal(own("Service", "v1", "default", { name: "kubernetes" }), "ExcludedName");
  assert.equal(own("Endpoints", "v1", "default", { name: "kubernetes" }), "ExcludedName");
  assert.equal(own("EndpointSlice", "discovery.k8s.io/v1", "default", slice), "ExcludedName");
  assert.equal(own("Service", "v1", "shop", { name: "kubernetes" }), "object");
  assert.equal(own("EndpointSlice", "discovery.k8s.io/v1", "shop", slice), "object");
});
