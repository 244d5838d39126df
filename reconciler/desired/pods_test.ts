import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import { kindOf } from "../testing.ts";
import { type Pods, podsOf, sumOf } from "./pods.ts";

const OVERRIDE = "dr-syncer.io/scale-override";

function copy(kind: string, label: string | undefined, spec: object = {}): KubeObject {
  const labels: Record<string, string> = label === undefined ? {} : { [OVERRIDE]: label };
  return { apiVersion: "v1", kind, metadata: { name: "x", labels }, spec };
}

const deployments = kindOf("deployments", "Deployment", { group: "apps", subresources: ["scale"] });
const statefulSets = kindOf("statefulsets", "StatefulSet", { group: "apps", subresources: ["scale"] });
const daemonSets = kindOf("daemonsets", "DaemonSet", { group: "apps" });
const jobs = kindOf("jobs", "Job", { group: "batch" });
const queues = kindOf("queues", "Queue", { group: "example.com", subresources: ["scale"] });
const configMaps = kindOf("configmaps", "ConfigMap");

const cases: [string, Pods, Pods][] = [
  ["a workload without an override", podsOf(copy("Deployment", undefined, { replicas: 0 }), deployments), 0],
  [
    "a Deployment, with what an update starts beside it",
    podsOf(copy("Deployment", "2", { replicas: 2 }), deployments),
    3,
  ],
  ["a Deployment of ten", podsOf(copy("Deployment", "10", { replicas: 10 }), deployments), 13],
  [
    "a Deployment with a surge of its own",
    podsOf(copy("Deployment", "4", { replicas: 4, strategy: { rollingUpdate: { maxSurge: 2 } } }), deployments),
    6,
  ],
  [
    "a Deployment that is created anew",
    podsOf(copy("Deployment", "4", { replicas: 4, strategy: { type: "Recreate" } }), deployments),
    4,
  ],
  ["a Deployment that is overridden to zero", podsOf(copy("Deployment", "0", { replicas: 0 }), deployments), 0],
  ["the source's count", podsOf(copy("StatefulSet", "keep", { replicas: 5 }), statefulSets), 5],
  ["the source's count, left to its default", podsOf(copy("StatefulSet", "keep"), statefulSets), 1],
  ["a DaemonSet", podsOf(copy("DaemonSet", "1"), daemonSets), "any"],
  ["a DaemonSet that is overridden to zero", podsOf(copy("DaemonSet", "0"), daemonSets), 0],
  ["a Job", podsOf(copy("Job", "1"), jobs), "any"],
  ["a custom resource with replicas", podsOf(copy("Queue", "3", { replicas: 3 }), queues), "any"],
  ["what runs nothing", podsOf(copy("ConfigMap", "3"), configMaps), 0],
];

for (const [what, pods, expected] of cases) {
  Deno.test(`Pods in a standby: ${what}`, () => assert.equal(pods, expected));
}

Deno.test("one that cannot be counted makes the sum so", () => {
  assert.equal(sumOf([1, 2]), 3);
  assert.equal(sumOf([1, "any", 2]), "any");
  assert.equal(sumOf([]), 0);
});
