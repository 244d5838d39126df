import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { withItems } from "./list_items.ts";

const entry = (manager: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation: manager === "dr-syncer" ? "Apply" : "Update",
  apiVersion: "v1",
  fieldsV1,
  ...more,
});
const OURS = {
  "f:metadata": { "f:labels": { "f:a": {} } },
  "f:spec": { "f:ports": { 'k:{"port":80}': { "f:port": {} } } },
};

function live(...managedFields: object[]): KubeObject {
  return {
    apiVersion: "v1",
    kind: "X",
    metadata: { name: "a", managedFields: [entry("dr-syncer", OURS), ...managedFields] },
  };
}

const DESIRED: KubeObject = {
  apiVersion: "v1",
  kind: "X",
  metadata: { name: "a" },
  secrets: [],
  spec: { ports: [{ port: 80, env: [{ name: "A" }] }] },
};

Deno.test("items of others become ours, in lists that we write, at any depth; all else stays theirs", () => {
  const item = { ".": {}, "f:port": {} };
  const theirs = entry("kubectl-edit", {
    "f:metadata": { "f:labels": { "f:b": {} } },
    "f:secrets": { 'k:{"name":"s"}': { "f:name": {} } },
    "f:spec": {
      "f:ports": {
        'k:{"port":81}': item,
        'k:{"port":80}': {
          "f:name": {},
          "f:env": { 'k:{"name":"B"}': { "f:name": {} }, 'k:{"name":"A"}': { "f:value": {} } },
        },
      },
      "f:volumes": { 'k:{"name":"v"}': { "f:name": {} } },
    },
  });
  const status = entry("kubelet", { "f:spec": { "f:ports": { 'k:{"port":82}': {} } } }, { subresource: "status" });
  const [ours, left, ofStatus] = withItems(live(theirs, status), DESIRED) ?? [];
  assert.deepEqual(ours?.fieldsV1, {
    ...OURS,
    "f:spec": {
      "f:ports": {
        'k:{"port":81}': item,
        'k:{"port":80}': { "f:port": {}, "f:env": { 'k:{"name":"B"}': { "f:name": {} } } },
      },
    },
  });
  assert.deepEqual(left?.fieldsV1, {
    "f:metadata": { "f:labels": { "f:b": {} } },
    "f:secrets": { 'k:{"name":"s"}': { "f:name": {} } },
    "f:spec": {
      "f:ports": { 'k:{"port":80}': { "f:name": {}, "f:env": { 'k:{"name":"A"}': { "f:value": {} } } } },
      "f:volumes": { 'k:{"name":"v"}': { "f:name": {} } },
    },
  });
  assert.deepEqual(ofStatus, status);
});

Deno.test("a manager who is left with nothing goes; without such items nothing is to be taken", () => {
  const only = entry("kubectl-edit", { "f:spec": { "f:ports": { 'k:{"port":81}': { "f:port": {} } } } });
  assert.deepEqual(withItems(live(only), DESIRED)?.map(({ manager }) => manager), ["dr-syncer"]);
  assert.equal(withItems(live(), DESIRED), undefined);
  assert.equal(withItems(live(entry("kubectl-edit", { "f:spec": { "f:type": {} } })), DESIRED), undefined);
  const [created, other] = live(only).metadata.managedFields as { operation: string }[];
  const neverApplied = {
    ...live(),
    metadata: { name: "a", managedFields: [{ ...created, operation: "Update" }, other] },
  };
  assert.deepEqual(withItems(neverApplied, DESIRED)?.map(({ operation }) => operation), ["Apply"]);
  // Names of fields at another version may mean something else.
  assert.equal(withItems(live({ ...only, apiVersion: "v2" }), DESIRED), undefined);
  assert.equal(withItems({ ...live(only), apiVersion: "v2" }, DESIRED), undefined);
});
