/**
 * Whether the schemas of a cluster have changed, without reading them: discovery does not tell of a new field.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import type { KubeClient } from "../kube/types.ts";
import { isObject } from "./desired/json.ts";

/**
 * The hashes that the index of OpenAPI v3 has of each group version's schemas, by `apps/v1` or `v1`. Undefined when the server
 * does not tell: that is no reason not to mirror.
 */
export async function readSchemaDigests(
  client: KubeClient,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const index = await client.json("GET", "/openapi/v3", undefined, { signal });
    const paths = isObject(index) && isObject(index.paths) ? index.paths : {};
    const digests = new Map<string, string>();
    for (const [path, entry] of Object.entries(paths)) {
      const url = isObject(entry) ? entry.serverRelativeURL : undefined;
      const hash = typeof url === "string" ? /[?&]hash=([^&]+)/.exec(url)?.[1] : undefined;
      if (hash !== undefined) digests.set(path.replace(/^apis?\//, ""), hash);
    }
    return digests;
  } catch (error) {
    if (isKubeError(error)) return undefined;
    throw error;
  }
}
