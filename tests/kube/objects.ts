/**
 * Kinds and objects of the tests of `kube/`, all in the namespace default.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";
import { typeOf } from "./connections.ts";

export const configMaps = typeOf("ConfigMap", "configmaps");
export const secrets = typeOf("Secret", "secrets");
export const namespaces = typeOf("Namespace", "namespaces", { namespaced: false });
export const deployments = typeOf("Deployment", "deployments", { group: "apps" });
export const jobs = typeOf("Job", "jobs", { group: "batch" });
export const priorityClasses = typeOf("PriorityClass", "priorityclasses", {
  group: "scheduling.k8s.io",
  namespaced: false,
});
export const widgets = typeOf("Widget", "widgets", { group: "none.example" });

export function configMap(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

export function secret(name: string, data: unknown): KubeObject {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, data };
}

export function deployment(name: string, spec: Record<string, unknown> = {}): KubeObject {
  const template = { metadata: { labels: { name } }, spec: { containers: [{ name: "main", image: "image" }] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: { replicas: 1, selector: { matchLabels: { name } }, template, ...spec },
  };
}

export function job(name: string): KubeObject {
  const env = [{ name: "PASSWORD", value: "hush" }];
  const spec = { restartPolicy: "Never", containers: [{ name: "main", image: "image", env }] };
  const metadata = { name, namespace: "default" };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template: { spec } } };
}

export function priorityClass(description: string): KubeObject {
  const metadata = { name: "wordy" };
  return { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata, value: 1, description };
}
