/**
 * What the tests of `kube/` share: an API server behind a proxy, and transports to it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ClusterAddress } from "../../kube/config.ts";
import { KubeError, type KubeErrorReason } from "../../kube/errors.ts";
import { createTransport, type Transport, type TransportEvent, type TransportOptions } from "../../kube/transport.ts";
import type { ResourceType } from "../../kube/types.ts";
import { type FaultProxy, startProxy } from "../faults/proxy.ts";
import type { Cluster } from "../rig/cluster.ts";

/** A proxy before an API server, and a transport through it that keeps what it tells. */
export interface Connection extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly transport: Transport;
  readonly events: TransportEvent[];
}

/** Address of a cluster as its administrator; through a proxy when there is one. */
export function addressOf(cluster: Cluster, proxy?: FaultProxy): ClusterAddress {
  const server = proxy === undefined ? cluster.server : `https://127.0.0.1:${proxy.port}`;
  return { server, caPem: cluster.caPem, credential: { kind: "token", token: cluster.adminToken } };
}

/** Connects through a proxy of its own. `change` turns the administrator's address into another one. */
export async function connectThroughProxy(
  cluster: Cluster,
  options: TransportOptions = {},
  change: (address: ClusterAddress) => ClusterAddress = (address) => address,
): Promise<Connection> {
  const { hostname, port } = new URL(cluster.server);
  const proxy = await startProxy({ hostname, port: Number(port) });
  const events: TransportEvent[] = [];
  const transport = createTransport(change(addressOf(cluster, proxy)), {
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    proxy,
    transport,
    events,
    async [Symbol.asyncDispose]() {
      transport.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A kind by hand, for tests that do not discover. */
export function typeOf(kind: string, resource: string, more: Partial<ResourceType> = {}): ResourceType {
  return {
    group: "",
    version: "v1",
    resource,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced: true,
    verbs: [],
    subresources: [],
    ...more,
  };
}

/** The KubeError a promise fails with; its reason must be this one. */
export async function failureOf(promise: Promise<unknown>, reason: KubeErrorReason): Promise<KubeError> {
  const outcome = await promise.then(() => "nothing", (error: unknown) => error);
  assert.ok(outcome instanceof KubeError, `fails with ${outcome} instead of ${reason}`);
  assert.equal(outcome.reason, reason, outcome.message);
  return outcome;
}
