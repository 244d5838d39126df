import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { changedBy, isOnlyOurs, managersOf } from "./managers.ts";

const entry = (manager: string, fieldsV1: object, more: object = {}) => ({ manager, fieldsV1, ...more });

const SERVICE: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "web",
    annotations: { "example.com/a.b": "1", plain: "2" },
    finalizers: ["a", "b"],
    managedFields: [
      entry("dr-syncer", {
        "f:metadata": { "f:annotations": { "f:example.com/a.b": {} } },
        "f:spec": {
          "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {}, "f:name": {} } },
          "f:rules": {},
        },
      }, { time: "2026-01-03T00:00:00Z" }),
      entry("kubectl-edit", {
        "f:metadata": { "f:annotations": { "f:plain": {} }, "f:finalizers": { 'v:"b"': {} } },
        "f:spec": { "f:ports": { 'k:{"port":81,"protocol":"TCP"}': { ".": {}, "f:port": {} } } },
      }, { time: "2026-01-02T00:00:00Z" }),
      entry("earlier", { "f:data": { "f:a": {} } }, { time: "2026-01-01T00:00:00Z" }),
      entry("controller", { "f:status": {} }, { time: "2026-01-04T00:00:00Z", subresource: "status" }),
    ],
  },
  spec: { ports: [{ port: 80, protocol: "TCP", name: "a" }, { port: 81, protocol: "TCP" }], rules: [{ a: 1 }] },
};

/** [path, who owns it] */
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["spec.ports[0].port", ["dr-syncer"]],
  ["spec.ports[1].port", ["kubectl-edit"]],
  ["spec.ports", ["dr-syncer", "kubectl-edit"]],
  ["spec.rules[0].a", ["dr-syncer"]],
  ['metadata.annotations["example.com/a.b"]', ["dr-syncer"]],
  ["metadata.annotations.plain", ["kubectl-edit"]],
  ["metadata.finalizers[1]", ["kubectl-edit"]],
  ["metadata.finalizers[0]", []],
  ["status.phase", ["controller"]],
  ["spec.gone", []],
];

for (const [path, managers] of CASES) {
  Deno.test(`who owns ${path}`, () => {
    assert.deepEqual(managersOf(SERVICE, path), managers);
    assert.equal(isOnlyOurs(SERVICE, path), managers.join() === "dr-syncer");
  });
}

Deno.test("who changed a field: its owner beside us, else whoever wrote last", () => {
  assert.equal(changedBy(SERVICE, "spec.ports"), "kubectl-edit");
  assert.equal(changedBy(SERVICE, "data.a"), "earlier");
  assert.equal(changedBy(SERVICE, "spec.ports[0].port"), "kubectl-edit", "not we");
  assert.equal(changedBy(SERVICE, "spec.gone"), "kubectl-edit");
  assert.equal(changedBy({ ...SERVICE, metadata: { name: "web" } }, "spec.gone"), undefined);
});
