import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { refusedIn, wantsPods } from "./standby_attempts.ts";

const WORKLOAD = { kind: "ReplicaSet", name: "web-1", uid: "u", apiVersion: "apps/v1" };
const MESSAGE = 'Error creating: pods "web-1-x" is forbidden: exceeded quota: dr-syncer-standby, requested: pods=1, ' +
  "used: pods=0, limited: pods=0";

function event(fields: object): KubeObject {
  const common = { reason: "FailedCreate", message: MESSAGE, involvedObject: { ...WORKLOAD, namespace: "shop" } };
  return { apiVersion: "v1", kind: "Event", metadata: { name: "e" }, ...common, ...fields };
}

Deno.test("an Event of a workload that our quota refused a Pod names the workload", () => {
  assert.deepEqual(refusedIn(event({})), WORKLOAD);
});

Deno.test("other refusals and other Events name nobody", () => {
  assert.equal(refusedIn(event({ message: MESSAGE.replace("dr-syncer-standby", "team") })), undefined);
  assert.equal(refusedIn(event({ reason: "FailedScheduling" })), undefined);
  assert.equal(refusedIn(event({ involvedObject: undefined })), undefined);
});

const workloads: [string, Partial<KubeObject>, boolean][] = [
  ["ReplicaSet without its Pods", { kind: "ReplicaSet", spec: { replicas: 2 }, status: { replicas: 1 } }, true],
  ["ReplicaSet with its Pods", { kind: "ReplicaSet", spec: { replicas: 2 }, status: { replicas: 2 } }, false],
  ["StatefulSet that leaves its replicas to the default", { kind: "StatefulSet", spec: {}, status: {} }, true],
  ["ReplicaSet at zero", { kind: "ReplicaSet", spec: { replicas: 0 }, status: {} }, false],
  ["Job", { kind: "Job", spec: {}, status: {} }, true],
  ["suspended Job", { kind: "Job", spec: { suspend: true } }, false],
  ["Job with its Pods", { kind: "Job", spec: { parallelism: 2, completions: 5 }, status: { active: 2 } }, false],
  [
    "Job with the last of its Pods",
    { kind: "Job", spec: { parallelism: 2, completions: 5 }, status: { active: 1, succeeded: 4 } },
    false,
  ],
  ["failed Job", { kind: "Job", status: { conditions: [{ type: "Failed", status: "True" }] } }, false],
  ["DaemonSet with a node to go to", { kind: "DaemonSet", status: { desiredNumberScheduled: 1 } }, true],
  ["DaemonSet without nodes", { kind: "DaemonSet", status: { desiredNumberScheduled: 0 } }, false],
];

for (const [what, fields, expected] of workloads) {
  Deno.test(`a ${what} ${expected ? "wants" : "does not want"} Pods`, () => {
    assert.equal(wantsPods({ apiVersion: "v1", kind: "", metadata: { name: "x" }, ...fields }), expected);
  });
}

Deno.test("what is being deleted wants no Pods", () => {
  const metadata = { name: "x", deletionTimestamp: "2026-01-01T00:00:00Z" };
  assert.equal(wantsPods({ apiVersion: "apps/v1", kind: "ReplicaSet", metadata, spec: { replicas: 1 } }), false);
});
