/**
 * How many requests of a sort an API server has answered, by its own count.
 *
 * @module
 */
import type { Cluster } from "../rig/cluster.ts";

/** Sums `apiserver_request_total` over the series with these labels (`verb`, `resource`, `code`). */
export async function requests(cluster: Cluster, labels: Record<string, string>): Promise<number> {
  const { stdout } = await cluster.kubectl(["get", "--raw", "/metrics"]);
  return stdout.split("\n").filter((line) =>
    line.startsWith("apiserver_request_total{") &&
    Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`))
  ).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
