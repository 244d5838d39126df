/**
 * The guard chain for deletes: pure decisions. A delete is an intent with a grace; it is carried out only when every guard
 * holds (docs/guide/deletes.md).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { splitKey } from "./memory.ts";

/** Kinds that are never deleted in DR; `orphaned-at` marks them. */
const NEVER_DELETED: ReadonlySet<string> = new Set([
  "persistentvolumeclaims",
  "persistentvolumes",
  "namespaces",
  "customresourcedefinitions.apiextensions.k8s.io",
]);

/** Why deletes are held. */
export type HoldType =
  | "Budget"
  | "KindEmptied"
  | "SourceNamespaceGone"
  | "SourceNamespaceRecreated"
  | "SourceWentBack";

/** `spec.deletion`, parsed. */
export interface DeletionPolicy {
  readonly policy: "Mirror" | "Retain";
  readonly graceMs: number;
  readonly budget: { readonly count: number; readonly percent: number; readonly windowMs: number };
}

/** A wish to delete the copy of a key. The ledger changes it, nobody else: it is counted there. */
export interface Intent {
  readonly key: string;
  /** Wall time at which the source was first seen gone. */
  readonly sinceWallMs: number;
  /** A person approved a hold while this intent was in it. */
  readonly approved: boolean;
  /** The source lacks the object since it went back to an earlier state. */
  readonly doubted?: boolean;
  /** It is in the window's count already and about to be carried out. */
  readonly counted?: boolean;
  /** The source said that the object had ended by itself: nobody has deleted anything. */
  readonly ended?: boolean;
}

/** What is known of all open intents together. */
export interface IntentTotals {
  /** Intents that use the budget: neither approved nor in the window's count already; see `ended` and `neverDeleted`, too. */
  readonly asking: number;
  /** Intents to delete objects of a kind, approved or not, but for those that have ended. */
  ofKind(kind: string): number;
  /** Intents to delete objects of a kind that have ended. */
  endedOfKind(kind: string): number;
}

/** Deletes carried out in the current window; persisted in `status.deletions` so that a crash loop does not reset it. */
export interface DeletionWindow {
  readonly startWallMs: number;
  readonly count: number;
}

/** State of the source namespace, compared with what was pinned. */
export type NamespaceState = "Present" | "Terminating" | "Gone" | "Recreated" | "Unknown";

/** What the guards look at. */
export interface GuardFacts {
  readonly nowWallMs: number;
  readonly policy: DeletionPolicy;
  /** Guard 1: the kind was listed completely since its watch was last opened. */
  readonly kindListed: boolean;
  /** Guard 3. */
  readonly namespace: NamespaceState;
  /** Guard 3: the source cluster is the one that was pinned. */
  readonly sourceIdentityKnown: boolean;
  /** Guard 4: role Standby and the fence ours, read live. */
  readonly fenceOpen: boolean;
  readonly window: DeletionWindow;
  /** All open intents, this one included. */
  readonly counts: IntentTotals;
  /** Copies that exist in DR, by kind, those with an intent included. */
  readonly copiesByKind: ReadonlyMap<string, number>;
}

/** What to do with an intent. */
export type GuardVerdict =
  | { readonly type: "Delete" }
  | { readonly type: "MarkOrphaned" }
  | { readonly type: "Retain" }
  | { readonly type: "Wait"; readonly forMs: number; readonly why: string; readonly isGrace?: true }
  | { readonly type: "Hold"; readonly holdType: HoldType };

/** Judges one intent. Guard 2 (a read of the source) and the preconditions of the call are the caller's. */
export function judgeDelete(intent: Intent, facts: GuardFacts): GuardVerdict {
  if (facts.policy.policy === "Retain") return { type: "Retain" };
  const dueInMs = intent.sinceWallMs + facts.policy.graceMs - facts.nowWallMs;
  if (dueInMs > 0) return { type: "Wait", forMs: dueInMs, why: "grace", isGrace: true };
  if (!facts.sourceIdentityKnown) {
    return { type: "Wait", forMs: 10_000, why: "the source cluster's identity is not confirmed" };
  }
  if (!facts.kindListed) return { type: "Wait", forMs: 2_000, why: "the source's list of this kind is not complete" };
  if (!facts.fenceOpen) return { type: "Wait", forMs: 10_000, why: "the fence is not ours" };
  const namespaceVerdict = judgeNamespace(intent, facts.namespace);
  if (namespaceVerdict !== undefined) return namespaceVerdict;
  if (neverDeleted(intent.key)) return { type: "MarkOrphaned" };
  if (intent.doubted && !intent.approved) return { type: "Hold", holdType: "SourceWentBack" };
  if (!intent.approved && !intent.ended) {
    const holdType = judgeBudget(intent, facts);
    if (holdType !== undefined) return { type: "Hold", holdType };
  }
  return { type: "Delete" };
}

function judgeNamespace(intent: Intent, state: NamespaceState): GuardVerdict | undefined {
  switch (state) {
    case "Present":
      return undefined;
    case "Unknown":
      return { type: "Wait", forMs: 5_000, why: "the source namespace cannot be read" };
    case "Gone":
    case "Terminating":
      return { type: "Hold", holdType: "SourceNamespaceGone" };
    case "Recreated":
      return intent.approved ? undefined : { type: "Hold", holdType: "SourceNamespaceRecreated" };
  }
}

/** 100 percent switches the budget off, the rule of the emptied kind included: the user said that everything may go. */
function judgeBudget(intent: Intent, facts: GuardFacts): HoldType | undefined {
  const { budget } = facts.policy;
  if (budget.percent >= 100) return undefined;
  const { kind } = splitKey(intent.key);
  const copiesOfKind = (facts.copiesByKind.get(kind) ?? 0) - facts.counts.endedOfKind(kind);
  if (copiesOfKind > 1 && facts.counts.ofKind(kind) >= copiesOfKind) return "KindEmptied";
  const inWindow = windowAt(facts.window, budget.windowMs, facts.nowWallMs).count;
  let total = inWindow;
  for (const count of facts.copiesByKind.values()) total += count;
  const allowed = Math.max(budget.count, Math.floor(total * budget.percent / 100));
  return inWindow + facts.counts.asking > allowed ? "Budget" : undefined;
}

/** The window as it stands now: a new one once the old one has passed. */
export function windowAt(window: DeletionWindow, windowMs: number, nowWallMs: number): DeletionWindow {
  return nowWallMs - window.startWallMs >= windowMs ? { startWallMs: nowWallMs, count: 0 } : window;
}

/** Whether copies of this key are never deleted. */
export function neverDeleted(key: string): boolean {
  return NEVER_DELETED.has(splitKey(key).kind);
}

/** Id of a hold: a digest of exactly what it holds, so that a grown set needs a new approval. */
export function holdId(holdType: HoldType, copies: readonly string[]): string {
  return createHash("sha256").update([holdType, ...[...copies].sort()].join("\n")).digest("hex").slice(0, 10);
}
