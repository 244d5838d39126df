/**
 * A real cluster with a transport of ours, for the tests of this folder.
 *
 * @module
 */
import { createKubeClient } from "../../kube/client.ts";
import type { ClusterAddress } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import type { Transport, TransportEvent } from "../../kube/transport_types.ts";
import type { KubeClient, WatchHandle, WatchQuery } from "../../kube/types.ts";
import { startWatch, type WatchOptions } from "../../kube/watch.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { CONFIG_MAPS, type Follower } from "./follower.ts";

/** The administrator's way into a cluster. */
export function addressOf(cluster: Cluster): ClusterAddress {
  return {
    server: cluster.server,
    caPem: cluster.caPem,
    credential: { kind: "token", token: cluster.adminToken },
  };
}

/** A cluster, our transport and client of it. */
export interface WatchedCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly transport: Transport;
  readonly client: KubeClient;
  /** What the transport told about itself. */
  readonly transportEvents: TransportEvent[];
}

/** Starts a cluster and connects to it. */
export async function startWatchedCluster(options: ClusterOptions): Promise<WatchedCluster> {
  const cluster = await startCluster(options);
  const transportEvents: TransportEvent[] = [];
  const transport = createTransport(addressOf(cluster), { onEvent: (event) => transportEvents.push(event) });
  return {
    cluster,
    transport,
    client: createKubeClient(transport),
    transportEvents,
    async [Symbol.asyncDispose]() {
      transport.close();
      await cluster.stop();
    },
  };
}

/** A watch of the ConfigMaps of `default` that ends with its scope. */
export interface Followed extends AsyncDisposable {
  readonly handle: WatchHandle;
}

/** Starts a watch for a follower. */
export function follow(
  transport: Transport,
  follower: Follower,
  query: WatchQuery,
  options: WatchOptions = {},
): Followed {
  const stop = new AbortController();
  const handle = startWatch(transport, CONFIG_MAPS, { namespace: "default", ...query }, follower, stop.signal, options);
  return {
    handle,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await handle.done;
    },
  };
}

/** Waits until a follower knows exactly what the server has. */
export async function waitUntilEqual(client: KubeClient, follower: Follower, deadlineMs = 20_000): Promise<void> {
  const { items } = await client.list(CONFIG_MAPS, { namespace: "default" });
  const expected = items.map((item) => `${item.metadata.name} ${item.metadata.resourceVersion}`).sort().join("\n");
  const found = () => [...follower.known].map(([name, version]) => `${name} ${version}`).sort().join("\n");
  await waitFor("the follower know what the server has", () => found() === expected, {
    deadlineMs,
    describe: () => `${follower.known.size} known, ${items.length} there; calls: ${follower.calls.join(" ")}`,
  });
}

/** Waits for the nth call of a name. */
export async function waitForCall(follower: Follower, call: string, times = 1, deadlineMs = 20_000): Promise<void> {
  await waitFor(`call ${times} of ${call}`, () => follower.count(call) >= times, {
    deadlineMs,
    pollMs: 10,
    describe: () => [...follower.calls, ...follower.errors.map((error) => error.message)].join(" | "),
  });
}
