/**
 * API groups whose objects another server keeps (aggregated APIs): their resourceVersions are a count of their own, which says
 * nothing beside that of the API server itself. Custom resources share its storage.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import { listAll } from "../kube/list_all.ts";
import type { KubeObject, Reader } from "../kube/types.ts";
import { API_SERVICES } from "./builtin_types.ts";

/**
 * Reads those groups. None when that may not be read: then a restart may hold deletes of such kinds for an approval, which is
 * the safe side. Throws `KubeError` for everything else.
 */
export async function readForeignGroups(client: Reader, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const groups = new Set<string>();
  try {
    for await (const page of listAll(client, API_SERVICES, { signal })) {
      for (const group of page.items.map(foreignGroup)) if (group !== undefined) groups.add(group);
    }
  } catch (error) {
    if (!isKubeError(error, "Forbidden", "KindMissing", "NotFound")) throw error;
  }
  return groups;
}

/** The group of an APIService, when a Service answers for it. */
function foreignGroup({ spec }: KubeObject): string | undefined {
  const { group, service } = (spec ?? {}) as { group?: string; service?: unknown };
  return service === undefined || service === null ? undefined : group;
}
