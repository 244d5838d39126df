/**
 * Which kinds a Replication mirrors, as its spec says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import type { ClusterView } from "./cluster_view.ts";
import type { Printed, Scene } from "./scene.ts";

const DEADLINE_MS = 60_000;

/** A scene with views of both clusters. */
export interface Stage {
  readonly scene: Scene;
  readonly source: ClusterView;
  readonly dr: ClusterView;
  /** Whether the DR cluster serves ResourceClaimTemplates. */
  readonly serves: (object: string) => boolean;
}

const LAMPS = customDefinition({ kind: "Lamp", group: "example.org", shortNames: ["lp"] });

/** A definition that DR lacks, and may not get from us. */
export async function definitionsStay({ scene, dr }: Stage): Promise<void> {
  await scene.apply([LAMPS]);
  await scene.source.kubectl(["wait", "--for=condition=Established", "crd/lamps.example.org"]);
  await scene.replicate("never", { crds: "Never" });
  await scene.apply([
    { apiVersion: "example.org/v1", kind: "Lamp", metadata: { name: "desk", namespace: "never" } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "beside", namespace: "never" } },
  ]);
  const { status } = await scene.condition("never", "DependenciesMissing", "True", "KindMissing");
  const { message } = status.conditions.find(({ type }: Printed) => type === "DependenciesMissing");
  assert.match(message, /lamps\.example\.org/);
  assert.match(message, /spec\.crds is Never/);
  const { message: why, ...failure } = status.failures.find(({ kind }: Printed) => kind === "Lamp");
  assert.deepEqual([failure.name, failure.class], ["desk", "KindMissing"]);
  assert.match(why, /install the kind's CRD/);
  await scene.until(scene.dr, "configmap", "beside", "never");
  assert.equal(await scene.get(scene.dr, "crd", "lamps.example.org"), undefined);
  // The cause goes: no restart, no touch of the Replication.
  await scene.apply([LAMPS], scene.dr);
  await waitFor("the lamp", async () => (await dr.copies("never")).has("Lamp/desk"), { deadlineMs: DEADLINE_MS });
  await scene.condition("never", "DependenciesMissing", "False");
}

/** Roles and RoleBindings, unwanted and then wanted. */
export async function rolesStay({ scene, dr }: Stage): Promise<void> {
  await scene.replicate("rbac", { rbacObjects: "Skip" });
  const binding = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" };
  const group = "rbac.authorization.k8s.io/v1";
  const metadata = { name: "reader", namespace: "rbac" };
  await scene.apply([
    { apiVersion: group, kind: "Role", metadata, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
    {
      apiVersion: group,
      kind: "RoleBinding",
      metadata,
      roleRef: binding,
      subjects: [{ kind: "Group", name: "a", apiGroup: binding.apiGroup }],
    },
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
  ]);
  await scene.until(scene.dr, "serviceaccount", "reader", "rbac");
  await scene.condition("rbac", "Synced", "True");
  assert.deepEqual([...(await dr.copies("rbac")).keys()], ["ServiceAccount/reader"]);
  await scene.source.kubectl([
    "patch",
    "replication",
    "rbac",
    "-n",
    "dr-syncer-system",
    "--type=merge",
    "-p",
    '{"spec":{"rbacObjects":"Mirror"}}',
  ]);
  await scene.until(scene.dr, "role", "reader", "rbac");
  await scene.until(scene.dr, "rolebinding", "reader", "rbac");
}

/** Kinds as people spell them. */
export async function spellings({ scene, dr }: Stage): Promise<void> {
  const resourceTypes = [
    "CM",
    "secret",
    "Deployments",
    "ingresses.networking.k8s.io",
    "lp",
    "ServiceAccount",
    "services.v1.",
  ];
  await scene.replicate("spelled", { resourceTypes, excludeResourceTypes: ["SA"] });
  const metadata = { name: "one", namespace: "spelled" };
  const template = { metadata: { labels: { app: "one" } }, spec: { containers: [{ name: "main", image: "main" }] } };
  await scene.apply([
    { apiVersion: "v1", kind: "ConfigMap", metadata },
    { apiVersion: "v1", kind: "Secret", metadata },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: { app: "one" } }, template },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata,
      spec: { defaultBackend: { service: { name: "one", port: { number: 80 } } } },
    },
    { apiVersion: "example.org/v1", kind: "Lamp", metadata },
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata, spec: { minAvailable: 1 } },
    { apiVersion: "v1", kind: "LimitRange", metadata, spec: { limits: [] } },
  ]);
  const selected = ["ConfigMap/one", "Deployment/one", "Ingress/one", "Lamp/one", "Secret/one", "Service/one"];
  await waitFor("the selected kinds", async () => {
    const copies = await dr.copies("spelled");
    return selected.every((name) => copies.has(name));
  }, { deadlineMs: DEADLINE_MS });
  await scene.condition("spelled", "Synced", "True");
  assert.deepEqual([...(await dr.copies("spelled")).keys()].sort(), selected);
}

/** A kind that does not exist. */
export async function unknownKindIsTold({ scene }: Stage): Promise<void> {
  await scene.replicate("unknown", { resourceTypes: ["configmaps", "gizmos"] });
  const { status } = await scene.condition("unknown", "Valid", "False");
  assert.match(status.conditions.find(({ type }: Printed) => type === "Valid").message, /gizmos/);
}
