/**
 * The fence: one Lease in each DR namespace says who may write there, in which epoch and role (docs/guide/safety.md).
 *
 * @module
 */
import { RELEASED_BY, ROLE } from "../crds/keys.ts";
import type { Lease } from "../kube/lease.ts";
import type { Clock } from "./clock.ts";
import type { LeaseStore } from "./fence_lease.ts";
import { isOlder } from "./resource_version.ts";

/** Role of a DR namespace. Only a Standby is written to. */
export type Role = "Standby" | "Testing" | "Active" | "FailingBack";

/** What the Lease means for one Replication. */
export type FenceVerdict =
  | { readonly type: "Open"; readonly epoch: number; readonly role: "Standby" }
  | { readonly type: "Take"; readonly epoch: number }
  | { readonly type: "NotStandby"; readonly epoch: number; readonly role: Role }
  | { readonly type: "Fenced"; readonly message: string; readonly role?: Role };

/** What is known when the fence is judged. */
export interface FenceFacts {
  readonly lease?: Lease;
  /** Who we are. */
  readonly holder: string;
  /** `status.epoch` of the Replication; undefined for one that never wrote. */
  readonly knownEpoch?: number;
  /** Whether copies of this Replication exist in the namespace. */
  readonly copiesExist: boolean;
}

/** Name of an installation as the holder of fences: the cluster it runs in, and its control namespace. */
export function holderOf(localClusterId: string, controlNamespace: string): string {
  return `${localClusterId.slice(0, 8)}/${controlNamespace}`;
}

/** Judges the fence from plain data. Never heals a lost or foreign Lease: that is a person's decision. */
export function judgeFence(facts: FenceFacts): FenceVerdict {
  const { lease, holder, knownEpoch } = facts;
  if (lease === undefined) {
    if (facts.copiesExist) {
      return {
        type: "Fenced",
        message:
          "the fence Lease is gone while copies exist: check that nobody has activated this namespace, then restore the " +
          "Lease or delete the Replication and create it anew",
      };
    }
    // A DR namespace that was deleted and made anew is empty: it is ours to take, in a new epoch.
    return { type: "Take", epoch: (knownEpoch ?? 0) + 1 };
  }
  const role = roleOf(lease);
  // Who never wrote here may take what was given up in order; for anybody else it is somebody's decision.
  if (isReleased(lease) && role === "Standby" && knownEpoch === undefined) {
    return { type: "Take", epoch: lease.leaseTransitions + 1 };
  }
  if (lease.holderIdentity !== holder) {
    return {
      type: "Fenced",
      role,
      message:
        `the fence Lease is held by ${
          lease.holderIdentity || "nobody"
        }, not by ${holder}: another installation writes ` +
        "here; stop it, then delete the Lease's holder to hand over",
    };
  }
  if (knownEpoch !== undefined && lease.leaseTransitions !== knownEpoch) {
    return {
      type: "Fenced",
      role,
      message:
        `the fence Lease is in epoch ${lease.leaseTransitions}, this Replication knows ${knownEpoch}: the namespace was ` +
        "activated or handed over meanwhile; fail back, or delete the Replication and create it anew",
    };
  }
  if (role !== "Standby") return { type: "NotStandby", epoch: lease.leaseTransitions, role };
  return { type: "Open", epoch: lease.leaseTransitions, role };
}

/** Whether its last holder gave the namespace up in order: the Replication was deleted, its copies are nobody's. */
export function isReleased(lease: Lease): boolean {
  return !lease.holderIdentity && lease.annotations[RELEASED_BY] !== undefined;
}

/** Role that a Lease names; one we do not know counts as Active, the role that forbids most. */
export function roleOf(lease: Lease): Role {
  const role = lease.annotations[ROLE];
  return role === "Standby" || role === "Testing" || role === "FailingBack" ? role : "Active";
}

/** A watch may be half-open for 100 s, and knows nothing then: what was read live is believed for this long. */
const PROOF_MS = 3_000;

/** The fence of one Replication, with its last verdict. */
export class Fence {
  readonly #store: LeaseStore;
  readonly #holder: string;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #provenMs = -Infinity;
  /** Live reads that have begun, and the one of them that counted last. */
  #reads = 0;
  #lastRead = 0;
  /** What a watch has told so far, in number. */
  #told = 0;
  #proving: Promise<unknown> | undefined;
  #knownEpoch: number | undefined;
  #verdict: FenceVerdict = { type: "Fenced", message: "not looked at yet" };
  #lease: Lease | undefined;

  constructor(
    store: LeaseStore,
    holder: string,
    knownEpoch: number | undefined,
    clock: Pick<Clock, "monotonicMs">,
  ) {
    this.#clock = clock;
    this.#store = store;
    this.#holder = holder;
    this.#knownEpoch = knownEpoch;
  }

  get verdict(): FenceVerdict {
    return this.#verdict;
  }

  get open(): boolean {
    return this.#verdict.type === "Open";
  }

  get epoch(): number | undefined {
    return this.#knownEpoch;
  }

  /** The Lease as last read. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** Takes the namespace, or finds out who has it. Reads live. */
  async acquire(copiesExist: () => Promise<boolean>, annotations: Record<string, string>): Promise<FenceVerdict> {
    await this.#read();
    const known = this.#knownEpoch;
    this.#verdict = judgeFence({
      lease: this.#lease,
      holder: this.#holder,
      knownEpoch: known,
      copiesExist: this.#lease !== undefined || await copiesExist(),
    });
    if (this.#verdict.type === "Take") {
      const { epoch } = this.#verdict;
      const taken = {
        holderIdentity: this.#holder,
        leaseTransitions: epoch,
        annotations: { ...annotations, [ROLE]: "Standby" },
      };
      // Somebody may have been faster: then this is theirs.
      this.#lease = this.#lease === undefined
        ? await this.#store.create(taken)
        : await this.#store.take(this.#lease, taken) ?? await this.#store.read();
      this.#verdict = judgeFence({ lease: this.#lease, holder: this.#holder, knownEpoch: epoch, copiesExist: true });
    }
    if (this.#verdict.type === "Open") this.#knownEpoch = this.#verdict.epoch;
    return this.#verdict;
  }

  /** Reads the Lease again: after every 409, and before deletes. */
  async recheck(): Promise<FenceVerdict> {
    if (await this.#read()) this.#judge();
    return this.#verdict;
  }

  /**
   * Before a create, which names no copy that an activation would have changed: reads the Lease, unless that was done within the
   * last seconds. All who ask at the same time share one read. Throws `KubeError`.
   */
  async prove(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#provenMs < PROOF_MS) return;
    this.#proving ??= this.recheck().finally(() => this.#proving = undefined);
    await this.#proving;
  }

  /** What a watch delivered; it may be behind what was read live. */
  observe(lease: Lease | undefined): void {
    if (lease !== undefined && isOlder(lease.resourceVersion, this.#lease?.resourceVersion)) return;
    this.#told++;
    this.#lease = lease;
    this.#judge();
  }

  /** Reads the Lease live; false when a read that began later has been told of already. */
  async #read(): Promise<boolean> {
    const read = ++this.#reads;
    for (;;) {
      const startedMs = this.#clock.monotonicMs();
      const told = this.#told;
      const lease = await this.#store.read();
      if (read < this.#lastRead) return false;
      // Which of the two is newer, the answer or what a watch told meanwhile, only one more read shows.
      if (told !== this.#told) continue;
      this.#lastRead = read;
      this.#lease = lease;
      this.#provenMs = startedMs;
      return true;
    }
  }

  #judge(): void {
    const [lease, holder, knownEpoch] = [this.#lease, this.#holder, this.#knownEpoch];
    this.#verdict = judgeFence({ lease, holder, knownEpoch, copiesExist: true });
  }

  /** Writes proof of life: `renewTime` carries how far the copies reach. A lost race is looked at, not fought. */
  async renew(syncedUpTo: Date, annotations: Record<string, string>): Promise<void> {
    if (!this.open || this.#lease === undefined) return;
    const startedMs = this.#clock.monotonicMs();
    const renewed = await this.#store.renew(this.#lease, syncedUpTo, annotations);
    if (renewed === undefined) return void await this.recheck();
    if (isOlder(renewed.resourceVersion, this.#lease?.resourceVersion)) return;
    this.#lease = renewed;
    this.#provenMs = startedMs;
  }
}
