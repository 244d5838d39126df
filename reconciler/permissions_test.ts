import assert from "node:assert/strict";
import { describeLacks, lacksOf, type Use } from "./permissions.ts";
import { kindOf } from "./testing.ts";

const configMaps = kindOf("configmaps", "ConfigMap");
const deployments = kindOf("deployments", "Deployment", { group: "apps" });
const roles = kindOf("roles", "Role", { group: "rbac.authorization.k8s.io" });
const pods = kindOf("pods", "Pod");
const nodes = kindOf("nodes", "Node", { namespaced: false });

const VERBS = ["get", "list", "watch", "create", "patch", "delete"];
/** What is needed besides the kinds. */
const basis = [
  { verbs: ["get", "list", "watch", "create", "update"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  { verbs: ["get", "create"], apiGroups: [""], resources: ["namespaces"] },
  { verbs: ["list", "watch"], apiGroups: [""], resources: ["pods", "events"] },
  {
    verbs: ["list"],
    apiGroups: ["storage.k8s.io", "networking.k8s.io", "scheduling.k8s.io", "node.k8s.io"],
    resources: ["storageclasses", "ingressclasses", "priorityclasses", "runtimeclasses"],
  },
];

function missingPermissions(
  rules: Parameters<typeof lacksOf>[0],
  types: Parameters<typeof lacksOf>[1],
  use: Use,
  rbacObjects = true,
  volumes = false,
): string[] {
  return describeLacks(lacksOf(rules, types, { use, rbacObjects, volumes }));
}

Deno.test("rules that allow everything lack nothing", () => {
  const all = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
  assert.deepEqual(missingPermissions(all, [configMaps, deployments, roles, pods, nodes], "Standby"), []);
});

Deno.test("verbs may come from several rules, and only mirrored kinds count", () => {
  const rules = [
    ...basis,
    { verbs: VERBS.slice(0, 3), apiGroups: ["", "apps"], resources: ["configmaps", "deployments"] },
    { verbs: VERBS.slice(3), apiGroups: ["*"], resources: ["*"] },
  ];
  assert.deepEqual(missingPermissions(rules, [configMaps, deployments, pods, nodes], "Standby"), []);
});

Deno.test("what is missing is named by verbs and kinds", () => {
  const rules = [...basis, { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] }];
  assert.deepEqual(missingPermissions(rules, [configMaps, deployments], "Standby"), [
    "create, patch, delete on configmaps, deployments.apps",
  ]);
  assert.deepEqual(missingPermissions([], [], "Standby"), [
    "get, create, update, watch, list on leases.coordination.k8s.io",
    "list, watch on pods, events",
    "list on storageclasses.storage.k8s.io, ingressclasses.networking.k8s.io, priorityclasses.scheduling.k8s.io, " +
    "runtimeclasses.node.k8s.io",
    "get, create on namespaces",
  ]);
});

Deno.test("a rule of another group, another resource, or single names allows nothing", () => {
  const rules = [
    ...basis,
    { verbs: VERBS, apiGroups: ["apps"], resources: ["configmaps"] },
    { verbs: VERBS, apiGroups: [""], resources: ["configmaps/status"] },
    { verbs: VERBS, apiGroups: [""], resources: ["configmaps"], resourceNames: ["one"] },
    {},
  ];
  assert.deepEqual(missingPermissions(rules, [configMaps], "Standby"), [`${VERBS.join(", ")} on configmaps`]);
});

Deno.test("mirroring Roles takes escalate and bind", () => {
  const rules = [...basis, { verbs: VERBS, apiGroups: ["*"], resources: ["*"] }];
  assert.deepEqual(missingPermissions(rules, [roles], "Standby"), [
    "escalate, bind on roles.rbac.authorization.k8s.io",
  ]);
});

Deno.test("Roles that are not mirrored are only read", () => {
  const reads = { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] };
  const rules = [...basis, reads, { verbs: VERBS, apiGroups: ["", "apps"], resources: ["*"] }];
  assert.deepEqual(missingPermissions(rules, [configMaps, deployments, roles], "Standby", false), []);
  assert.deepEqual(missingPermissions(rules, [configMaps, deployments, roles], "Standby"), [
    "create, patch, delete on roles.rbac.authorization.k8s.io",
    "escalate, bind on roles.rbac.authorization.k8s.io",
  ]);
});

Deno.test("many kinds are counted, not listed", () => {
  const kinds = Array.from({ length: 8 }, (_, index) => kindOf(`kind${index}s`, `Kind${index}`));
  assert.deepEqual(missingPermissions(basis, kinds, "Standby"), [
    `${VERBS.join(", ")} on kind0s, kind1s, kind2s, kind3s, kind4s and 3 more kinds`,
  ]);
});

Deno.test("a source is only read", () => {
  const rules = [
    { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["configmaps", "roles"] },
    { verbs: ["get"], apiGroups: [""], resources: ["namespaces"] },
  ];
  assert.deepEqual(missingPermissions(rules, [configMaps, roles], "Source"), []);
  assert.deepEqual(missingPermissions(rules.slice(0, 1), [deployments], "Source"), [
    "get, list, watch on deployments.apps",
    "get on namespaces",
  ]);
});

Deno.test("data of volumes takes agents: in the source, and in DR with a program that is run there", () => {
  const all = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
  for (const use of ["Source", "Standby"] as const) {
    assert.deepEqual(missingPermissions(all, [configMaps], use, true, true), []);
  }
  const reader = [...basis, { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] }];
  assert.deepEqual(missingPermissions(reader, [], "Source", true, true), [
    "create, delete on pods, secrets, services, networkpolicies.networking.k8s.io",
    "create on pods/portforward",
  ]);
  assert.deepEqual(missingPermissions(reader, [], "Standby", true, true), [
    "create, delete on pods, secrets",
    "create on pods/exec, pods/portforward",
    "create, patch, delete on configmaps, networkpolicies.networking.k8s.io",
  ]);
});
