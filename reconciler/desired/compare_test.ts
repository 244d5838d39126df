import assert from "node:assert/strict";
import fc from "fast-check";
import { covers, differenceOf, firstDifference } from "./compare.ts";
import { desired } from "./desired.ts";
import { contextFor, readGoldenSources } from "./testing.ts";

const deployment = (spec: unknown) => ({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec });
const widget = (spec: unknown) => ({ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" }, spec });
const marked = (annotations: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c", labels: { app: "shop" }, annotations },
});

/** [what, live, desired, first difference] */
const CASES: readonly (readonly [string, unknown, unknown, string | undefined])[] = [
  ["equal", deployment({ replicas: 0 }), deployment({ replicas: 0 }), undefined],
  ["another value", deployment({ replicas: 2 }), deployment({ replicas: 0 }), "spec.replicas"],
  ["a field that others added", deployment({ replicas: 0, paused: true }), deployment({ replicas: 0 }), undefined],
  ["a missing field", deployment({}), deployment({ replicas: 0 }), "spec.replicas"],
  ["a missing object", deployment(undefined), deployment({ replicas: 0 }), "spec"],
  [
    "a default inside a list item",
    deployment({ c: [{ name: "a", pull: "Always" }] }),
    deployment({ c: [{ name: "a" }] }),
    undefined,
  ],
  [
    "a difference inside a list item",
    deployment({ c: [{ name: "b" }] }),
    deployment({ c: [{ name: "a" }] }),
    "spec.c[0].name",
  ],
  ["a longer list", deployment({ c: [{ name: "a" }, { name: "b" }] }), deployment({ c: [{ name: "a" }] }), "spec.c"],
  ["another order", deployment({ args: ["b", "a"] }), deployment({ args: ["a", "b"] }), "spec.args[0]"],
  ["empty values that the server left out", deployment({}), deployment({ a: {}, b: [], c: "", d: null }), undefined],
  ["null against nothing, the other way", deployment({ a: {} }), deployment({ a: null }), undefined],
  ["false is a value", deployment({}), deployment({ hostNetwork: false }), "spec.hostNetwork"],
  [
    "an empty selector selects all",
    deployment({ from: [{}] }),
    deployment({ from: [{ namespaceSelector: {} }] }),
    "spec.from[0].namespaceSelector",
  ],
  [
    "emptyDir is a choice",
    deployment({ volumes: [{}] }),
    deployment({ volumes: [{ emptyDir: {} }] }),
    "spec.volumes[0].emptyDir",
  ],
  ["empty values of a custom resource", widget({}), widget({ options: {} }), "spec.options"],
  ["null of a custom resource", widget({}), widget({ options: null }), undefined],
  [
    "quantities of one amount",
    deployment({ resources: { requests: { cpu: "1", memory: "1Gi" } } }),
    deployment({ resources: { requests: { cpu: "1000m", memory: "1024Mi" } } }),
    undefined,
  ],
  [
    "quantities of two amounts",
    deployment({ resources: { limits: { cpu: "1" } } }),
    deployment({ resources: { limits: { cpu: "1001m" } } }),
    "spec.resources.limits.cpu",
  ],
  ["a quantity by itself", deployment({ sizeLimit: "1Gi" }), deployment({ sizeLimit: "1024Mi" }), undefined],
  [
    "what looks like a quantity elsewhere",
    deployment({ version: "1" }),
    deployment({ version: "1000m" }),
    "spec.version",
  ],
  [
    "quantities of a custom resource",
    widget({ limits: { cpu: "1" } }),
    widget({ limits: { cpu: "1000m" } }),
    "spec.limits.cpu",
  ],
  ["a foreign annotation", marked({ note: "x", other: "y" }), marked({ note: "x" }), undefined],
  ["an annotation taken off", marked({}), marked({ note: "x" }), "metadata.annotations.note"],
  [
    "another hash",
    marked({ "dr-syncer.io/desired-hash": "1" }),
    marked({ "dr-syncer.io/desired-hash": "2" }),
    'metadata.annotations["dr-syncer.io/desired-hash"]',
  ],
  [
    "a key of ours that should be gone",
    marked({ "dr-syncer.io/orphaned-at": "now" }),
    marked({}),
    'metadata.annotations["dr-syncer.io/orphaned-at"]',
  ],
  [
    "a label of the user in our group",
    { ...marked({}), metadata: { name: "c", labels: { app: "shop", "dr-syncer.io/ignore": "false" } } },
    marked({}),
    undefined,
  ],
  [
    "status and server-side metadata",
    { ...marked({}), status: { x: 1 }, metadata: { ...marked({}).metadata, uid: "1" } },
    marked({}),
    undefined,
  ],
  ["another namespace", { ...marked({}), metadata: { ...marked({}).metadata, namespace: "a" } }, {
    ...marked({}),
    metadata: { ...marked({}).metadata, namespace: "b" },
  }, "metadata.namespace"],
  ["nothing there", undefined, marked({}), "."],
];

for (const [what, live, wanted, path] of CASES) {
  Deno.test(`covers: ${what}`, () => {
    assert.equal(firstDifference(live, wanted), path);
    assert.equal(covers(live, wanted), path === undefined);
  });
}

/** Every way to change one value inside a JSON value, by the path to it. */
function leaves(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) =>
    leaves(member, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

Deno.test("covers: a copy covers itself with additions, and not with any one value changed", () => {
  const copies = [...readGoldenSources().values()].flatMap((source) => {
    const result = desired(source, contextFor(source));
    return result.kind === "object" ? [result.object] : [];
  });
  fc.assert(fc.property(fc.constantFrom(...copies), fc.nat(), (copy, pick) => {
    const live = structuredClone({ ...copy, status: { ready: true }, added: {} });
    assert.equal(firstDifference(live, copy), undefined);
    const paths = leaves(copy);
    const path = paths[pick % paths.length]!;
    // Untyped on purpose: the path was taken from the object itself.
    const parent = path.slice(0, -1).reduce(
      (at, key) => (at as Record<string | number, unknown>)[key],
      live as unknown,
    );
    (parent as Record<string | number, unknown>)[path.at(-1)!] = "changed";
    assert.notEqual(firstDifference(live, copy), undefined, path.join("."));
  }));
});

Deno.test("a difference has the same digest whatever changes beside it", () => {
  const want = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", labels: { app: "a" } }, data: { a: "1" } };
  const live = (a: string, more: object = {}, labels: Record<string, string> = {}) => ({
    ...want,
    metadata: { name: "c", labels: { app: "a", ...labels }, resourceVersion: String(Math.random()) },
    data: { a, ...more },
  });
  assert.equal(differenceOf(live("1", { b: "2" }), want), undefined);
  const digest = differenceOf(live("2"), want);
  assert.equal(digest, differenceOf(live("2", { b: "2" }, { theirs: "x" }), want));
  assert.notEqual(digest, differenceOf(live("3"), want));
  assert.notEqual(digest, differenceOf(live("2", {}, { "dr-syncer.io/origin": "forged" }), want));
  assert.notEqual(digest, undefined);
});
