/**
 * Kubeconfigs of rig clusters: inline certificate and token, nothing else.
 *
 * @module
 */
import { stringify } from "yaml";

/** A kubeconfig with one cluster, one user with a token, and one context, all under one name. */
export function inlineKubeconfig(name: string, server: string, caPem: string, token: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": btoa(caPem) } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  }, { lineWidth: 0 });
}
