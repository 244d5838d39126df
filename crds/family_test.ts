import assert from "node:assert/strict";
import * as fc from "fast-check";
import { childName, childSpec, destinationFor, familyLabel, isChildOf, newChild } from "./family.ts";
import { replicationSpec } from "./schema/replication.ts";
import type { FamilySpec, ReplicationFamily, ReplicationSpecInput } from "./types.ts";
import { describe, validateReplication, type World } from "./validate.ts";

const CONTROL = "dr-syncer-system";
const SELECTOR = { matchLabels: { mirror: "yes" } };

function family(spec: Partial<ReplicationSpecInput> = {}, name = "apps", namespace = CONTROL): ReplicationFamily {
  const input = { destinationCluster: "dr", sourceNamespaceSelector: SELECTOR, ...spec };
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name, namespace, uid: "u1", annotations: {} },
    spec: replicationSpec.parse(input) as FamilySpec,
  };
}

const WORLD: World = {
  controlNamespace: CONTROL,
  tenantMode: false,
  localClusterId: "id-own",
  remoteClusters: new Map(),
  replications: [],
  now: new Date("2026-01-02T00:00:00Z"),
};

function denials(one: ReplicationFamily, world = WORLD): string[] {
  return validateReplication(one, world).denials.map(({ field, reason }) => `${field.replace("spec.", "")} ${reason}`);
}

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const subdomain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".").slice(0, 253))
  .map((name) => name.replace(/[-.]+$/, "0"));

Deno.test("children of two parents or namespaces never share a name, and every name is legal", () => {
  const pair = fc.tuple(subdomain, label);
  fc.assert(fc.property(pair, pair, (a, b) => {
    const [first, second] = [childName(...a), childName(...b)];
    assert.ok(first.length <= 253, first);
    assert.match(first, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
    assert.equal(first === second, a[0] === b[0] && a[1] === b[1]);
  }));
  assert.notEqual(childName("a", "b-c"), childName("a-b", "c"));
  const long = "x".repeat(250);
  assert.equal(childName("apps", "shop"), "apps.shop");
  assert.notEqual(childName(`${long}a`, "shop"), childName(`${long}b`, "shop"));
  assert.match(childName(`${long}a`, "y".repeat(63)), /^x{178}-[0-9a-f]{10}\.y{63}$/);
});

Deno.test("the label of a family is one, whatever its name", () => {
  fc.assert(fc.property(subdomain, (name) => {
    assert.match(familyLabel(name), /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
  }));
  assert.equal(familyLabel("apps"), "apps");
  assert.notEqual(familyLabel(`${"x".repeat(100)}a`), familyLabel(`${"x".repeat(100)}b`));
});

Deno.test("a child has every field of its parent but the selector, and its own ends", () => {
  const parent = family({ destinationNamespace: "dr-{namespace}-x", paused: true, overrides: [] });
  const { sourceNamespaceSelector: _, ...rest } = parent.spec;
  const ends = { sourceNamespace: "shop", destinationNamespace: "dr-shop-x" };
  assert.deepEqual(childSpec(parent, "shop"), { ...rest, ...ends });
  assert.equal("destinationNamespace" in childSpec(family(), "shop"), false);
  assert.equal(destinationFor(family(), "shop"), "shop");
});

Deno.test("a child is what its parent owns under the name it gives; a parent without uid owns nothing", () => {
  const parent = family();
  const child = newChild(parent, { name: "shop", uid: "n1" });
  assert.ok(isChildOf(child, parent));
  const { metadata } = child;
  assert.equal(isChildOf({ ...child, metadata: { ...metadata, name: "copy" } }, parent), false);
  assert.equal(isChildOf({ ...child, metadata: { ...metadata, ownerReferences: [] } }, parent), false);
  const unstored = { ...parent, metadata: { ...parent.metadata, uid: undefined } };
  assert.equal(isChildOf({ ...child, metadata: { ...metadata, ownerReferences: [] } }, unstored), false);
});

Deno.test("a parent that was asked for a sync asks its new children too", () => {
  const parent = family();
  parent.metadata.annotations = { "dr-syncer.io/sync-now": "7", note: "mine" };
  assert.deepEqual(newChild(parent, { name: "shop", uid: "n1" }).metadata.annotations, {
    "dr-syncer.io/source-namespace-uid": "n1",
    "dr-syncer.io/sync-now": "7",
  });
});

Deno.test("what no namespace could make right is denied", () => {
  const cases: [Partial<ReplicationSpecInput>, string[]][] = [
    [{}, []],
    [{ destinationNamespace: "dr-{namespace}" }, []],
    [{ destinationNamespace: "kube-{namespace}" }, ["destinationNamespace ProtectedNamespace"]],
    [{ destinationNamespace: "dr" }, ["destinationNamespace TemplateInvalid"]],
    [{ sourceNamespaceSelector: {} }, ["sourceNamespaceSelector SelectorInvalid"]],
    [
      { sourceNamespaceSelector: { matchLabels: { "a b": "c" } } },
      ["sourceNamespaceSelector.matchLabels SelectorInvalid"],
    ],
    [{ sourceCluster: "dr" }, ["destinationNamespace SameEnds"]],
    [{ sourceCluster: "dr", destinationNamespace: "dr-{namespace}" }, []],
    [{ schedule: "0 2 * * *" }, ["schedule ScheduleUnexpected"]],
    [{ deletion: { budget: { window: "0s" } } }, ["deletion.budget.window DurationInvalid"]],
    [
      { overrides: [{ name: "a", match: { kind: "cm" }, jsonPatch: [{ op: "add", path: "/kind", value: 1 }] }] },
      ["overrides[a].jsonPatch[0].path OverrideInvalid"],
    ],
  ];
  for (const [spec, expected] of cases) assert.deepEqual(denials(family(spec)), expected, JSON.stringify(spec));
});

Deno.test("a selector is an administrator's: tenants have none, and none counts outside of the control namespace", () => {
  const elsewhere = family({}, "apps", "team-a");
  assert.deepEqual(denials(elsewhere), ["metadata.namespace NotHonoured"]);
  const tenants = { ...WORLD, tenantMode: true };
  const [problem] = validateReplication(elsewhere, tenants).denials;
  assert.equal(problem?.reason, "TenantNotAllowed");
  assert.match(describe(problem!), /set sourceNamespace to team-a instead/);
});

Deno.test("a spec names its source in one way", () => {
  const both = { destinationCluster: "dr", sourceNamespace: "a", sourceNamespaceSelector: SELECTOR };
  for (const spec of [both, { destinationCluster: "dr" }]) assert.equal(replicationSpec.safeParse(spec).success, false);
});
