import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import type { KindAdaptation } from "./context.ts";
import { desired } from "./desired.ts";
import { contextFor } from "./testing.ts";

function copyOf(source: KubeObject, adaptation: KindAdaptation) {
  const result = desired(source, contextFor(source, { adaptation }));
  assert.ok(result.kind === "object");
  return result;
}

function deployment(podSpec: object): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { template: { spec: podSpec } },
  };
}

const REWRITES = [
  { from: "registry.example.com/team", to: "mirror.local/live/team" },
  { from: "registry.example.com", to: "mirror.local/live" },
  { from: "localhost:5000", to: "mirror.local" },
  { from: "docker.io/library", to: "mirror.local/hub" },
  { from: "docker.io", to: "mirror.local/any" },
];

/** [image in the source, image in DR, rule that was used] */
const IMAGES = [
  ["registry.example.com/team/web:1.2", "mirror.local/live/team/web:1.2", 0],
  ["registry.example.com/team:1.2", "mirror.local/live/team:1.2", 0],
  ["registry.example.com/team@sha256:0123", "mirror.local/live/team@sha256:0123", 0],
  ["registry.example.com/teams/web:1.2", "mirror.local/live/teams/web:1.2", 1],
  ["registry.example.com/team-b/web", "mirror.local/live/team-b/web", 1],
  ["registry.example.com:8443/web", "registry.example.com:8443/web", undefined],
  ["registry.example.com.org/web", "registry.example.com.org/web", undefined],
  ["my.registry.example.com/web", "my.registry.example.com/web", undefined],
  ["localhost:5000/web:1@sha256:0123", "mirror.local/web:1@sha256:0123", 2],
  ["localhost/web", "localhost/web", undefined],
  ["nginx", "mirror.local/hub/nginx", 3],
  ["nginx:1.27", "mirror.local/hub/nginx:1.27", 3],
  ["docker.io/library/nginx", "mirror.local/hub/nginx", 3],
  ["bitnami/redis:7", "mirror.local/any/bitnami/redis:7", 4],
  ["quay.io/org/app:2", "quay.io/org/app:2", undefined],
] as const;

for (const [image, expected, index] of IMAGES) {
  Deno.test(`image ${image} is ${expected === image ? "left alone" : expected} in DR`, () => {
    const result = copyOf(deployment({ containers: [{ name: "main", image }] }), { imageRewrites: REWRITES });
    const { template } = result.object.spec as { template: { spec: { containers: { image: string }[] } } };
    assert.equal(template.spec.containers[0]?.image, expected);
    assert.deepEqual([...result.used], index === undefined ? [] : [`imageRewrites[${index}]`]);
  });
}

Deno.test("every list of containers of every pod template is rewritten, and nothing that only looks like one", () => {
  const imageRewrites = [{ from: "registry.example.com", to: "mirror.local" }];
  const image = "registry.example.com/web";
  const podSpec = {
    containers: [{ name: "a", image }, { name: "b" }],
    initContainers: [{ name: "c", image }],
    ephemeralContainers: [{ name: "d", image }],
    volumes: [{ name: "e", image: { reference: image } }, { name: "f", emptyDir: {} }],
  };
  const objects: KubeObject[] = [
    deployment(podSpec),
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "n" },
      spec: { jobTemplate: { spec: { template: { spec: podSpec } } } },
    },
    { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "n" }, spec: { pool: { template: podSpec } } },
  ];
  for (const object of objects) {
    const text = JSON.stringify(copyOf(object, { imageRewrites }).object);
    assert.equal(text.match(/mirror\.local\/web/g)?.length, 4, object.kind);
    assert.doesNotMatch(text, /registry\.example\.com/);
  }
  const map: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "n" }, data: { image } };
  assert.deepEqual(copyOf(map, { imageRewrites }).object.data, { image });
});

const CLASSES = {
  storageClassMappings: [{ from: "*", to: "standard" }, { from: "fast", to: "premium" }],
};

/** [class in the source, label of the claim, class in DR, rule that was used] */
const CLAIMS = [
  ["fast", undefined, "premium", "fast"],
  ["slow", undefined, "standard", "*"],
  [undefined, undefined, "standard", "*"],
  ["", undefined, "standard", "*"],
  ["fast", "archive", "archive", undefined],
  ["fast", "", "premium", "fast"],
] as const;

for (const [from, label, expected, rule] of CLAIMS) {
  Deno.test(`a claim of class ${from} with label ${label} has class ${expected} in DR, and so has a claim template`, () => {
    const labels: Record<string, string> = label === undefined ? {} : { "dr-syncer.io/storage-class": label };
    const claim = { metadata: { name: "data", labels }, spec: { storageClassName: from } };
    const objects: [KubeObject, (spec: unknown) => unknown][] = [
      [{ apiVersion: "v1", kind: "PersistentVolumeClaim", ...claim }, (spec) => spec],
      [
        {
          apiVersion: "apps/v1",
          kind: "StatefulSet",
          metadata: { name: "db" },
          spec: { volumeClaimTemplates: [claim] },
        },
        (spec) => (spec as { volumeClaimTemplates: { spec: unknown }[] }).volumeClaimTemplates[0]?.spec,
      ],
    ];
    for (const [source, specOf] of objects) {
      const result = copyOf(source, CLASSES);
      assert.deepEqual(specOf(result.object.spec), { storageClassName: expected }, source.kind);
      assert.deepEqual([...result.used], rule === undefined ? [] : [`storageClassMappings[${rule}]`]);
    }
  });
}

Deno.test("a class in the old annotation is mapped into the field", () => {
  const annotations = { "volume.beta.kubernetes.io/storage-class": "fast" };
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", annotations },
    spec: {},
  };
  const { object } = copyOf(source, CLASSES);
  assert.deepEqual(object.spec, { storageClassName: "premium" });
  assert.ok(!("volume.beta.kubernetes.io/storage-class" in object.metadata.annotations!));
  assert.deepEqual(copyOf(source, {}).object.spec, {}, "without a mapping it stays where it is");
});

Deno.test("access modes are mapped one by one, each once", () => {
  const accessModeMappings = [
    { from: "ReadWriteMany" as const, to: "ReadWriteOnce" as const },
    { from: "ReadOnlyMany" as const, to: "ReadWriteOnce" as const },
  ];
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"] },
  };
  const { object, used } = copyOf(source, { accessModeMappings });
  assert.deepEqual(object.spec, { accessModes: ["ReadWriteOnce", "ReadWriteOncePod"] });
  assert.deepEqual([...used], ["accessModeMappings[ReadWriteMany]"]);
});

const HOSTS = {
  ingressHostMappings: [
    { from: "*.example.com", to: "*.dr.example.com" },
    { from: "*.eu.example.com", to: "*.dr.example.eu" },
    { from: "shop.example.com", to: "shop.standby.org" },
  ],
};

/** [host in the source, host in DR, rule that was used] */
const HOST_CASES = [
  ["shop.example.com", "shop.standby.org", "shop.example.com"],
  ["api.example.com", "api.dr.example.com", "*.example.com"],
  ["a.b.example.com", "a.b.dr.example.com", "*.example.com"],
  ["a.eu.example.com", "a.dr.example.eu", "*.eu.example.com"],
  ["*.example.com", "*.dr.example.com", "*.example.com"],
  ["example.com", "example.com", undefined],
  ["myexample.com", "myexample.com", undefined],
  ["shop.example.com.evil.org", "shop.example.com.evil.org", undefined],
] as const;

for (const [host, expected, rule] of HOST_CASES) {
  Deno.test(`host ${host} is ${expected} in DR, wherever a host stands`, () => {
    const of = (apiVersion: string, kind: string, spec: object): KubeObject => (
      { apiVersion, kind, metadata: { name: "web" }, spec }
    );
    const gateway = "gateway.networking.k8s.io/v1";
    const specs: ((host: string) => KubeObject)[] = [
      (host) =>
        of("networking.k8s.io/v1", "Ingress", { rules: [{ host }, { http: {} }], tls: [{ hosts: [host] }, {}] }),
      (host) => of("route.openshift.io/v1", "Route", { host }),
      (host) => of(gateway, "HTTPRoute", { hostnames: [host] }),
      (host) => of(gateway, "Gateway", { listeners: [{ name: "https", hostname: host }, { name: "any" }] }),
    ];
    for (const make of specs) {
      const result = copyOf(make(host), HOSTS);
      assert.deepEqual(result.object.spec, make(expected).spec, result.object.kind);
      assert.deepEqual([...result.used], rule === undefined ? [] : [`ingressHostMappings[${rule}]`]);
    }
  });
}
