/**
 * Every kind a server has, in two requests (aggregated discovery, KEP-3352) or one a group version on servers without it.
 *
 * @module
 */
import { discoverLegacy } from "./discovery_legacy.ts";
import { readAggregated, type ServedGroup } from "./discovery_read.ts";
import { KubeError } from "./errors.ts";
import type { Transport } from "./transport_types.ts";
import { type Call, type Discovery, groupResource, type ResourceType } from "./types.ts";

export { findType, resolveTypes } from "./resolve_type.ts";

const ACCEPT = ["v2", "v2beta1"]
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat("application/json").join(",");

/** Asks a server for its kinds. Throws KubeError; a group whose own server is down is in `stale` instead. */
export async function discover(transport: Transport, call: Call = {}): Promise<Discovery> {
  const [core, groups] = await Promise.all([readRoot(transport, "/api", call), readRoot(transport, "/apis", call)]);
  return discoveryOf([...core, ...groups]);
}

/** Puts groups together: one entry a kind, at the first (preferred) version of its group that has it. */
export function discoveryOf(groups: readonly ServedGroup[]): Discovery {
  const types = new Map<string, ResourceType>();
  const versions = new Map<string, string[]>();
  const stale = new Set<string>();
  for (const group of groups) {
    for (const served of group.versions) {
      if (served.stale) stale.add(group.name);
      for (const type of served.types) {
        const key = groupResource(type);
        if (!types.has(key)) types.set(key, type);
        versions.set(key, [...versions.get(key) ?? [], served.version]);
      }
    }
  }
  return { types: [...types.values()], versions, stale: [...stale] };
}

async function readRoot(transport: Transport, path: "/api" | "/apis", call: Call): Promise<ServedGroup[]> {
  const action = "discover the kinds of the cluster";
  const { body } = await transport.request({ ...call, method: "GET", path, accept: ACCEPT, action });
  const groups = readAggregated(body) ?? await discoverLegacy(transport, path, body, call);
  if (groups !== undefined) return groups;
  throw new KubeError("BadResponse", `Cannot ${action}: ${path} answered no list of groups`);
}
