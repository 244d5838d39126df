/**
 * The answers of discovery, read leniently: an entry that makes no sense is left out.
 *
 * @module
 */
import type { ResourceType } from "./types.ts";

/** One group as a server serves it. */
export interface ServedGroup {
  /** Empty for the core group. */
  readonly name: string;
  /** In the server's order: the preferred version first. */
  readonly versions: readonly ServedVersion[];
}

/** One version of a group. */
export interface ServedVersion {
  readonly version: string;
  readonly types: readonly ResourceType[];
  /** The server could not tell what it serves (an aggregated API server that is down). */
  readonly stale: boolean;
}

/** Reads an APIGroupDiscoveryList (v2 and v2beta1 have one shape); undefined when the body is something else. */
export function readAggregated(body: unknown): ServedGroup[] | undefined {
  const list = record(body);
  if (list?.kind !== "APIGroupDiscoveryList") return undefined;
  return records(list.items).map((item) => {
    // The core group has no name in its metadata.
    const name = text(record(item.metadata)?.name);
    return { name, versions: records(item.versions).map((version) => readVersion(name, version)) };
  });
}

function readVersion(group: string, served: Record<string, unknown>): ServedVersion {
  const version = text(served.version);
  const types = records(served.resources).flatMap((resource) => {
    const kind = text(record(resource.responseKind)?.kind);
    const plural = text(resource.resource);
    // Without a kind of its own it is a path with subresources only.
    if (kind === "" || plural === "") return [];
    return [{
      group,
      version,
      resource: plural,
      kind,
      singular: text(resource.singularResource) || kind.toLowerCase(),
      shortNames: texts(resource.shortNames),
      namespaced: resource.scope === "Namespaced",
      verbs: texts(resource.verbs),
      subresources: records(resource.subresources).map((one) => text(one.subresource)),
    }];
  });
  return { version, types, stale: served.freshness === "Stale" };
}

/** Reads an APIResourceList, the discovery of one group version before aggregated discovery. */
export function readResourceList(group: string, version: string, body: unknown): ResourceType[] | undefined {
  const list = record(body);
  if (list?.kind !== "APIResourceList") return undefined;
  const resources = records(list.resources);
  return resources.filter((one) => !text(one.name).includes("/") && text(one.kind) !== "").map((one) => ({
    group,
    version,
    resource: text(one.name),
    kind: text(one.kind),
    singular: text(one.singularName) || text(one.kind).toLowerCase(),
    shortNames: texts(one.shortNames),
    namespaced: one.namespaced === true,
    verbs: texts(one.verbs),
    subresources: resources.flatMap((other) => {
      const [parent, ...rest] = text(other.name).split("/");
      return parent === one.name && rest.length > 0 ? [rest.join("/")] : [];
    }),
  }));
}

/** Reads an APIGroupList or APIVersions into groups with their versions, the preferred first. */
export function readGroupVersions(body: unknown): { name: string; versions: string[] }[] | undefined {
  const list = record(body);
  if (list?.kind === "APIVersions") return [{ name: "", versions: texts(list.versions) }];
  if (list?.kind !== "APIGroupList") return undefined;
  return records(list.groups).map((group) => {
    const preferred = text(record(group.preferredVersion)?.version);
    const versions = records(group.versions).map((one) => text(one.version));
    return { name: text(group.name), versions: [...new Set([preferred, ...versions])].filter((one) => one !== "") };
  });
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
}

function records(value: unknown): Record<string, unknown>[] {
  const all: unknown[] = Array.isArray(value) ? value : [];
  return all.map(record).filter((one) => one !== undefined);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
