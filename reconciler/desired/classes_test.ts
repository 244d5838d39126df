import assert from "node:assert/strict";
import type { KubeObject, ResourceType } from "../../kube/types.ts";
import { kindOf } from "../testing.ts";
import { classesOf } from "./classes.ts";

const POD = { priorityClassName: "high", runtimeClassName: "gvisor" };
const OF_POD = ["PriorityClass/high", "RuntimeClass/gvisor"];
const apps = (resource: string, kind: string) => kindOf(resource, kind, { group: "apps" });
const batch = (resource: string, kind: string) => kindOf(resource, kind, { group: "batch" });
const ingresses = kindOf("ingresses", "Ingress", { group: "networking.k8s.io" });
const claims = kindOf("persistentvolumeclaims", "PersistentVolumeClaim");

function named(type: ResourceType, spec: object): string[] {
  const copy: KubeObject = { apiVersion: "v1", kind: type.kind, metadata: { name: "x" }, spec };
  return classesOf(copy, type).sort();
}

const cases: [string, ResourceType, object, string[]][] = [
  ["a claim", claims, { storageClassName: "fast" }, ["StorageClass/fast"]],
  ["a claim without a class", claims, {}, []],
  ["a claim that wants none", claims, { storageClassName: "" }, []],
  ["an Ingress", ingresses, { ingressClassName: "nginx" }, ["IngressClass/nginx"]],
  ["a Deployment", apps("deployments", "Deployment"), { template: { spec: POD } }, OF_POD],
  ["a DaemonSet", apps("daemonsets", "DaemonSet"), { template: { spec: POD } }, OF_POD],
  ["a ReplicaSet", apps("replicasets", "ReplicaSet"), { template: { spec: POD } }, OF_POD],
  [
    "a ReplicationController",
    kindOf("replicationcontrollers", "ReplicationController"),
    { template: { spec: POD } },
    OF_POD,
  ],
  ["a Job", batch("jobs", "Job"), { template: { spec: POD } }, OF_POD],
  ["a CronJob", batch("cronjobs", "CronJob"), { jobTemplate: { spec: { template: { spec: POD } } } }, OF_POD],
  [
    "a StatefulSet with claims, each class once",
    apps("statefulsets", "StatefulSet"),
    {
      template: { spec: { priorityClassName: "high" } },
      volumeClaimTemplates: [{ spec: { storageClassName: "fast" } }, { spec: { storageClassName: "fast" } }],
    },
    ["PriorityClass/high", "StorageClass/fast"],
  ],
  ["a custom resource", kindOf("queues", "Queue", { group: "example.com" }), { template: { spec: POD } }, []],
];

for (const [what, type, spec, expected] of cases) {
  Deno.test(`classes that ${what} names`, () => assert.deepEqual(named(type, spec), expected));
}
