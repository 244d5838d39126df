/**
 * What a Replication remembers of each object: identities and hashes, never bodies.
 *
 * @module
 */
import { DESIRED_HASH, ORPHANED_AT } from "../crds/keys.ts";
import type { ObjectMeta } from "../kube/types.ts";
import { groupResource, type ResourceType } from "../kube/types.ts";
import type { Report } from "./desired/desired.ts";
import { controllerOf } from "./desired/owners.ts";
import type { ClassName } from "./desired/classes.ts";
import { type Pods, sumOf } from "./desired/pods.ts";
import type { Dispute } from "./dispute.ts";
import type { FailureClass } from "./failure.ts";
import { createdEntry } from "./created_entry.ts";

/** Where an object stands. */
export const OBJECT_STATES = [
  "Pending",
  "Synced",
  "Skipped",
  "Failed",
  "Conflict",
  "Drifted",
  "OwnedByDR",
  "Deleting",
] as const;
export type ObjectState = (typeof OBJECT_STATES)[number];

/** The copy as it was last seen, enough to write to it with preconditions and to tell drift from our own echo. */
export interface CopyMark {
  readonly uid: string;
  readonly resourceVersion: string;
  /** See `fingerprint`. */
  readonly fingerprint: number;
  /** Hash of the desired object that it carries. */
  readonly hash: string;
  /** Whoever controls it in DR (`ExternalSecret db`), if anybody does: then it is theirs to write. */
  readonly controller?: string;
  /** Marked as orphaned: the mark goes when the source is back. */
  readonly orphaned: boolean;
  /** Place of our create in its `managedFields`, until it is applied for the first time; see `field_owner.ts`. */
  readonly created?: number;
}

/** What of a desired object DR does not take: written once, then left so until either side changes. */
export interface Remainder {
  /** Hash of the desired object. */
  readonly hash: string;
  /** How the copy differs from it; see `differenceOf`. */
  readonly difference: string;
  /** Path of the first difference. */
  readonly path: string;
  /** Digest of the schema by which DR did not take it; undefined when it is not known. */
  readonly schema?: string;
  /** Fields that DR does not know, left out of what was written. */
  readonly unknownFields: readonly string[];
}

/** Memory of one object. */
export interface Entry {
  /** `configmaps`, `deployments.apps`. */
  readonly kind: string;
  sourceUid?: string;
  sourceResourceVersion?: string;
  /** Set by `Memory.setCopy` only. */
  readonly copy?: CopyMark;
  /** What the last apply left different. */
  remainder?: Remainder;
  /** Hash of the desired object that was written last, by this process. */
  written?: string;
  /** Differences that come back after each correction. */
  dispute?: Dispute;
  state: ObjectState;
  /** Why the copy is left as it is, in state Drifted or OwnedByDR. */
  left?: { readonly reason: string; readonly message: string };
  /** What could not be adapted in the copy; absent when all could. */
  reports?: readonly Report[];
  /** What the copy keeps because it cannot change any more; absent when all is as it should be. */
  kept?: readonly Report[];
  failure?: { failureClass: FailureClass; message: string; attempts: number; nextRetryWallMs: number };
}

/** Key of an object in a Replication's queue and memory: `deployments.apps/web`. */
export function keyOf(type: Pick<ResourceType, "group" | "resource">, name: string): string {
  return `${groupResource(type)}/${name}`;
}

/** Splits a key into its kind (`deployments.apps`) and name. */
export function splitKey(key: string): { kind: string; name: string } {
  const slash = key.indexOf("/");
  return { kind: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * A 32-bit digest (FNV-1a) of what can drift in metadata and of the generation. Equal: at most the status changed. Kinds without
 * a generation change their resourceVersion for real changes only, so their resourceVersion is part of it.
 */
export function fingerprint(meta: ObjectMeta): number {
  const parts = [
    meta.generation === undefined ? `rv${meta.resourceVersion}` : `g${meta.generation}`,
    JSON.stringify(meta.labels ?? {}),
    JSON.stringify(meta.annotations ?? {}),
    String(meta.deletionTimestamp ?? ""),
    JSON.stringify(meta.ownerReferences ?? []),
  ];
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x1f, 0x01000193);
  }
  return hash >>> 0;
}

/** Counts of one kind, for `status.resourceStatus`. */
export interface KindCount {
  total: number;
  synced: number;
  failed: number;
}

/** What is remembered of a live copy; undefined for an object that no server stored. */
export function markOf(live: ObjectMeta): CopyMark | undefined {
  const { uid, resourceVersion, annotations } = live;
  if (uid === undefined || resourceVersion === undefined) return undefined;
  const controller = controllerOf(live);
  const created = createdEntry(live);
  return {
    uid,
    resourceVersion,
    fingerprint: fingerprint(live),
    hash: annotations?.[DESIRED_HASH] ?? "",
    ...(controller === undefined ? {} : { controller: `${controller.kind} ${controller.name}` }),
    orphaned: annotations?.[ORPHANED_AT] !== undefined,
    ...(created === undefined ? {} : { created }),
  };
}

/** What is kept of a copy's content, because something in DR depends on the sum of all copies. */
export interface CopyNote {
  /** Pods that it may run in the standby. */
  readonly pods: Pods;
  /** Classes of the DR cluster that it names. */
  readonly classes: readonly ClassName[];
}

/** All entries of one Replication. */
export class Memory {
  readonly #entries = new Map<string, Entry>();
  /** Pods and classes of the few copies that have some. */
  readonly #pods = new Map<string, Pods>();
  readonly #named = new Map<string, readonly ClassName[]>();
  readonly #classes = new Set<ClassName>();
  readonly #copies = new Map<string, number>();

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry of a key, made when there is none. */
  ensure(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { kind: splitKey(key).kind, state: "Pending" };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** Notes the copy, or with undefined that there is none. */
  setCopy(entry: Entry, copy: CopyMark | undefined): void {
    const change = Number(copy !== undefined) - Number(entry.copy !== undefined);
    (entry as { copy?: CopyMark }).copy = copy;
    if (change !== 0) this.#copies.set(entry.kind, (this.#copies.get(entry.kind) ?? 0) + change);
  }

  /** The source object is gone. */
  forgetSource(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.sourceUid = undefined;
    entry.sourceResourceVersion = undefined;
  }

  /** A relist of a kind: its source's resourceVersions prove nothing any more (etcd may have been restored). */
  distrustSource(kind: string): void {
    for (const entry of this.#entries.values()) if (entry.kind === kind) entry.sourceResourceVersion = undefined;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.setCopy(entry, undefined);
    this.#entries.delete(key);
    this.#pods.delete(key);
    this.#named.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /** Notes what a copy is to hold. */
  note(key: string, { pods, classes }: CopyNote): void {
    for (const name of classes) this.#classes.add(name);
    if (pods === 0) this.#pods.delete(key);
    else this.#pods.set(key, pods);
    if (classes.length === 0) this.#named.delete(key);
    else this.#named.set(key, classes);
  }

  /** Pods that copies may run in the standby, all together; what is to go counts until it is gone. */
  get pods(): Pods {
    return sumOf([...this.#pods].filter(([key]) => this.#isInDr(key)).map(([, pods]) => pods));
  }

  /** The classes that each copy names, by its key. */
  *namedClasses(): Generator<[string, readonly ClassName[]]> {
    for (const [key, classes] of this.#named) if (this.#isInDr(key)) yield [key, classes];
  }

  /** Every class that a copy has named so far. */
  get classes(): ReadonlySet<ClassName> {
    return this.#classes;
  }

  /** Whether a copy is in DR, or on its way. */
  #isInDr(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && (entry.copy !== undefined || entry.state !== "Skipped");
  }

  /** How many objects are in each state; every state is named, so that a gauge goes back to 0. */
  countStates(): ReadonlyMap<ObjectState, number> {
    const counts = new Map<ObjectState, number>(OBJECT_STATES.map((state) => [state, 0]));
    for (const { state } of this.#entries.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /** Copies that exist in DR, by kind (`configmaps`). */
  copiesByKind(): ReadonlyMap<string, number> {
    return this.#copies;
  }
}
