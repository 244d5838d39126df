/**
 * Whether somebody is behind a Service.
 *
 * @module
 */
import type { Call, KubeClient, ResourceType } from "../kube/types.ts";

const ENDPOINT_SLICES: ResourceType = {
  group: "discovery.k8s.io",
  version: "v1",
  resource: "endpointslices",
  kind: "EndpointSlice",
  singular: "endpointslice",
  shortNames: [],
  namespaced: true,
  verbs: ["list"],
  subresources: [],
};

/** Whether a Pod behind the Service takes calls; the nodes' proxies may know a moment later. Throws `KubeError`. */
export async function hasReadyEndpoint(
  client: KubeClient,
  service: { readonly namespace: string; readonly name: string },
  call: Call = {},
): Promise<boolean> {
  const labelSelector = `kubernetes.io/service-name=${service.name}`;
  const { items } = await client.list(ENDPOINT_SLICES, { namespace: service.namespace, labelSelector, ...call });
  return items.some(({ endpoints }) => Array.isArray(endpoints) && endpoints.some(isReady));
}

/** Not known counts as ready (EndpointConditions of discovery.k8s.io/v1). */
function isReady({ conditions }: { conditions?: { ready?: boolean } }): boolean {
  return conditions?.ready !== false;
}
