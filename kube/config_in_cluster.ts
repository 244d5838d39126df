/**
 * The address a pod finds its own API server at.
 *
 * @module
 */
import { type ClusterAddress, ConfigError } from "./address.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a pod's configuration is read from. */
export interface PodSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): Promise<string>;
}

/**
 * The API server of the cluster we run in, as the pod's ServiceAccount. The token is read again each 60 s (kubelet
 * replaces it within the hour), the CA once: call again for a new one.
 * Throws ConfigError when this is no pod, or one without a ServiceAccount token.
 */
export async function inClusterConfig({ env, readFile }: PodSurroundings): Promise<ClusterAddress> {
  const host = requireVariable(env, "KUBERNETES_SERVICE_HOST");
  const port = requireVariable(env, "KUBERNETES_SERVICE_PORT");
  const read = async (file: string) => {
    try {
      return await readFile(`${SERVICE_ACCOUNT}/${file}`);
    } catch (cause) {
      const path = `${SERVICE_ACCOUNT}/${file}`;
      const message = `Cannot use the pod's ServiceAccount: ${path} is not readable; set automountServiceAccountToken`;
      throw new ConfigError("Missing", path, message, { cause });
    }
  };
  const caPem = await read("ca.crt");
  await read("token");
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const server = `https://${authority}`;
  return { server, caPem, credential: { kind: "tokenFile", read: () => read("token") } };
}

function requireVariable(env: PodSurroundings["env"], name: string): string {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  throw new ConfigError(
    "Missing",
    name,
    `Cannot find the API server of this pod: ${name} is not set; run in a cluster`,
  );
}
