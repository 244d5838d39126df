/**
 * What is true of a pair of namespaces, and by that and by what a process has seen whether a delete that it asks for may be.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MANAGED_BY, ORIGIN } from "../../../crds/keys.ts";
import type { KubeObject } from "../../../kube/types.ts";
import type { DeletionPolicy, DeletionWindow } from "../../../reconciler/deletes.ts";
import type { MirrorIdentity } from "../../../reconciler/mirror_context.ts";
import type { HandClock } from "../../../reconciler/testing.ts";
import { History } from "./history.ts";
import type { Sight } from "./sight.ts";

/** A reading of the source namespace serves this long. */
const FRESH_MS = 1_000;
/** Calls and happenings that are told with a violation. */
const TOLD = 60;

/** A delete that was asked for. */
export interface AskedDelete {
  readonly resource: string;
  readonly name: string;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** What had the name when the call came to the server. */
  readonly live: KubeObject | undefined;
  /** The window as it was written down by then. */
  readonly persisted: DeletionWindow;
  /** The server did it. */
  readonly isCarriedOut: boolean;
}

/** A delete that was carried out. */
export interface Carried {
  /** When its copy was looked at: it is accounted for after that. */
  readonly wallMs: number;
  readonly approved: boolean;
}

/** See the module. Ticks count calls and happenings, one at a time: what was true at one was so before the next. */
export class Truth {
  readonly policy: DeletionPolicy;
  readonly identityOfEnds: MirrorIdentity;
  readonly clock: HandClock;
  tick = 0;
  persisted: DeletionWindow;
  /** When an object in DR became somebody else's, by its uid. */
  readonly strangers = new Map<string, number>();
  /** uid of the namespace that a source object was created in, by its uid. */
  readonly bornIn = new Map<string, string>();
  /** Role, holder, epoch, and whether this process leads. */
  readonly fence = new History<boolean>(false);
  /** uid of the source namespace while it is there and does not end. */
  readonly namespace = new History<string | undefined>(undefined);
  readonly identity = new History<boolean>(true);
  readonly deletes: Carried[] = [];
  /** Why the first delete that must not be must not. */
  violation: Error | undefined;
  readonly #trace: string[] = [];
  readonly #mirrored = new Map<string, History<boolean>>();
  readonly #approved = new Set<string>();

  constructor(policy: DeletionPolicy, identity: MirrorIdentity, clock: HandClock) {
    this.policy = policy;
    this.identityOfEnds = identity;
    this.clock = clock;
    this.persisted = { startWallMs: clock.wallMs(), count: 0 };
  }

  set<T>(history: History<T>, value: T): void {
    history.set(value, this.tick, this.clock.monotonicMs());
  }

  /** Whether the source has an object that would be mirrored if its kind is. */
  mirrored(key: string): History<boolean> {
    let history = this.#mirrored.get(key);
    if (history === undefined) this.#mirrored.set(key, history = new History(false));
    return history;
  }

  /** A person has approved the delete of this copy. */
  approve(key: string, copyUid: string | undefined): void {
    this.#approved.add(`${key} ${copyUid}`);
  }

  /** A delete was asked for. One that the server refuses must have had its reasons, too. */
  judge(asked: AskedDelete, sight: Sight): void {
    try {
      this.#demand(asked, sight);
    } catch (error) {
      this.violate(error);
    }
  }

  /** Notes what was asked for or happened: the last of it is told with a violation. */
  tell(what: string): void {
    this.#trace.push(`${this.tick} ${what}`);
    if (this.#trace.length > TOLD) this.#trace.shift();
  }

  /** Something must not have happened; the first such thing counts. */
  violate(cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    this.violation ??= new Error(`${message}; before that:\n${this.#trace.join("\n")}`, { cause });
  }

  #demand({ resource, name, preconditions = {}, live, persisted, isCarriedOut }: AskedDelete, sight: Sight): void {
    const key = `${resource}/${name}`;
    const { uid, resourceVersion } = preconditions;
    const { copyTick, sourceTick } = sight.looks(key);
    assert.ok(uid !== undefined && resourceVersion !== undefined, `${key} is deleted whatever it is by then`);
    assert.ok(resource === "configmaps" || resource === "secrets", `${key} is of a kind that is never deleted`);
    assert.equal(this.policy.policy, "Mirror", `${key} is deleted although nothing is to be`);
    assert.ok((this.strangers.get(uid) ?? Infinity) > copyTick, `${key} was not ours when it was looked at`);
    assert.ok(!isCarriedOut || this.#isOurs(live, name), `${key} is not ours`);
    this.#demandGone(key, resource, sight);
    const since = Math.max(copyTick, sourceTick);
    assert.ok(this.fence.wasSince(since, isTrue), `${key} is deleted beyond the fence`);
    assert.ok(this.identity.wasSince(since, isTrue), `${key} is deleted for another source cluster`);
    const wasApproved = this.#approved.has(`${key} ${uid}`);
    this.#demandNamespace(key, since, isCarriedOut && !wasApproved ? live : undefined);
    if (isCarriedOut) this.#account(key, { wallMs: sight.looks(key).copyWallMs, approved: wasApproved }, persisted);
  }

  /** By label and origin, as it is on the server; what a controller of DR owns is not. */
  #isOurs(live: KubeObject | undefined, name: string): boolean {
    const { sourceClusterId, sourceNamespace, replicationId } = this.identityOfEnds;
    const origin = originOf(live);
    return live?.metadata.labels?.[MANAGED_BY] === replicationId && origin.cluster === sourceClusterId &&
      origin.namespace === sourceNamespace && origin.name === name &&
      !live.metadata.ownerReferences?.some(({ controller }) => controller);
  }

  /** The source was asked last, lacks it, and has lacked it for the grace. */
  #demandGone(key: string, resource: string, sight: Sight): void {
    const { copyTick, sourceTick, wantedMs } = sight.looks(key);
    const since = Math.max(copyTick, sourceTick);
    const latestMs = this.clock.monotonicMs() - this.policy.graceMs;
    const earliestMs = Math.max(sight.startedMs, wantedMs);
    const isSelected = sight.selected.has(resource);
    const isUnwanted = (is: boolean) => !is || !isSelected;
    const mirrored = this.mirrored(key);
    const isOver = earliestMs <= latestMs && mirrored.wasBetweenMs(earliestMs, latestMs, isUnwanted);
    assert.ok(isOver, `the grace of ${key} is not over`);
    // Of a kind that is not selected any more, the source is not asked at all.
    if (!isSelected) return;
    assert.ok(sourceTick > copyTick, `the source was not asked for ${key} at the end`);
    assert.ok(mirrored.wasSince(since, isUnwanted), `the source has ${key}`);
    const isListed = sight.listed(resource).wasSince(since, isTrue);
    assert.ok(isListed, `${key} is deleted although the list of its kind is not whole`);
  }

  /** The namespace is there; an `unapproved` copy came from this very one. */
  #demandNamespace(key: string, since: number, unapproved: KubeObject | undefined): void {
    const nowMs = this.clock.monotonicMs();
    const was = (is: (uid: string | undefined) => boolean) =>
      this.namespace.wasSince(since, is) || this.namespace.wasBetweenMs(nowMs - FRESH_MS, nowMs, is);
    assert.ok(was((uid) => uid !== undefined), `${key} is deleted although its namespace goes`);
    if (unapproved === undefined) return;
    const bornIn = this.bornIn.get(originOf(unapproved).uid ?? "");
    assert.ok(was((uid) => uid === bornIn), `${key} came from the former namespace, and nobody approved`);
  }

  /** The budget, whatever was restarted in between. */
  #account(key: string, carried: Carried, { startWallMs, count }: DeletionWindow): void {
    this.deletes.push(carried);
    const inWindow = this.deletes.filter(({ wallMs }) => wallMs >= startWallMs);
    assert.ok(inWindow.length <= count, `${key} is deleted, but the status tells of ${count} only`);
    const own = inWindow.filter((one) => !one.approved).length;
    const { budget } = this.policy;
    assert.ok(
      carried.approved || budget.percent === 100 || own <= budget.count,
      `${key} is more than the budget allows`,
    );
  }
}

function isTrue(is: boolean): boolean {
  return is;
}

interface Origin {
  readonly cluster?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
}

function originOf(copy: KubeObject | undefined): Origin {
  return JSON.parse(copy?.metadata.annotations?.[ORIGIN] ?? "{}") as Origin;
}
