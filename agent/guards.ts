/**
 * What a pass must not do without a person's word. Decisions over plain facts: nothing here reads or writes.
 *
 * @module
 */
import type { Census, TreeCount } from "./census.ts";
import { describeRoot, isSameRoot, type RootIdentity } from "./identity.ts";
import type { Plan } from "./plan.ts";

/** Why a pass is held. */
export type HoldType = "SourceChanged" | "SourceShrank" | "MassDelete";

/** Something that waits for an approval of exactly this id. */
export interface Hold {
  /** A digest of what is held: a larger set has another id. */
  readonly id: string;
  readonly type: HoldType;
  /** How many entries of the target are at stake. */
  readonly count: number;
  readonly reason: string;
  /** Some of them, at most 20. */
  readonly sample: readonly string[];
}

/** A hold whose id is not known yet. */
export interface Finding {
  readonly type: HoldType;
  readonly count: number;
  readonly reason: string;
  readonly sample: readonly string[];
  /** What the id is a digest of. */
  readonly held: readonly string[];
}

/** What the source was at the last good pass. */
export interface LastGood {
  readonly root: RootIdentity;
  readonly entries: number;
}

/** How much may be deleted without asking: the larger of the two. */
export interface DeletePolicy {
  readonly count: number;
  /** Of the target's entries. */
  readonly percent: number;
}

/** Fewer entries than these may come and go. */
const SHRINK_FLOOR = 100;

/** What is wrong with a source before anything is planned. Without a last good pass, the target tells what to expect. */
export function judgeSource(census: Census, lastGood: LastGood | undefined, target: TreeCount): Finding[] {
  const findings: Finding[] = [];
  if (lastGood !== undefined && !isSameRoot(census.root, lastGood.root)) {
    findings.push({
      type: "SourceChanged",
      count: target.entries,
      reason: `the source is another volume than at the last good pass: now ${describeRoot(census.root)}, ` +
        `then ${describeRoot(lastGood.root)}`,
      sample: [],
      held: [describeRoot(census.root)],
    });
  }
  const before = lastGood?.entries ?? target.entries;
  const now = census.count.entries;
  if (hasShrunk(before, now)) {
    findings.push({
      type: "SourceShrank",
      count: before - now,
      reason: `the source holds ${now} entries, ${lastGood ? "at the last good pass" : "the target"} ${before}`,
      sample: [],
      held: [String(before), String(now)],
    });
  }
  return findings;
}

function hasShrunk(before: number, now: number): boolean {
  if (now === 0) return before > 0;
  return before - now > SHRINK_FLOOR && now * 2 <= before;
}

/** How many entries a pass may delete without asking. */
export function allowedDeletes(policy: DeletePolicy, targetEntries: number): number {
  return Math.max(policy.count, Math.floor(targetEntries * policy.percent / 100));
}

/** What is wrong with a plan. */
export function judgePlan(plan: Plan, policy: DeletePolicy, targetEntries: number): Finding[] {
  const allowed = allowedDeletes(policy, targetEntries);
  if (plan.deletes <= allowed) return [];
  return [{
    type: "MassDelete",
    count: plan.deletes,
    reason: `the pass would delete ${plan.deletes} of ${targetEntries} entries, ${allowed} are allowed`,
    sample: plan.deleteSample,
    held: [plan.deleteDigest],
  }];
}

/** Room on the target volume. */
export interface Room {
  readonly freeBytes: number;
  /** Undefined where the filesystem makes inodes as it needs them. */
  readonly freeInodes?: number;
}

/**
 * Why the target is too small, undefined when it may be large enough: what is created must fit, and the largest file
 * that changes must fit beside its old version. Sparse files take no more than at the source.
 */
export function judgeRoom(plan: Plan, census: Census, room: Room): string | undefined {
  const needed = Math.min(plan.createdBytes + plan.largestUpdateBytes, census.count.allocatedBytes);
  if (needed > room.freeBytes) return `the pass needs ${needed} bytes, ${room.freeBytes} are free`;
  if (room.freeInodes !== undefined && plan.created > room.freeInodes) {
    return `the pass needs ${plan.created} inodes, ${room.freeInodes} are free`;
  }
}

/** Gives findings their ids. `volume` is in each id: no approval is good for another volume. */
export async function identifyHolds(volume: string, findings: readonly Finding[]): Promise<Hold[]> {
  return await Promise.all(findings.map(async ({ held, ...finding }) => {
    const text = JSON.stringify([volume, finding.type, ...held]);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return { id: new Uint8Array(digest).toHex().slice(0, 12), ...finding };
  }));
}

/** The holds that nobody has approved. */
export function unapproved(holds: readonly Hold[], approvals: readonly string[]): Hold[] {
  return holds.filter(({ id }) => !approvals.includes(id));
}
