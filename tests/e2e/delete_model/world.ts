/**
 * A pair of real namespaces in which anything may happen, also between two calls, and of which everything is known.
 *
 * @module
 */
import { IGNORE, ROLE } from "../../../crds/keys.ts";
import { replicationId } from "../../../crds/replication_id.ts";
import { KubeError } from "../../../kube/errors.ts";
import type { KubeObject } from "../../../kube/types.ts";
import type { DeletionPolicy, DeletionWindow } from "../../../reconciler/deletes.ts";
import type { MirrorIdentity } from "../../../reconciler/mirror_context.ts";
import { HandClock } from "../../../reconciler/testing.ts";
import type { Clusters, Resource } from "./clusters.ts";
import { Hands, type Meddling } from "./hands.ts";
import { Truth } from "./truth.ts";

export const HOLDER = "us/dr-syncer-system";
/** A namespace shows that it ends this long before the first of its objects goes, as measured on API servers. */
const ENDING_MS = 5_000;
const NAMES = "abcd";

/** How lists of a kind are answered. */
export type Lists = "whole" | "refused" | "broken off" | "empty";
/** What somebody makes of the fence Lease; undefined takes it away. */
export type LeaseFields = { readonly role?: string; readonly holder?: string; readonly epochs?: number } | undefined;

/** See the module. All that happens is done through its methods, each within a turn. */
export class World {
  readonly clock = new HandClock();
  readonly identity: MirrorIdentity;
  readonly truth: Truth;
  readonly source: Hands;
  readonly dr: Hands;
  readonly lists = new Map<Resource, Lists>();
  knownEpoch: number | undefined;
  leads = true;
  readsFail = false;
  #persistFails = false;
  /** Another cluster, which has nothing, answers at the source's address. */
  isElsewhere = false;
  /** What is to happen before the n-th call from now is answered. */
  #soon: { calls: number; event: () => Promise<void> }[] = [];
  #leaseAnnotations: Readonly<Record<string, string>> = {};
  #last: Promise<unknown> = Promise.resolve();
  /** Turns that are not over. */
  waiting = 0;

  constructor(clusters: Clusters, policy: DeletionPolicy) {
    const number = clusters.next();
    const ends = {
      sourceClusterId: clusters.source.id,
      sourceNamespace: `shop-${number}`,
      destinationClusterId: clusters.dr.id,
      destinationNamespace: `shop-dr-${number}`,
    };
    this.identity = { ...ends, replicationId: replicationId(ends) };
    this.truth = new Truth(policy, this.identity, this.clock);
    this.source = new Hands(clusters.source.admin, ends.sourceNamespace);
    this.dr = new Hands(clusters.dr.admin, ends.destinationNamespace);
  }

  /** Both namespaces, and objects in the source's. */
  async begin(): Promise<void> {
    await Promise.all([this.source.createNamespace(), this.dr.createNamespace()]);
    await this.note();
    const kinds: Resource[] = ["configmaps", "secrets"];
    await Promise.all(kinds.flatMap((kind) => ["a", "b", "c"].map((name) => this.create(kind, name))));
  }

  /** Calls and happenings, one at a time: each begins when the one before it is over. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    this.waiting++;
    const result = this.#last.then(work).finally(() => this.waiting--);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Moves on: what happens now happens after every call so far. */
  step(): void {
    this.truth.tick++;
  }

  /** Lets `event` happen before the n-th call from now is answered. */
  soon(calls: number, event: () => Promise<void>): void {
    this.#soon.push({ calls, event });
  }

  /** A call is about to be answered, within its turn. */
  async called(): Promise<void> {
    this.step();
    const due = this.#soon.filter((one) => --one.calls <= 0);
    this.#soon = this.#soon.filter((one) => one.calls > 0);
    for (const { event } of due) await event();
  }

  async create(resource: Resource, name: string): Promise<void> {
    const born = this.truth.namespace.now;
    const uid = (await this.source.create(resource, name))?.metadata.uid;
    if (uid !== undefined && born !== undefined) this.truth.bornIn.set(uid, born);
    await this.noteMirrored(resource, name);
  }

  async remove(resource: Resource, name: string): Promise<void> {
    await this.source.remove(resource, name);
    await this.noteMirrored(resource, name);
  }

  async ignore(resource: Resource, name: string, isIgnored: boolean): Promise<void> {
    await this.source.ignore(resource, name, isIgnored);
    await this.noteMirrored(resource, name);
  }

  async namespace(becomes: "Terminating" | "Gone" | "Created"): Promise<void> {
    const namespace = await this.source.namespace();
    if (becomes === "Created") await this.source.createNamespace();
    else if (namespace !== undefined) await this.source.endNamespace();
    await this.note();
    if (becomes !== "Gone") return;
    this.clock.advance(ENDING_MS);
    await this.source.emptyNamespace();
    for (const resource of ["configmaps", "secrets", "persistentvolumeclaims"] as const) {
      for (const name of NAMES) this.truth.set(this.truth.mirrored(`${resource}/${name}`), false);
    }
    await this.note();
  }

  /** Another cluster answers at the source's address; or the known one again. */
  elsewhere(isElsewhere: boolean): void {
    this.isElsewhere = isElsewhere;
    this.truth.set(this.truth.identity, !isElsewhere);
  }

  persistFails(fails: boolean): void {
    this.#persistFails = fails;
  }

  async lease(fields: LeaseFields): Promise<void> {
    // Whoever puts it back has kept what it said.
    const lease = await this.dr.lease();
    this.#leaseAnnotations = lease?.metadata.annotations ?? this.#leaseAnnotations;
    if (fields === undefined) await this.dr.removeLease();
    else {
      const { role = "Standby", holder = HOLDER, epochs = 0 } = fields;
      const epoch = (this.knownEpoch ?? 1) + epochs;
      await this.dr.writeLease({ role, holder, epoch }, this.#leaseAnnotations);
    }
    await this.note();
  }

  async lead(leads: boolean): Promise<void> {
    this.leads = leads;
    await this.note();
  }

  /** Somebody else in DR writes or deletes an object with the name of a copy. */
  async meddle(resource: Resource, name: string, how: Meddling): Promise<void> {
    const { sourceClusterId: cluster, sourceNamespace } = this.identity;
    const origin = { cluster, namespace: `${sourceNamespace}-prod`, name, uid: "any" };
    const uid = (await this.dr.meddle(resource, name, how, origin))?.metadata.uid;
    if (how === "edit" || uid === undefined || this.truth.strangers.has(uid)) return;
    this.truth.strangers.set(uid, this.truth.tick);
  }

  /** A person approves what a hold names. */
  async approve(key: string): Promise<void> {
    const [resource = "", name = ""] = key.split("/");
    this.truth.approve(key, (await this.dr.find(resource as Resource, name))?.metadata.uid);
  }

  /** Writes the window into the status. Throws `KubeError`. */
  async persist(window: DeletionWindow): Promise<void> {
    await this.turn(async () => {
      await this.called();
      this.truth.tell(`the window is written: ${window.count} since ${window.startWallMs}`);
      if (this.#persistFails) throw new KubeError("Unavailable", "the status cannot be written");
      this.truth.persisted = window;
    });
  }

  /** Reads fence and namespace from the servers. */
  async note(): Promise<void> {
    const { truth } = this;
    const [lease, namespace] = await Promise.all([this.dr.lease(), this.source.namespace()]);
    const spec = (lease?.spec ?? {}) as { holderIdentity?: string; leaseTransitions?: number };
    const isOurs = spec.holderIdentity === HOLDER && lease?.metadata.annotations?.[ROLE] === "Standby" &&
      spec.leaseTransitions === this.knownEpoch;
    truth.set(truth.fence, isOurs && this.leads);
    const ends = namespace?.metadata.deletionTimestamp !== undefined;
    truth.set(truth.namespace, ends ? undefined : namespace?.metadata.uid);
  }

  /** Reads a source object from its server; answers whether it is one that is mirrored. */
  async noteMirrored(resource: Resource, name: string): Promise<boolean> {
    const is = isMirrored(await this.source.find(resource, name));
    this.truth.set(this.truth.mirrored(`${resource}/${name}`), is);
    return is;
  }
}

function isMirrored(object: KubeObject | undefined): boolean {
  return object !== undefined && object.metadata.labels?.[IGNORE] !== "true";
}
