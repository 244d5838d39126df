/**
 * The open delete intents of one Replication and what holds them.
 *
 * @module
 */
import type { Hold } from "../crds/types.ts";
import { type DeletionWindow, type HoldType, type Intent, type IntentTotals, windowAt } from "./deletes.ts";
import { type HeldGroup, HeldSet } from "./held_set.ts";
import { IntentCounts } from "./intent_counts.ts";

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
  readonly #intents = new Map<string, Intent>();
  readonly #counts = new IntentCounts();
  readonly #held = new HeldSet();
  readonly #doubted = new Set<string>();
  readonly #ended = new Set<string>();
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

  /** Every open intent, by key. */
  get intents(): ReadonlyMap<string, Intent> {
    return this.#intents;
  }

  /** The same, counted. */
  get counts(): IntentTotals {
    return this.#counts;
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
    const notes = { doubted: this.#doubted.has(key), ended: this.#ended.has(key) };
    const known = this.#intents.get(key);
    if (known !== undefined) return this.#change(known, notes);
    const intent = { key, sinceWallMs: nowWallMs, approved: false, ...notes };
    this.#intents.set(key, intent);
    this.#counts.add(intent);
    return intent;
  }

  /** The source lacks the object, but only since it went back to an earlier state: until a person says so, it is not deleted. */
  doubt(key: string): void {
    this.#doubted.add(key);
  }

  /** What the source said last of whether the object has ended by itself; still true when it is gone. */
  noteEnd(key: string, hasEnded: boolean): void {
    if (hasEnded) this.#ended.add(key);
    else this.#ended.delete(key);
  }

  /** Whether a delete waits that only a source which went back asks for. */
  get hasDoubts(): boolean {
    return this.#doubted.size > 0;
  }

  /** The source has the object again, or the copy is gone: nothing is left to delete. */
  cancel(key: string): void {
    this.#doubted.delete(key);
    this.#ended.delete(key);
    this.setAside(key);
  }

  /** The kind is not served at present: nothing can be deleted of it, and whoever doubted a delete still does. */
  setAside(key: string): void {
    const intent = this.#intents.get(key);
    if (intent !== undefined) this.#counts.remove(intent);
    this.#intents.delete(key);
    this.#held.delete(key);
    if (this.#intents.size === 0 && this.#reserving === undefined) this.#giveBack();
  }

  /** Nothing is left to delete: places that were accounted for in advance are free again. */
  #giveBack(): void {
    this.#window = this.window;
    this.#reserved = 0;
    this.#advance = 1;
  }

  /** Holds the delete of a copy until it is released, approved or judged otherwise. */
  hold(key: string, holdType: HoldType, copyUid: string, nowWallMs: number): void {
    this.#held.put(key, holdType, copyUid, nowWallMs);
  }

  /** Holds it for another reason, if it is held. */
  moveHold(key: string, holdType: HoldType, nowWallMs: number): void {
    this.#held.move(key, holdType, nowWallMs);
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  /** Whether anything is held. */
  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** What is held, in groups that are judged as one. */
  heldGroups(): readonly HeldGroup[] {
    return this.#held.groups();
  }

  /** Holds as they stand, for the status. */
  holds(): readonly Hold[] {
    return this.#held.holds();
  }

  /** Takes over the approvals of the annotation; answers the keys they release. */
  approve(ids: ReadonlySet<string>): string[] {
    this.#approvals = ids;
    return this.applyApprovals();
  }

  /** Releases what an approval names exactly as it is held now. */
  applyApprovals(): string[] {
    if (this.#approvals.size === 0 || this.#held.size === 0) return [];
    const named = new Set(this.holds().filter(({ id }) => this.#approvals.has(id)).map(({ type }) => type));
    const released: string[] = [];
    for (const { holdType, copies } of this.heldGroups()) {
      if (!named.has(holdType) || !isReleasable(holdType)) continue;
      released.push(...copies.keys());
    }
    for (const key of released) {
      const intent = this.#intents.get(key);
      if (intent !== undefined) this.#change(intent, { approved: true });
      this.#held.delete(key);
    }
    return released;
  }

  /** Accounts for one delete, persisted before it returns. Many at once share one write. Throws when it was not written. */
  async reserve(windowMs: number, nowWallMs: number, intent?: Intent): Promise<void> {
    if (intent?.ended) return;
    // What was accounted for in a window that has passed says nothing about this one.
    if (windowAt(this.#window, windowMs, nowWallMs) !== this.#window) this.#reserved = 0;
    while (this.#reserved === 0) {
      this.#reserving ??= this.#reserveBatch(windowMs, nowWallMs).finally(() => this.#reserving = undefined);
      await this.#reserving;
    }
    this.#reserved--;
    if (intent !== undefined) this.#change(intent, { counted: true });
  }

  /** A reserved delete was not carried out. */
  unreserve(intent?: Intent): void {
    if (intent?.ended) return;
    this.#reserved++;
    if (intent !== undefined) this.#change(intent, { counted: false });
  }

  async #reserveBatch(windowMs: number, nowWallMs: number): Promise<void> {
    const current = windowAt(this.#window, windowMs, nowWallMs);
    // Deletes that come one by one, without a grace to gather them, share a write too: the more there were, the more.
    const batch = Math.max(this.#advance, this.#intents.size - this.#held.size - this.#counts.ended);
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

  /** An intent that was cancelled meanwhile is in no count any more. */
  #change(intent: Intent, fields: Partial<Pick<Intent, "approved" | "doubted" | "counted" | "ended">>): Intent {
    const isOpen = this.#intents.get(intent.key) === intent;
    if (isOpen) this.#counts.remove(intent);
    Object.assign(intent, fields);
    if (isOpen) this.#counts.add(intent);
    return intent;
  }
}
