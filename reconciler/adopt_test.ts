import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { ownFields } from "./adopt.ts";
import { isAsMade } from "./desired/service_account.ts";
import { serviceRule } from "./desired/service.ts";
import { kindOf } from "./testing.ts";

const entry = (manager: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  fieldsType: "FieldsV1",
  fieldsV1,
  ...more,
});

function live(managedFields: object[], fields: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "X", metadata: { name: "default", managedFields }, ...fields };
}

const OWNED = entry("kubectl", {
  "f:metadata": { "f:labels": { ".": {}, "f:a": {} }, "f:finalizers": { ".": {} }, "f:ownerReferences": {} },
  "f:data": { "f:a": {} },
  "f:spec": { "f:x": {} },
});

Deno.test("every field becomes ours, but for what belongs to the cluster and its controllers' status", () => {
  const status = entry("kubelet", { "f:status": {} }, { subresource: "status" });
  const object = live([
    OWNED,
    entry("helm", { "f:data": { "f:b": {} }, "f:metadata": { "f:labels": { "f:b": {} } }, "f:status": {} }),
    entry("old", { "f:data": { "f:gone": {} } }, { apiVersion: "v1beta1" }),
    status,
  ]);
  const before = structuredClone(object);
  const [ours, ...rest] = ownFields(kindOf("configmaps", "ConfigMap"), object);
  assert.deepEqual(rest, [status]);
  assert.deepEqual([ours?.manager, ours?.operation, ours?.apiVersion], ["dr-syncer", "Apply", "v1"]);
  assert.deepEqual(ours?.fieldsV1, {
    "f:metadata": { "f:labels": { ".": {}, "f:a": {}, "f:b": {} } },
    "f:data": { "f:a": {}, "f:b": {} },
    "f:spec": { "f:x": {} },
  });
  assert.deepEqual(object, before);
});

Deno.test("a spec that can never change stays whose it is; an object nobody owns becomes ours", () => {
  for (const type of [kindOf("persistentvolumeclaims", "X"), kindOf("jobs", "Job", { group: "batch" })]) {
    assert.equal("f:spec" in (ownFields(type, live([OWNED]))[0]?.fieldsV1 as object), false);
  }
  assert.deepEqual(ownFields(kindOf("configmaps", "ConfigMap"), live([]))[0]?.fieldsV1, { "f:metadata": {} });
});

Deno.test("a ServiceAccount default is the server's until somebody changes it", () => {
  const accounts = kindOf("serviceaccounts", "ServiceAccount");
  const made = live([]);
  assert.equal(isAsMade(accounts, made), true);
  assert.equal(isAsMade(accounts, { ...made, secrets: [{ name: "default-token-x" }] }), true);
  assert.equal(isAsMade(kindOf("configmaps", "ConfigMap"), made), false);
  const changes: Partial<KubeObject>[] = [
    { imagePullSecrets: [{ name: "x" }] },
    { secrets: [{ name: "x" }] },
    { automountServiceAccountToken: false },
    { metadata: { name: "default", labels: { a: "1" } } },
    { metadata: { name: "default", annotations: { a: "1" } } },
    { metadata: { name: "other" } },
  ];
  for (const change of changes) assert.equal(isAsMade(accounts, { ...made, ...change }), false, JSON.stringify(change));
});

Deno.test("a Service is headless or not for life", () => {
  const service = (spec: object): KubeObject => ({ apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec });
  const stays = (before: object, after: object) => serviceRule.stays?.(service(before), service(after));
  assert.equal(stays({ clusterIP: "None" }, {}), "spec.clusterIP");
  assert.equal(stays({ clusterIP: "10.0.0.1" }, { clusterIP: "None" }), "spec.clusterIP");
  assert.equal(stays({ clusterIP: "None" }, { clusterIP: "None" }), undefined);
  assert.equal(stays({ clusterIP: "10.0.0.1" }, {}), undefined);
  assert.equal(stays({ clusterIP: "None" }, { type: "ExternalName" }), undefined);
  assert.equal(stays({ type: "ExternalName" }, { clusterIP: "None" }), undefined);
});
