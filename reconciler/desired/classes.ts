/**
 * Classes that a copy names, which are the DR cluster's own to have.
 *
 * @module
 */

import { groupResource, type KubeObject, type ResourceType } from "../../kube/types.ts";
import { objectAt, objectsAt } from "./json.ts";

/** Kinds of classes; cluster-scoped, and never mirrored. */
export const CLASS_KINDS = ["StorageClass", "IngressClass", "PriorityClass", "RuntimeClass"] as const;
export type ClassKind = (typeof CLASS_KINDS)[number];

/** A class as a copy names it: `StorageClass/fast`. */
export type ClassName = `${ClassKind}/${string}`;

const POD_SPECS: Readonly<Record<string, readonly string[]>> = {
  "deployments.apps": ["spec", "template", "spec"],
  "replicasets.apps": ["spec", "template", "spec"],
  "statefulsets.apps": ["spec", "template", "spec"],
  "daemonsets.apps": ["spec", "template", "spec"],
  "replicationcontrollers": ["spec", "template", "spec"],
  "jobs.batch": ["spec", "template", "spec"],
  "cronjobs.batch": ["spec", "jobTemplate", "spec", "template", "spec"],
};

/** The classes that a copy of a built-in kind names, each once; what a custom resource names is its operator's to know. */
export function classesOf(copy: KubeObject, type: ResourceType): ClassName[] {
  const name = groupResource(type);
  const found = new Set<ClassName>();
  const note = (kind: ClassKind, value: unknown) => {
    if (typeof value === "string" && value !== "") found.add(`${kind}/${value}`);
  };
  const claims = name === "persistentvolumeclaims"
    ? [copy]
    : name === "statefulsets.apps"
    ? objectsAt(copy, "spec", "volumeClaimTemplates")
    : [];
  for (const claim of claims) note("StorageClass", objectAt(claim, "spec")?.storageClassName);
  if (name === "ingresses.networking.k8s.io") note("IngressClass", objectAt(copy, "spec")?.ingressClassName);
  const path = POD_SPECS[name];
  const pod = path === undefined ? undefined : objectAt(copy, ...path);
  note("PriorityClass", pod?.priorityClassName);
  note("RuntimeClass", pod?.runtimeClassName);
  return [...found];
}
