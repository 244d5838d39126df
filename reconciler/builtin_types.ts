/**
 * Built-in kinds that the reconciler itself reads or writes.
 *
 * @module
 */
import type { ResourceType } from "../kube/types.ts";

const ALL_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];

function builtin(group: string, version: string, resource: string, kind: string, namespaced: boolean): ResourceType {
  return {
    group,
    version,
    resource,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced,
    verbs: ALL_VERBS,
    subresources: [],
  };
}

export const NAMESPACES = builtin("", "v1", "namespaces", "Namespace", false);
export const SECRETS = builtin("", "v1", "secrets", "Secret", true);
export const SERVICES = builtin("", "v1", "services", "Service", true);
export const CONFIG_MAPS = builtin("", "v1", "configmaps", "ConfigMap", true);
export const CLAIMS = builtin("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true);
export const NETWORK_POLICIES = builtin("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true);
export const PODS = builtin("", "v1", "pods", "Pod", true);
export const API_SERVICES = builtin("apiregistration.k8s.io", "v1", "apiservices", "APIService", false);
export const EVENTS = builtin("", "v1", "events", "Event", true);
export const RESOURCE_QUOTAS = builtin("", "v1", "resourcequotas", "ResourceQuota", true);
export const STORAGE_CLASSES = builtin("storage.k8s.io", "v1", "storageclasses", "StorageClass", false);
export const INGRESS_CLASSES = builtin("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false);
export const PRIORITY_CLASSES = builtin("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false);
export const RUNTIME_CLASSES = builtin("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false);
export const DEFINITIONS = builtin(
  "apiextensions.k8s.io",
  "v1",
  "customresourcedefinitions",
  "CustomResourceDefinition",
  false,
);
