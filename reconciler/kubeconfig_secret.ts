/**
 * From a RemoteCluster and its Secret to an address.
 *
 * @module
 */
import type { RemoteCluster } from "../crds/types.ts";
import { type ClusterAddress, ConfigError, parseInlineKubeconfig } from "../kube/config.ts";
import type { KubeObject } from "../kube/types.ts";

/** Why there is no kubeconfig: for a condition, and for people. */
export interface KubeconfigProblem {
  readonly reason: string;
  readonly message: string;
}

/** The kubeconfig in base64 as the Secret holds it, or what is missing. */
export function kubeconfigIn(
  secret: KubeObject | undefined,
  { spec, metadata }: RemoteCluster,
): string | KubeconfigProblem {
  const { name, key } = spec.kubeconfigSecretRef;
  if (secret === undefined) {
    const message = `there is no Secret ${name} in namespace ${metadata.namespace}: create it with the ` +
      `kubeconfig under key ${key}`;
    return { reason: "SecretMissing", message };
  }
  const data = (secret.data as Record<string, string> | undefined)?.[key];
  if (data !== undefined) return data;
  return { reason: "KeyMissing", message: `Secret ${name} has no key ${key}: add the kubeconfig under it` };
}

/** The address in a kubeconfig in base64, or why it cannot be used. Never a value. */
export function addressIn(base64: string): ClusterAddress | KubeconfigProblem {
  try {
    return parseInlineKubeconfig(new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))));
  } catch (error) {
    if (error instanceof ConfigError) return { reason: error.reason, message: error.message };
    return { reason: "KubeconfigInvalid", message: "the Secret's value is not base64 of a kubeconfig" };
  }
}
