/**
 * What one list of a kind shows, held against what one Replication knows of it.
 *
 * @module
 */
import type { KubeObject, ResourceType } from "../kube/types.ts";
import { keyOf, type Memory } from "./memory.ts";
import { isNewer } from "./resource_version.ts";

/** A Replication whose knowledge is proven. */
export interface Witness {
  /** The source namespace. */
  readonly namespace: string;
  readonly memory: Pick<Memory, "get" | "entries">;
  kinds(): Iterable<ProvenKind>;
  /** Whether what was read (undefined: gone) is what is known, or waits in the queue. */
  isKnown(key: string, object: KubeObject | undefined): boolean;
  /** A change that the watch has not told of. */
  suspect(key: string): void;
}

/** A kind that a Replication watches. */
export interface ProvenKind {
  readonly kind: { readonly name: string; readonly source: ResourceType };
  /** Whether a proof by reading makes sense now. */
  readonly provable: boolean;
  /** Wall time up to which all changes are known to have reached the queue; undefined before the first list. */
  readonly provenWallMs: number | undefined;
  /** A list of this `resourceVersion`, begun then, found every object known. */
  proven(wallMs: number, sourceVersion: string): void;
}

/** An object as it was read; undefined when memory has it and the list does not. */
interface Look {
  readonly key: string;
  readonly object?: KubeObject;
}

/** See the module. Made before the list begins: what it was told of meanwhile is newer than the list. */
export class Sighting {
  readonly #witness: Witness;
  readonly #kind: ProvenKind;
  readonly #seen = new Set<string>();
  #unknown: Look[] = [];

  constructor(witness: Witness, kind: ProvenKind) {
    this.#witness = witness;
    this.#kind = kind;
  }

  get namespace(): string {
    return this.#witness.namespace;
  }

  /** Objects of a page that are in its namespace. */
  see(objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const key = keyOf(this.#kind.kind.source, object.metadata.name);
      this.#seen.add(key);
      if (!this.#isKnown({ key, object }, "")) this.#unknown.push({ key, object });
    }
  }

  /** After the last page: whether all is known, which is noted then. */
  tryToProve(startedWallMs: number, listedVersion: string): boolean {
    for (const [key, entry] of this.#witness.memory.entries()) {
      if (entry.kind !== this.#kind.kind.name || this.#seen.has(key)) continue;
      if (!this.#isKnown({ key }, listedVersion)) this.#unknown.push({ key });
    }
    return this.#proveOrNot(startedWallMs, listedVersion);
  }

  /** After a while in which the watch could tell of the rest: what it has not is suspicious. */
  settle(startedWallMs: number, listedVersion: string): void {
    this.#unknown = this.#unknown.filter((look) => !this.#isKnown(look, listedVersion));
    // A watch that was lost meanwhile ends in a list, which proves more.
    if (this.#proveOrNot(startedWallMs, listedVersion) || !this.#kind.provable) return;
    for (const { key } of this.#unknown) this.#witness.suspect(key);
  }

  #proveOrNot(startedWallMs: number, listedVersion: string): boolean {
    if (this.#unknown.length > 0) return false;
    this.#kind.proven(startedWallMs, listedVersion);
    return true;
  }

  /** Whether the watch has told of what was read, or of something newer. */
  #isKnown({ key, object }: Look, listedVersion: string): boolean {
    if (this.#witness.isKnown(key, object)) return true;
    const entry = this.#witness.memory.get(key);
    const known = entry?.sourceResourceVersion;
    if (object === undefined) return known !== undefined && isNewer(known, listedVersion);
    return known !== undefined && entry?.sourceUid === object.metadata.uid &&
      isNewer(known, object.metadata.resourceVersion);
  }
}
