/**
 * Whether a cluster shows by now what the event of a definition announced.
 *
 * @module
 */
import type { Catalogue } from "./cluster.ts";
import type { Definition } from "./definition_facts.ts";

/** A definition that has changed. */
export interface Announced {
  /** `widgets.example.com`. */
  readonly name: string;
  /** Digests of schemas by group version, from before. */
  readonly schemasBefore: ReadonlyMap<string, string>;
  /** Digest of the definition's own schemas from before; undefined when it was never read. */
  readonly ownBefore: string | undefined;
}

/** Discovery has its versions (none when it is gone), and the schemas of their groups are others than before. */
export function isShown(
  { name, schemasBefore, ownBefore }: Announced,
  definition: Definition | undefined,
  { discovery, schemas }: Pick<Catalogue, "discovery" | "schemas">,
): boolean {
  const shown = discovery.versions.get(name) ?? [];
  if (definition === undefined) return shown.length === 0;
  const { established, served } = definition;
  if (!established || shown.length !== served.length || !served.every((version) => shown.includes(version))) {
    return false;
  }
  // A server without OpenAPI v3 tells nothing of schemas.
  if (schemas.size === 0 || (ownBefore !== undefined && ownBefore === definition.schemas)) return true;
  const group = name.slice(name.indexOf(".") + 1);
  return served.map((version) => `${group}/${version}`)
    .every((key) => schemas.has(key) && schemas.get(key) !== schemasBefore.get(key));
}
