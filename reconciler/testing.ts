/**
 * What the tests of this folder share: time in the test's own hands, kinds as servers offer them.
 *
 * @module
 */
import { type Discovery, groupResource, type ResourceType } from "../kube/types.ts";
import type { Clock } from "./clock.ts";

/** A clock that moves only when it is told to. */
export class HandClock implements Clock {
  #ms = 0;
  readonly #wallStartMs: number;

  constructor(wallStartMs = Date.parse("2026-01-01T00:00:00Z")) {
    this.#wallStartMs = wallStartMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  advance(byMs: number): void {
    this.#ms += byMs;
  }
}

/** A kind as a server offers it: namespaced, in the core group, with all verbs. */
export function kindOf(resource: string, kind: string, fields: Partial<ResourceType> = {}): ResourceType {
  return {
    group: "",
    version: "v1",
    resource,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced: true,
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: [],
    ...fields,
  };
}

/** What a server offers; `versions` by `resource.group` where a kind has several. */
export function discoveryOf(types: readonly ResourceType[], versions: Record<string, string[]> = {}): Discovery {
  return {
    types,
    versions: new Map(types.map((one) => [groupResource(one), versions[groupResource(one)] ?? [one.version]])),
    stale: [],
  };
}
