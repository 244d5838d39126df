import assert from "node:assert/strict";
import type { Discovery } from "../kube/types.ts";
import { isSameKind, planKinds } from "./kinds.ts";
import { discoveryOf, kindOf } from "./testing.ts";

const configMaps = kindOf("configmaps", "ConfigMap", { shortNames: ["cm"] });
const deployments = kindOf("deployments", "Deployment", { group: "apps", shortNames: ["deploy"] });
const ingresses = kindOf("ingresses", "Ingress", { group: "networking.k8s.io" });
const widgets = kindOf("widgets", "Widget", { group: "example.com", version: "v2" });
const pods = kindOf("pods", "Pod");
const nodes = kindOf("nodes", "Node", { namespaced: false });

function plan(
  source: Discovery,
  target: Discovery,
  selected: ReadonlySet<string> | "*" = "*",
  deselected: string[] = [],
) {
  return planKinds({ source, target, selected, deselected: new Set(deselected) });
}

Deno.test("a pass goes by tiers, and by name within one", () => {
  const all = discoveryOf([ingresses, widgets, deployments, configMaps]);
  assert.deepEqual(plan(all, all).kinds.map((kind) => kind.name), [
    "configmaps",
    "widgets.example.com",
    "deployments.apps",
    "ingresses.networking.k8s.io",
  ]);
});

Deno.test("what is never mirrored is not planned", () => {
  const readOnly = kindOf("reports", "Report", { group: "example.com", verbs: ["get", "list"] });
  const all = discoveryOf([pods, nodes, readOnly, configMaps]);
  assert.deepEqual(plan(all, all).kinds.map(({ name }) => name), ["configmaps"]);
});

Deno.test("a kind whose definition is being deleted is followed to the end, and is not begun with", () => {
  const terminating = { ...widgets, verbs: ["delete", "deletecollection", "get", "list", "watch"] };
  const options = { target: discoveryOf([widgets]), selected: "*" as const, deselected: new Set<string>() };
  const before = new Map(planKinds({ ...options, source: discoveryOf([widgets]) }).kinds.map((one) => [one.name, one]));
  assert.deepEqual(planKinds({ ...options, source: discoveryOf([terminating]), before }).kinds, [...before.values()]);
  assert.deepEqual(planKinds({ ...options, source: discoveryOf([terminating]) }).kinds, []);
  assert.deepEqual(planKinds({ ...options, source: discoveryOf([]), before }).kinds, []);
});

Deno.test("kinds that are not selected, or excluded, are planned as not selected", () => {
  const all = discoveryOf([configMaps, deployments, widgets]);
  const selected = (kinds: { name: string; selected: boolean }[]) =>
    kinds.filter((kind) => kind.selected).map((kind) => kind.name);
  assert.deepEqual(
    selected([...plan(all, all, new Set(["configmaps", "deployments.apps"]), ["deployments.apps"]).kinds]),
    ["configmaps"],
  );
  assert.deepEqual(selected([...plan(all, all, "*", ["configmaps"]).kinds]), [
    "widgets.example.com",
    "deployments.apps",
  ]);
});

const storedCases: { what: string; stored: (string | undefined)[]; served: string[]; expected: string }[] = [
  { what: "DR's storage version comes first", stored: ["v1", "v2"], served: ["v2", "v1"], expected: "v1" },
  { what: "then the source's", stored: [undefined, "v1"], served: ["v2", "v1"], expected: "v1" },
  { what: "one that DR does not serve does not count", stored: [undefined, "v1"], served: ["v2"], expected: "v2" },
  { what: "nor one that the source does not serve", stored: ["v3", "v2"], served: ["v3", "v2"], expected: "v2" },
];

for (const { what, stored, served, expected } of storedCases) {
  Deno.test(`the version of a custom resource: ${what}`, () => {
    const name = "widgets.example.com";
    const { kinds: [kind] } = planKinds({
      source: discoveryOf([widgets], { [name]: ["v2", "v1"] }),
      target: discoveryOf([{ ...widgets, version: served[0] as string }], { [name]: served }),
      stored: stored.map((version) => new Map(version === undefined ? [] : [[name, version]])),
      selected: "*",
      deselected: new Set(),
    });
    assert.deepEqual([kind?.source.version, kind?.target?.version], [expected, expected]);
  });
}

const versionCases: { what: string; source: string[]; target: string[] | undefined; expected: string }[] = [
  { what: "both prefer the same", source: ["v2"], target: ["v2"], expected: "v2 v2" },
  { what: "DR prefers a newer one but serves the source's", source: ["v2"], target: ["v3", "v2"], expected: "v2 v2" },
  {
    what: "DR serves an older one that the source serves too",
    source: ["v2", "v1"],
    target: ["v1"],
    expected: "v1 v1",
  },
  {
    what: "the source's order decides between several",
    source: ["v3", "v2", "v1"],
    target: ["v1", "v2"],
    expected: "v2 v2",
  },
  { what: "no version in common", source: ["v2"], target: ["v1"], expected: "v2 -" },
  { what: "DR lacks the kind", source: ["v2"], target: undefined, expected: "v2 -" },
];

for (const { what, source, target, expected } of versionCases) {
  Deno.test(`the version of a kind when ${what}: ${expected}`, () => {
    const name = "widgets.example.com";
    const ofSource = discoveryOf([{ ...widgets, version: source[0] as string }], { [name]: source });
    const ofTarget = target === undefined
      ? discoveryOf([])
      : discoveryOf([{ ...widgets, version: target[0] as string }], { [name]: target });
    const [kind] = plan(ofSource, ofTarget).kinds;
    assert.equal(`${kind?.source.version} ${kind?.target?.version ?? "-"}`, expected);
  });
}

Deno.test("a kind is another one as soon as it has replicas, or has them elsewhere", () => {
  const scaled = { ...widgets, subresources: ["scale"] };
  const planOf = (type: typeof widgets, path?: string) => {
    const all = discoveryOf([type]);
    const scalePaths = new Map(path === undefined ? [] : [["widgets.example.com", path]]);
    const { kinds: [kind] } = planKinds({ source: all, target: all, selected: "*", deselected: new Set(), scalePaths });
    assert.ok(kind !== undefined);
    return kind;
  };
  const plain = planOf(widgets);
  assert.equal(planOf(scaled, ".spec.count").specReplicasPath, ".spec.count");
  assert.ok(isSameKind(plain, planOf(widgets)));
  assert.ok(isSameKind(planOf(scaled, ".spec.count"), planOf(scaled, ".spec.count")));
  assert.ok(!isSameKind(plain, planOf(scaled)));
  assert.ok(!isSameKind(planOf(scaled), planOf(scaled, ".spec.count")));
  assert.ok(!isSameKind(planOf(scaled, ".spec.count"), planOf(scaled, ".spec.size")));
  assert.ok(!isSameKind(plain, undefined));
});
