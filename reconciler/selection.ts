/**
 * Which kinds a Replication selects.
 *
 * @module
 */
import { resolveTypes } from "../kube/resolve_type.ts";
import { type Discovery, groupResource } from "../kube/types.ts";

/** The selected kinds, by `resource.group`. */
export interface SelectedKinds {
  readonly selected: ReadonlySet<string> | "*";
  readonly deselected: ReadonlySet<string>;
  /** Spellings that no kind of the source answers to. */
  readonly unknown: readonly string[];
}

/** `resourceTypes` and `excludeResourceTypes` as written. */
export class Selection {
  readonly #include: readonly string[];
  readonly #exclude: readonly string[];

  constructor(include: readonly string[], exclude: readonly string[]) {
    this.#include = include.length === 0 ? ["*"] : include;
    this.#exclude = exclude;
  }

  /** Resolves the spellings against what the source serves. */
  resolve(discovery: Discovery): SelectedKinds {
    const unknown: string[] = [];
    const names = (spellings: readonly string[]) => {
      const found = new Set<string>();
      for (const spelling of spellings) {
        const types = resolveTypes(discovery, spelling);
        if (types.length === 0) unknown.push(spelling);
        for (const type of types) found.add(groupResource(type));
      }
      return found;
    };
    const selected = this.#include.includes("*") ? "*" : names(this.#include);
    return { selected, deselected: names(this.#exclude), unknown };
  }
}
