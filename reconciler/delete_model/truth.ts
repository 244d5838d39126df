/**
 * What is true of a world and what the mirror has seen of it, and by both whether a delete that it asks for may be.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ORIGIN } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { DeletionPolicy, DeletionWindow } from "../deletes.ts";
import type { HandClock } from "../testing.ts";
import { History } from "./history.ts";
import type { MemoryCall } from "./memory_cluster.ts";

/** A reading of the source namespace serves this long. */
const FRESH_MS = 1_000;

/** The last looks at one copy and at its source. */
export interface Looks {
  copyTick: number;
  copyUid?: string;
  wasOurs: boolean;
  sourceTick: number;
  /** When the mirror was last shown a source object that has a copy, or wrote that. */
  wantedMs: number;
}

/** A delete that was carried out. */
export interface Carried {
  readonly wallMs: number;
  readonly approved: boolean;
}

/** See the module. Ticks count calls: what was true at one was so before the next. */
export class Truth {
  readonly policy: DeletionPolicy;
  readonly clock: HandClock;
  tick = 0;
  startedMs = 0;
  selected: ReadonlySet<string> = new Set();
  persisted: DeletionWindow;
  /** uids of objects in DR that are somebody else's. */
  readonly strangers = new Set<string>();
  /** uid of the namespace that a source object was created in, by its uid. */
  readonly bornIn = new Map<string, string>();
  /** Role, holder, epoch, and whether this process leads. */
  readonly fence = new History<boolean>(false);
  /** uid of the source namespace while it is there and does not end. */
  readonly namespace = new History<string | undefined>(undefined);
  readonly identity = new History<boolean>(true);
  readonly deletes: Carried[] = [];
  /** Why the first delete that must not be must not. */
  violation: unknown;
  readonly #wanted = new Map<string, History<boolean>>();
  readonly #listed = new Map<string, History<boolean>>();
  readonly #looks = new Map<string, Looks>();
  readonly #approved = new Set<string>();

  constructor(policy: DeletionPolicy, clock: HandClock) {
    this.policy = policy;
    this.clock = clock;
    this.persisted = { startWallMs: clock.wallMs(), count: 0 };
  }

  set<T>(history: History<T>, value: T): void {
    history.set(value, this.tick, this.clock.monotonicMs());
  }

  /** Whether the source has an object that is mirrored. */
  wanted(key: string): History<boolean> {
    return historyOf(this.#wanted, key);
  }

  /** Whether the last list of a kind was whole, since its watch was opened, and that is open. */
  listed(resource: string): History<boolean> {
    return historyOf(this.#listed, resource);
  }

  looks(key: string): Looks {
    let looks = this.#looks.get(key);
    if (looks === undefined) this.#looks.set(key, looks = { copyTick: 0, wasOurs: false, sourceTick: 0, wantedMs: 0 });
    return looks;
  }

  /** The source was read, or the copy written. */
  sawWanted(key: string): void {
    this.looks(key).wantedMs = this.clock.monotonicMs();
  }

  /** A person has approved the delete of this copy. */
  approve(key: string, copyUid: string | undefined): void {
    this.#approved.add(`${key} ${copyUid}`);
  }

  /** A delete is asked for; `live` is what has the name now. One that the server refuses must have had its reasons, too. */
  judge(call: MemoryCall, live: KubeObject | undefined): void {
    try {
      this.#demand(call, live);
    } catch (error) {
      this.violation ??= error;
    }
  }

  #demand({ resource, name, preconditions = {} }: MemoryCall, live: KubeObject | undefined): void {
    const key = `${resource}/${name}`;
    const { uid, resourceVersion } = preconditions;
    const { copyTick, copyUid, wasOurs, sourceTick } = this.looks(key);
    assert.ok(uid !== undefined && resourceVersion !== undefined, `${key} is deleted whatever it is by then`);
    assert.ok(resource === "configmaps" || resource === "secrets", `${key} is of a kind that is never deleted`);
    assert.equal(this.policy.policy, "Mirror", `${key} is deleted although nothing is to be`);
    assert.ok(wasOurs && copyUid === uid, `${key} was not ours when it was looked at`);
    const isCarriedOut = live?.metadata.uid === uid && live?.metadata.resourceVersion === resourceVersion;
    assert.ok(!isCarriedOut || !this.strangers.has(uid), `${key} is not ours`);
    this.#demandGone(key, resource);
    const since = Math.max(copyTick, sourceTick);
    assert.ok(this.fence.wasSince(since, isTrue), `${key} is deleted beyond the fence`);
    assert.ok(this.identity.wasSince(since, isTrue), `${key} is deleted for another source cluster`);
    const wasApproved = this.#approved.has(`${key} ${uid}`);
    this.#demandNamespace(key, since, isCarriedOut && !wasApproved ? live : undefined);
    if (isCarriedOut) this.#account(key, wasApproved);
  }

  /** The source was asked last, lacks it, and has lacked it for the grace. */
  #demandGone(key: string, resource: string): void {
    const { copyTick, sourceTick, wantedMs } = this.looks(key);
    const since = Math.max(copyTick, sourceTick);
    const latestMs = this.clock.monotonicMs() - this.policy.graceMs;
    const isUnwanted = (is: boolean) => !is;
    const wanted = this.wanted(key);
    const isOver = wanted.wasBetweenMs(Math.max(this.startedMs, wantedMs), latestMs, isUnwanted);
    assert.ok(isOver, `the grace of ${key} is not over`);
    // Of a kind that is not selected any more, the source is not asked at all.
    if (!this.selected.has(resource)) return;
    assert.ok(sourceTick > copyTick, `the source was not asked for ${key} at the end`);
    assert.ok(wanted.wasSince(since, isUnwanted), `the source has ${key}`);
    const isListed = this.listed(resource).wasSince(since, isTrue);
    assert.ok(isListed, `${key} is deleted although the list of its kind is not whole`);
  }

  /** The namespace is there; an `unapproved` copy came from this very one. */
  #demandNamespace(key: string, since: number, unapproved: KubeObject | undefined): void {
    const nowMs = this.clock.monotonicMs();
    const was = (is: (uid: string | undefined) => boolean) =>
      this.namespace.wasSince(since, is) || this.namespace.wasBetweenMs(nowMs - FRESH_MS, nowMs, is);
    assert.ok(was((uid) => uid !== undefined), `${key} is deleted although its namespace goes`);
    if (unapproved === undefined) return;
    const bornIn = this.bornIn.get(originUid(unapproved));
    assert.ok(was((uid) => uid === bornIn), `${key} came from the former namespace, and nobody approved`);
  }

  /** The budget, whatever was restarted in between. */
  #account(key: string, approved: boolean): void {
    this.deletes.push({ wallMs: this.clock.wallMs(), approved });
    const { startWallMs, count } = this.persisted;
    const inWindow = this.deletes.filter(({ wallMs }) => wallMs >= startWallMs);
    assert.ok(inWindow.length <= count, `${key} is deleted, but the status tells of ${count} only`);
    const own = inWindow.filter((one) => !one.approved).length;
    const { budget } = this.policy;
    assert.ok(approved || budget.percent === 100 || own <= budget.count, `${key} is more than the budget allows`);
  }
}

function isTrue(is: boolean): boolean {
  return is;
}

function historyOf(all: Map<string, History<boolean>>, name: string): History<boolean> {
  let history = all.get(name);
  if (history === undefined) all.set(name, history = new History(false));
  return history;
}

function originUid(copy: KubeObject): string {
  const { uid } = JSON.parse(copy.metadata.annotations?.[ORIGIN] ?? "{}") as { uid?: string };
  return uid ?? "";
}
