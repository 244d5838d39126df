/**
 * What only their definitions tell of custom resources: where replicas are kept, and at which version objects are stored.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isKubeError } from "../kube/errors.ts";
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

/** What is kept of a definition. */
export interface Definition {
  readonly established: boolean;
  /** Versions that are to be served. */
  readonly served: readonly string[];
  readonly stored?: string;
  readonly scalePath?: string;
  /** Digest of the schemas; only of a definition that was read by itself. */
  readonly schemas?: string;
}

/** Definitions by name, `resource.group`. */
export type Definitions = ReadonlyMap<string, Definition>;

/** Reads all definitions, if there are kinds of which more must be known than discovery tells. Throws `KubeError`. */
export async function readDefinitions(
  client: KubeClient,
  discovery: Discovery,
  signal?: AbortSignal,
): Promise<Definitions> {
  const definitions = new Map<string, Definition>();
  if (namesToKnow(discovery).size === 0) return definitions;
  for await (const page of listAll(client, DEFINITIONS, { signal })) {
    for (const object of page.items) definitions.set(object.metadata.name, definitionOf(object));
  }
  return definitions;
}

/** Reads one definition, its schemas included; undefined when there is none. Throws `KubeError`. */
export async function readDefinition(
  client: KubeClient,
  name: string,
  signal?: AbortSignal,
): Promise<Definition | undefined> {
  try {
    const object = await client.get(DEFINITIONS, { name }, { signal });
    const schemas = versionsOf(object).filter(({ served }) => served).map(({ name, schema }) => [name, schema]);
    const digest = createHash("sha256").update(JSON.stringify(schemas)).digest("base64");
    return { ...definitionOf(object), schemas: digest };
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** What definitions tell of the kinds that are served. */
export function factsOf(definitions: Definitions, discovery: Discovery): DefinitionFacts {
  const [scalePaths, storageVersions] = [new Map<string, string>(), new Map<string, string>()];
  for (const [name, needs] of needsByName(discovery)) {
    const { scalePath, stored } = definitions.get(name) ?? {};
    if (needs.scale && scalePath !== undefined) scalePaths.set(name, scalePath);
    if (needs.version && stored !== undefined) storageVersions.set(name, stored);
  }
  return { scalePaths, storageVersions };
}

/** Names of the definitions of kinds of which more must be known than discovery tells. */
export function namesToKnow(discovery: Discovery): ReadonlySet<string> {
  return new Set(needsByName(discovery).keys());
}

function needsByName(
  { types, versions }: Discovery,
): Map<string, { readonly scale: boolean; readonly version: boolean }> {
  const needs = new Map<string, { scale: boolean; version: boolean }>();
  for (const type of types) {
    if (!type.namespaced || isBuiltIn(apiVersionOf(type))) continue;
    const name = groupResource(type);
    const need = { scale: type.subresources.includes("scale"), version: (versions.get(name) ?? []).length > 1 };
    if (need.scale || need.version) needs.set(name, need);
  }
  return needs;
}

function definitionOf(object: KubeObject): Definition {
  const versions = versionsOf(object);
  const { conditions = [] } = (object.status ?? {}) as { conditions?: { type?: string; status?: string }[] };
  return {
    established: conditions.some(({ type, status }) => type === "Established" && status === "True"),
    served: versions.flatMap(({ name, served }) => served && name !== undefined ? [name] : []),
    stored: versions.find(({ storage }) => storage)?.name,
    // Of any version: versions of one definition may differ, but a conversion keeps the field in practice.
    scalePath: versions.map(({ subresources }) => subresources?.scale?.specReplicasPath).find((path) =>
      path !== undefined
    ),
  };
}

interface Version {
  readonly name?: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: unknown;
  readonly subresources?: { readonly scale?: { readonly specReplicasPath?: string } };
}

function versionsOf(definition: KubeObject): readonly Version[] {
  return (definition.spec as { versions?: Version[] } | undefined)?.versions ?? [];
}
