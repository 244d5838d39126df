/**
 * From what people write to kinds.
 *
 * @module
 */
import { type Discovery, groupResource, type ResourceType } from "./types.ts";

/** The type of a kind, at its preferred version; undefined when the server has none (or its group is stale). */
export function findType(discovery: Discovery, wanted: { group: string; kind: string }): ResourceType | undefined {
  const found = discovery.types.filter((type) => type.group === wanted.group && type.kind === wanted.kind);
  // Review-like resources may share a kind with the real one.
  return found.find((type) => type.verbs.includes("get")) ?? found[0];
}

/**
 * The types a spelling may mean, as kubectl reads it: plural, singular, kind or short name in any case, alone or with
 * `.group` or `.version.group`. Several when groups share the name; none when nothing matches. A version that is served
 * but not preferred comes back as the type's version.
 */
export function resolveTypes(discovery: Discovery, spelling: string): ResourceType[] {
  const [head = "", ...rest] = spelling.trim().toLowerCase().replace(/\.$/, "").split(".");
  if (head === "") return [];
  const scopes = scopesOf(rest);
  const within = discovery.types.flatMap((type) => {
    const scope = scopes.find((one) => matches(discovery, type, one));
    return scope === undefined ? [] : [scope.version === undefined ? type : { ...type, version: scope.version }];
  });
  const byName = within.filter((type) => [type.resource, type.singular, type.kind.toLowerCase()].includes(head));
  return byName.length > 0 ? byName : within.filter((type) => type.shortNames.includes(head));
}

/** What may follow the name: nothing, a group, a version and a group. */
interface Scope {
  readonly group?: string;
  readonly version?: string;
}

function scopesOf(rest: string[]): Scope[] {
  if (rest.length === 0) return [{}];
  const [first = "", ...others] = rest;
  const scopes: Scope[] = [{ group: rest.join(".") }];
  return /^v\d/.test(first) ? [...scopes, { version: first, group: others.join(".") }] : scopes;
}

function matches(discovery: Discovery, type: ResourceType, scope: Scope): boolean {
  if (scope.group !== undefined && scope.group !== type.group) return false;
  return scope.version === undefined || (discovery.versions.get(groupResource(type)) ?? []).includes(scope.version);
}
