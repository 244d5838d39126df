/**
 * The open delete intents of one Replication and what holds them.
 *
 * @module
 */
import type { Hold } from "../crds/types.ts";
import { type DeletionWindow, holdId, type HoldType, type Intent, windowAt } from "./deletes.ts";

const HOLD_REASONS: Readonly<Record<HoldType, string>> = {
  Budget: "more deletions than the budget allows in its window",
  KindEmptied: "the last objects of this kind would be deleted",
  SourceNamespaceGone: "the source namespace is gone or Terminating: DR is left as it is",
  SourceNamespaceRecreated: "the source namespace was created anew and lacks these objects",
  SourceWentBack: "the source went back to an earlier state (a restored backup) and lacks these objects",
};

/** Whether an approval releases a hold: a source that is gone is never a reason to empty its standby. */
function isReleasable(holdType: HoldType): boolean {
  return holdType !== "SourceNamespaceGone";
}

/** Most deletes accounted for in advance. */
const MAX_ADVANCE = 256;

/** Writes `statusWindow` where a restart finds it; throws when it could not be written. */
export type PersistWindow = () => Promise<void>;

/** Ledger of intents, holds and the deletion window. */
export class DeletionLedger {
  readonly intents = new Map<string, Intent>();
  readonly #held = new Map<string, { holdType: HoldType; copyUid: string; sinceWallMs: number }>();
  readonly #doubted = new Set<string>();
  readonly #persist: PersistWindow;
  #window: DeletionWindow;
  /** Deletes already accounted for in what was persisted but not carried out yet. */
  #reserved = 0;
  #next: DeletionWindow | undefined;
  /** Deletes to account for in advance at least. */
  #advance = 1;
  #reserving: Promise<void> | undefined;
  /** Approved hold ids seen so far, so that an approval that came first still counts. */
  #approvals: ReadonlySet<string> = new Set();

  constructor(window: DeletionWindow, persist: PersistWindow) {
    this.#window = window;
    this.#persist = persist;
  }

  /** The window as it is to be persisted: deletes that are about to be carried out are in it. */
  get statusWindow(): DeletionWindow {
    return this.#next ?? this.#window;
  }

  /** Deletes carried out in the window. */
  get window(): DeletionWindow {
    return { startWallMs: this.#window.startWallMs, count: this.#window.count - this.#reserved };
  }

  /** Opens an intent, or answers the one that is open. */
  open(key: string, nowWallMs: number): Intent {
    let intent = this.intents.get(key);
    if (intent === undefined) {
      intent = { key, sinceWallMs: nowWallMs, approved: false };
      this.intents.set(key, intent);
    }
    intent.doubted = this.#doubted.has(key);
    return intent;
  }

  /** The source lacks the object, but only since it went back to an earlier state: until a person says so, it is not deleted. */
  doubt(key: string): void {
    this.#doubted.add(key);
  }

  /** Whether any such delete waits. */
  get hasDoubts(): boolean {
    return this.#doubted.size > 0;
  }

  /** The source has the object again, or the copy is gone: nothing is left to delete. */
  cancel(key: string): void {
    this.#doubted.delete(key);
    this.setAside(key);
  }

  /** The kind is not served at present: nothing can be deleted of it, and whoever doubted a delete still does. */
  setAside(key: string): void {
    this.intents.delete(key);
    this.#held.delete(key);
    if (this.intents.size === 0 && this.#reserving === undefined) this.#giveBack();
  }

  /** Nothing is left to delete: places that were accounted for in advance are free again. */
  #giveBack(): void {
    this.#window = this.window;
    this.#reserved = 0;
    this.#advance = 1;
  }

  hold(key: string, holdType: HoldType, copyUid: string, nowWallMs: number): void {
    const known = this.#held.get(key);
    if (known?.holdType === holdType && known.copyUid === copyUid) return;
    this.#held.set(key, { holdType, copyUid, sinceWallMs: nowWallMs });
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  /** Holds as they stand, for the status: at most 20, each with a sample of ten names. */
  holds(): Hold[] {
    const groups = new Map<HoldType, { keys: string[]; copies: string[]; sinceWallMs: number }>();
    for (const [key, { holdType, copyUid, sinceWallMs }] of this.#held) {
      const group = groups.get(holdType) ?? { keys: [], copies: [], sinceWallMs };
      group.keys.push(key);
      // With its uid: an approval that was used does not reach a later copy of the same name.
      group.copies.push(`${key} ${copyUid}`);
      group.sinceWallMs = Math.min(group.sinceWallMs, sinceWallMs);
      groups.set(holdType, group);
    }
    return [...groups].map(([holdType, { keys, copies, sinceWallMs }]) => ({
      id: holdId(holdType, copies),
      type: holdType,
      count: keys.length,
      reason: HOLD_REASONS[holdType],
      since: new Date(sinceWallMs).toISOString(),
      sample: keys.sort().slice(0, 10),
    }));
  }

  /** Takes over the approvals of the annotation; answers the keys they release. */
  approve(ids: ReadonlySet<string>): string[] {
    this.#approvals = ids;
    return this.applyApprovals();
  }

  /** Releases what an approval names exactly as it is held now. */
  applyApprovals(): string[] {
    if (this.#approvals.size === 0 || this.#held.size === 0) return [];
    const approvedTypes = new Set(this.holds().filter((hold) => this.#approvals.has(hold.id)).map((hold) => hold.type));
    const released: string[] = [];
    for (const [key, { holdType }] of this.#held) {
      const intent = this.intents.get(key);
      if (intent === undefined || !approvedTypes.has(holdType) || !isReleasable(holdType)) continue;
      intent.approved = true;
      released.push(key);
    }
    for (const key of released) this.#held.delete(key);
    return released;
  }

  /** Accounts for one delete, persisted before it returns. Many at once share one write. Throws when it was not written. */
  async reserve(windowMs: number, nowWallMs: number, intent?: Intent): Promise<void> {
    // What was accounted for in a window that has passed says nothing about this one.
    if (windowAt(this.#window, windowMs, nowWallMs) !== this.#window) this.#reserved = 0;
    while (this.#reserved === 0) {
      this.#reserving ??= this.#reserveBatch(windowMs, nowWallMs).finally(() => this.#reserving = undefined);
      await this.#reserving;
    }
    this.#reserved--;
    if (intent !== undefined) intent.counted = true;
  }

  /** A reserved delete was not carried out. */
  unreserve(intent?: Intent): void {
    this.#reserved++;
    if (intent !== undefined) intent.counted = false;
  }

  async #reserveBatch(windowMs: number, nowWallMs: number): Promise<void> {
    const current = windowAt(this.#window, windowMs, nowWallMs);
    // Deletes that come one by one, without a grace to gather them, share a write too: the more there were, the more.
    const batch = Math.max(this.#advance, this.intents.size - this.#held.size);
    this.#advance = Math.min(MAX_ADVANCE, this.#advance * 2);
    const next = { startWallMs: current.startWallMs, count: current.count + batch };
    this.#next = next;
    try {
      await this.#persist();
      this.#window = next;
      this.#reserved = batch;
    } finally {
      this.#next = undefined;
    }
  }
}
