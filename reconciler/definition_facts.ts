/**
 * What only their definitions tell of custom resources: where replicas are kept, and at which version objects are stored.
 *
 * @module
 */
import { listAll } from "../kube/list_all.ts";
import { apiVersionOf, type Discovery, groupResource, type KubeClient, type KubeObject } from "../kube/types.ts";
import { DEFINITIONS } from "./builtin_types.ts";
import { isBuiltIn } from "./desired/built_in.ts";

/** By `resource.group`. */
export interface DefinitionFacts {
  /** `specReplicasPath` of kinds with a scale subresource. */
  readonly scalePaths: ReadonlyMap<string, string>;
  /** Storage version of kinds that are served at several. */
  readonly storageVersions: ReadonlyMap<string, string>;
}

/** Reads the definitions of the kinds of which more must be known, if there are any. Throws `KubeError`. */
export async function readDefinitionFacts(
  client: KubeClient,
  { types, versions }: Discovery,
  signal?: AbortSignal,
): Promise<DefinitionFacts> {
  const custom = types.filter((type) => type.namespaced && !isBuiltIn(apiVersionOf(type)));
  const named = (wanted: typeof custom) => new Set(wanted.map(groupResource));
  const scalable = named(custom.filter(({ subresources }) => subresources.includes("scale")));
  const versioned = named(custom.filter((type) => (versions.get(groupResource(type)) ?? []).length > 1));
  const [scalePaths, storageVersions] = [new Map<string, string>(), new Map<string, string>()];
  if (scalable.size + versioned.size === 0) return { scalePaths, storageVersions };
  for await (const page of listAll(client, DEFINITIONS, { signal })) {
    for (const definition of page.items) {
      const { name } = definition.metadata;
      const served = versionsOf(definition);
      const path = scalePathOf(served);
      if (scalable.has(name) && path !== undefined) scalePaths.set(name, path);
      const stored = served.find(({ storage }) => storage)?.name;
      if (versioned.has(name) && stored !== undefined) storageVersions.set(name, stored);
    }
  }
  return { scalePaths, storageVersions };
}

interface Version {
  readonly name?: string;
  readonly storage?: boolean;
  readonly subresources?: { readonly scale?: { readonly specReplicasPath?: string } };
}

function versionsOf(definition: KubeObject): readonly Version[] {
  return (definition.spec as { versions?: Version[] } | undefined)?.versions ?? [];
}

/** The path of any version: versions of one CRD may differ, but a conversion keeps the field in practice. */
function scalePathOf(versions: readonly Version[]): string | undefined {
  return versions.map(({ subresources }) => subresources?.scale?.specReplicasPath).find((path) => path !== undefined);
}
