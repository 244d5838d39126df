/**
 * Telling the API server's own types from custom resources.
 *
 * @module
 */

/** Groups of the API server itself. Its types read null as absent and may drop empty values. */
const BUILT_IN_GROUPS: ReadonlySet<string> = new Set([
  "",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apps",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
]);

/** Whether an apiVersion belongs to the API server itself. */
export function isBuiltIn(apiVersion: unknown): boolean {
  if (typeof apiVersion !== "string") return false;
  return BUILT_IN_GROUPS.has(apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "");
}
