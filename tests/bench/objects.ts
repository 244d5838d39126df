/**
 * The objects that the benchmark writes: a mix of kinds, of the size that such objects have in practice.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";

/** Annotation that names the write which made an object what it is. */
export const WRITE = "bench.example.com/write";

/** Kinds of the mix, `resource.group`. */
export const KINDS = ["configmaps", "secrets", "services", "deployments.apps", "widgets.bench.example.com"] as const;
/** One of the mix. */
export type Kind = typeof KINDS[number];

/** Twenty objects in the order in which the mix repeats itself: 8 ConfigMaps, 4 Secrets, 3 of each other, 2 custom. */
const MIX: readonly Kind[] = Array.from("cscdcvcscdwcscvdcvsw", (letter) => {
  const kinds = { c: KINDS[0], s: KINDS[1], v: KINDS[2], d: KINDS[3], w: KINDS[4] } as Record<string, Kind>;
  return kinds[letter] as Kind;
});

/** Definition of the mix's custom resource. */
export const WIDGETS_DEFINITION = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.bench.example.com" },
  spec: {
    group: "bench.example.com",
    names: { kind: "Widget", plural: "widgets", singular: "widget" },
    scope: "Namespaced",
    versions: [{
      name: "v1",
      served: true,
      storage: true,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      },
    }],
  },
};

/** Kind of the n-th object of the mix. */
export function kindAt(index: number): Kind {
  return MIX[index % MIX.length] as Kind;
}

/** An object as `write` makes it: every part that a write changes says so. */
export function makeObject(kind: Kind, namespace: string, name: string, write: number): KubeObject {
  const metadata = { name, namespace, labels: { app: name }, annotations: { [WRITE]: String(write) } };
  return { ...BODIES[kind](name, write), metadata };
}

/** Data of the largest object that API servers take. */
const LARGE_BYTES = 2 ** 20;

/** A ConfigMap with 1 MiB of data that does not compress well. */
export function makeLarge(namespace: string, name: string, write: number): KubeObject {
  const random = crypto.getRandomValues(new Uint8Array(48 * 1_024)).toBase64();
  const payload = random.repeat(LARGE_BYTES / random.length).padEnd(LARGE_BYTES, "=");
  const metadata = { name, namespace, annotations: { [WRITE]: String(write) } };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { payload } };
}

/** A JSON merge patch (RFC 7386) that makes of an object what `write` makes it. */
export function patchOf(kind: Kind, name: string, write: number): Record<string, unknown> {
  const { apiVersion: _, kind: __, ...content } = BODIES[kind](name, write);
  return { metadata: { annotations: { [WRITE]: String(write) } }, ...content };
}

/** The write that an object shows; undefined for an object that is not ours. */
export function writeOf(object: KubeObject): number | undefined {
  const text = object.metadata.annotations?.[WRITE];
  return text === undefined ? undefined : Number(text);
}

const FILLING = "server.port=8080\nserver.host=0.0.0.0\ncache.size=512\nlog.level=info\nfeature.flags=a,b,c\n".repeat(
  8,
);

type Body = Omit<KubeObject, "metadata"> & Pick<KubeObject, "apiVersion" | "kind">;

const BODIES: Record<Kind, (name: string, write: number) => Body> = {
  "configmaps": (_, write) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    data: { "application.properties": FILLING, revision: String(write) },
  }),
  "secrets": (_, write) => ({
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    data: { password: btoa(`password-${write}`), token: btoa(FILLING) },
  }),
  "services": (name, write) => ({
    apiVersion: "v1",
    kind: "Service",
    spec: { selector: { app: name, revision: String(write) }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  }),
  "deployments.apps": (name, write) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{
            name: "web",
            image: `registry.example.com/web:${write}`,
            ports: [{ containerPort: 8080 }],
            env: [{ name: "REVISION", value: String(write) }, { name: "MODE", value: "production" }],
            resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
            readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
          }],
        },
      },
    },
  }),
  "widgets.bench.example.com": (_, write) => ({
    apiVersion: "bench.example.com/v1",
    kind: "Widget",
    spec: { size: write, colours: ["red", "green", "blue"], notes: FILLING },
  }),
};
