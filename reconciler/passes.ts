/**
 * Full passes over all kinds of a Replication, tier by tier: what others depend on is there before them.
 *
 * @module
 */
import { systemClock, waitFor } from "../kube/clock.ts";
import type { DeleteOrder } from "./delete_order.ts";
import type { KindFollower } from "./kind_follower.ts";
import type { MirroredKind } from "./kinds.ts";
import { splitKey } from "./memory.ts";
import type { KeyedQueue } from "./queue.ts";
import { Settling } from "./settling.ts";

/** The first pass goes on to the next tier when nothing has moved for this long: one bad kind or slow write is no end of it. */
const PATIENCE_MS = 10_000;

/** What passes work on. */
export interface PassPorts {
  readonly queue: KeyedQueue;
  readonly deleteOrder: DeleteOrder;
  readonly signal: AbortSignal;
  /** In order of tiers, as planned now. */
  kinds(): readonly MirroredKind[];
  follower(kind: string): Pick<KindFollower, "tried" | "resync"> | undefined;
  /** How long the first pass waits for a tier in which nothing moves: 10,000 ms unless told otherwise. */
  readonly patienceMs?: number;
}

/** See the module. */
export class Passes {
  readonly #ports: PassPorts;
  readonly #settling: Settling;
  /** Kinds of later tiers are not compared yet. */
  #openTier = -Infinity;
  #gates: { readonly tier: number; readonly open: () => void }[] = [];
  #lists = 0;
  #tellListed = Promise.withResolvers<void>();

  constructor(ports: PassPorts) {
    this.#ports = ports;
    this.#settling = new Settling(ports.queue);
    ports.signal.addEventListener("abort", () => this.#giveUp(), { once: true });
  }

  /** Resolves when the first pass has come to a tier: its kinds may be compared. */
  turnOf(tier: number): Promise<void> {
    if (tier <= this.#openTier || this.#ports.signal.aborted) return Promise.resolve();
    return new Promise((open) => this.#gates.push({ tier, open }));
  }

  /** There is no first pass: what is asked for is compared at once. */
  openAll(): void {
    this.#open(Infinity);
  }

  /** A kind was compared, or could not be, or is not followed any more. */
  listed(): void {
    this.#lists++;
    this.#tellListed.resolve();
    this.#tellListed = Promise.withResolvers<void>();
  }

  /** The pass with which mirroring begins: each kind compares itself once its turn has come. */
  async first(): Promise<void> {
    for (let tier = this.#nextTier(); tier !== undefined; tier = this.#nextTier()) {
      this.#open(tier);
      await this.#patiently(this.#tried(tier));
      await this.#patiently(this.#settled(tier));
    }
    this.#open(Infinity);
    await this.#tried(Infinity);
    await this.#settling.settled(() => true);
  }

  /** A pass over what is mirrored already; resolves when what it found is done or waits for its retry. */
  async full(): Promise<void> {
    const { signal, deleteOrder } = this.#ports;
    const allowDeletes = deleteOrder.begin();
    try {
      for (const [tier, kinds] of this.#tiers()) {
        await Promise.all(kinds.map((kind) => this.#ports.follower(kind.name)?.resync()));
        await this.#settled(tier);
        if (signal.aborted) return;
      }
    } finally {
      allowDeletes();
    }
    await this.#settling.settled(() => true);
    await this.#deletesInTurn();
  }

  /** Each that goes calls those that waited for it. */
  async #deletesInTurn(): Promise<void> {
    const { queue, deleteOrder, signal } = this.#ports;
    const isInTurn = (key: string) => deleteOrder.has(key);
    while (!signal.aborted && [...queue.turnsDue().keys()].some(isInTurn)) await this.#settling.settled(isInTurn);
  }

  #tiers(): Map<number, MirroredKind[]> {
    return Map.groupBy(this.#ports.kinds(), ({ tier }) => tier);
  }

  /** Kinds may come while the pass is under way. */
  #nextTier(): number | undefined {
    if (this.#ports.signal.aborted) return undefined;
    return this.#ports.kinds().find(({ tier }) => tier > this.#openTier)?.tier;
  }

  #open(tier: number): void {
    this.#openTier = tier;
    const due = this.#gates.filter((gate) => gate.tier <= tier);
    this.#gates = this.#gates.filter((gate) => gate.tier > tier);
    for (const gate of due) gate.open();
  }

  /** Every kind up to a tier has been compared, or could not be. */
  async #tried(upTo: number): Promise<void> {
    const { kinds, follower, signal } = this.#ports;
    const isOpen = ({ name, tier }: MirroredKind) => tier <= upTo && follower(name)?.tried === false;
    while (!signal.aborted && kinds().some(isOpen)) await this.#tellListed.promise;
  }

  #settled(tier: number): Promise<void> {
    const names = new Set(this.#ports.kinds().filter((kind) => kind.tier === tier).map(({ name }) => name));
    return this.#settling.settled((key) => names.has(splitKey(key).kind));
  }

  /** Waits as long as anything moves. */
  async #patiently(done: Promise<void>): Promise<void> {
    const { signal, patienceMs = PATIENCE_MS } = this.#ports;
    for (let moved = -1; moved !== this.#lists + this.#settling.turns && !signal.aborted;) {
      moved = this.#lists + this.#settling.turns;
      const over = new AbortController();
      const isDone = done.then(() => true);
      const isLate = waitFor(systemClock, patienceMs, AbortSignal.any([signal, over.signal])).then(() => false);
      const ended = await Promise.race([isDone, isLate]);
      over.abort();
      if (ended) return;
    }
  }

  #giveUp(): void {
    this.#settling.giveUp();
    this.#tellListed.resolve();
    this.#open(Infinity);
  }
}
