/**
 * Where custom resources with a scale subresource keep their replicas.
 *
 * @module
 */
import { listAll } from "../kube/list_all.ts";
import { type Discovery, groupResource, type KubeClient, type KubeObject } from "../kube/types.ts";
import { DEFINITIONS } from "./builtin_types.ts";

/** Reads `specReplicasPath` of every CustomResourceDefinition that has one, by `resource.group`. Throws `KubeError`. */
export async function readScalePaths(
  client: KubeClient,
  discovery: Discovery,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  const scalable = discovery.types.filter((type) =>
    type.subresources.includes("scale") && type.group !== "" && type.group !== "apps"
  );
  if (scalable.length === 0) return paths;
  const names = new Set(scalable.map(groupResource));
  for await (const page of listAll(client, DEFINITIONS, { signal })) {
    for (const definition of page.items) {
      const path = names.has(definition.metadata.name) ? scalePathOf(definition) : undefined;
      if (path !== undefined) paths.set(definition.metadata.name, path);
    }
  }
  return paths;
}

/** The path of any served version: versions of one CRD may differ, but a conversion keeps the field in practice. */
function scalePathOf(definition: KubeObject): string | undefined {
  const spec = definition.spec as
    | { versions?: { subresources?: { scale?: { specReplicasPath?: string } } }[] }
    | undefined;
  return spec?.versions?.map((version) => version.subresources?.scale?.specReplicasPath).find((path) =>
    path !== undefined
  );
}
