/**
 * The deletes that are held, in groups that are judged as one: those of a kind that wait for the same reason.
 *
 * @module
 */
import type { Hold } from "../crds/types.ts";
import { holdId, type HoldType } from "./deletes.ts";
import { splitKey } from "./memory.ts";

const HOLD_REASONS: Readonly<Record<HoldType, string>> = {
  Budget: "more deletions than the budget allows in its window",
  KindEmptied: "the last objects of this kind would be deleted",
  SourceNamespaceGone: "the source namespace is gone or Terminating: DR is left as it is",
  SourceNamespaceRecreated: "the source namespace was created anew and lacks these objects",
  SourceWentBack: "the source went back to an earlier state (a restored backup) and lacks these objects",
};

/** A copy whose delete is held. */
interface HeldCopy {
  readonly copyUid: string;
  readonly sinceWallMs: number;
}

/** Copies of one kind, held for one reason. */
export interface HeldGroup {
  readonly holdType: HoldType;
  readonly kind: string;
  /** By key. */
  readonly copies: ReadonlyMap<string, HeldCopy>;
}

/** See the module. */
export class HeldSet {
  readonly #groups = new Map<string, HeldGroup & { readonly copies: Map<string, HeldCopy> }>();
  readonly #groupOf = new Map<string, HeldGroup & { readonly copies: Map<string, HeldCopy> }>();
  /** The last answer of `holds`, as long as it is true: naming a large set is not free. */
  #holds: readonly Hold[] | undefined;

  get size(): number {
    return this.#groupOf.size;
  }

  has(key: string): boolean {
    return this.#groupOf.has(key);
  }

  /** At most one for each reason and kind, however many copies are held. */
  groups(): readonly HeldGroup[] {
    return [...this.#groups.values()];
  }

  /** Holds a copy; one that is held for this reason already keeps its time. */
  put(key: string, holdType: HoldType, copyUid: string, nowWallMs: number): void {
    const before = this.#groupOf.get(key);
    if (before?.holdType === holdType && before.copies.get(key)?.copyUid === copyUid) return;
    this.delete(key);
    const { kind } = splitKey(key);
    const id = `${holdType} ${kind}`;
    const group = this.#groups.get(id) ?? { holdType, kind, copies: new Map<string, HeldCopy>() };
    this.#groups.set(id, group);
    this.#groupOf.set(key, group);
    group.copies.set(key, { copyUid, sinceWallMs: nowWallMs });
    this.#holds = undefined;
  }

  /** Holds a copy for another reason. */
  move(key: string, holdType: HoldType, nowWallMs: number): void {
    const copy = this.#groupOf.get(key)?.copies.get(key);
    if (copy !== undefined) this.put(key, holdType, copy.copyUid, nowWallMs);
  }

  delete(key: string): void {
    const group = this.#groupOf.get(key);
    if (group === undefined) return;
    this.#groupOf.delete(key);
    group.copies.delete(key);
    if (group.copies.size === 0) this.#groups.delete(`${group.holdType} ${group.kind}`);
    this.#holds = undefined;
  }

  /** Holds as a status shows them: one for each reason, each with a sample of ten names. */
  holds(): readonly Hold[] {
    this.#holds ??= [...Map.groupBy(this.#groups.values(), ({ holdType }) => holdType)].map(([type, groups]) =>
      holdOf(type, new Map(groups.flatMap(({ copies }) => [...copies])))
    );
    return this.#holds;
  }
}

function holdOf(type: HoldType, copies: ReadonlyMap<string, HeldCopy>): Hold {
  let sinceWallMs = Infinity;
  for (const copy of copies.values()) sinceWallMs = Math.min(sinceWallMs, copy.sinceWallMs);
  return {
    // With its uid: an approval that was used does not reach a later copy of the same name.
    id: holdId(type, [...copies].map(([key, { copyUid }]) => `${key} ${copyUid}`)),
    type,
    count: copies.size,
    reason: HOLD_REASONS[type],
    since: new Date(sinceWallMs).toISOString(),
    sample: [...copies.keys()].sort().slice(0, 10),
  };
}
