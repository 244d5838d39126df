/**
 * Leader election on a Lease.
 *
 * @module
 */
import { type Clock, systemClock, waitFor } from "./clock.ts";
import { chooseMove, fieldsOf, sight, type Sighting } from "./elector_rules.ts";
import { isKubeError } from "./errors.ts";
import { createLease, type Lease, readLease, updateLease } from "./lease.ts";
import type { Reader, Writer } from "./types.ts";

/** What an election needs. Durations are client-go's unless told otherwise, and must grow in this order. */
export interface ElectorOptions {
  readonly client: Reader & Writer;
  readonly namespace: string;
  readonly name: string;
  /** Ours alone: a process that takes over another's identity takes over its term, too. */
  readonly identity: string;
  /** Ends the election; a term is ended and released first. */
  readonly signal: AbortSignal;
  /** How often a Lease is looked at or renewed: 2,000. */
  readonly retryMs?: number;
  /** A leader that could not renew for this long stops: 10,000. */
  readonly renewDeadlineMs?: number;
  /** A Lease unchanged for this long is anyone's: 15,000. */
  readonly leaseDurationMs?: number;
  readonly clock?: Clock;
  /** In [0, 1); spreads the attempts of those who wait. */
  readonly random?: () => number;
  /**
   * We lead until `term` is aborted. What it returns is waited for before the Lease is released or led again; when it
   * rejects, the election ends and `done` rejects with the same.
   */
  onStartedLeading(term: AbortSignal): void | Promise<void>;
  onStoppedLeading?(): void;
  /** Somebody leads, perhaps we; empty: nobody. */
  onNewLeader?(identity: string): void;
  /** An attempt failed; another follows. */
  onError?(error: unknown): void;
}

/** A running election. */
export interface Elector {
  /**
   * Whether we lead at this moment by our own clock. To be asked before each write: a process that was frozen learns
   * this before any timer of it fires.
   */
  leads(): boolean;
  /** Who was last seen to hold the Lease; undefined before the first look. */
  leader(): string | undefined;
  /** Resolves after the signal was aborted and the Lease released. */
  readonly done: Promise<void>;
}

/** Takes part in an election until the signal is aborted. */
export function runElector(options: ElectorOptions): Elector {
  const election = new Election(options);
  return { leads: () => election.leads(), leader: () => election.leader(), done: election.run() };
}

interface Term {
  readonly end: AbortController;
  /** Settles, never rejects, when what the term began is over. */
  readonly work: Promise<void>;
  /** When the last renewal that succeeded was sent. */
  renewedAtMs: number;
  cancelExpiry: () => void;
}

class Election {
  readonly #options: ElectorOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #retryMs: number;
  readonly #renewDeadlineMs: number;
  readonly #leaseDurationMs: number;
  readonly #stop = new AbortController();
  #seen: Sighting | undefined;
  #lease: Lease | undefined;
  #toldLeader: string | undefined;
  #term: Term | undefined;
  #lastTerm: Term | undefined;
  #working = false;
  #fault: { readonly error: unknown } | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#retryMs = options.retryMs ?? 2_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    if (this.#retryMs >= this.#renewDeadlineMs || this.#renewDeadlineMs >= this.#leaseDurationMs) {
      const found = `${this.#retryMs}, ${this.#renewDeadlineMs}, ${this.#leaseDurationMs} ms`;
      throw new RangeError(`Cannot elect a leader as retry < renew deadline < lease duration does not hold: ${found}`);
    }
  }

  leads(): boolean {
    const term = this.#term;
    return term !== undefined && !term.end.signal.aborted &&
      this.#clock.nowMs() - term.renewedAtMs < this.#renewDeadlineMs;
  }

  leader(): string | undefined {
    return this.#toldLeader;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stop = (): void => {
      this.#stop.abort();
      this.#endTerm();
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!this.#stop.signal.aborted) {
        await this.#attempt().catch((error: unknown) => this.#onFailure(error));
        const delayMs = this.#term === undefined ? this.#retryMs * (1 + 1.2 * this.#random()) : this.#retryMs;
        await waitFor(this.#clock, delayMs, this.#stop.signal);
      }
      await this.#release();
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** One look at the Lease and, where it is ours to make, one move. */
  async #attempt(): Promise<void> {
    // A leader knows what it wrote: it writes again without a look, and looks when that fails.
    if (this.#term === undefined || this.#lease === undefined) await this.#look();
    const move = chooseMove(this.#seen, this.#context());
    if (move === "wait") return this.#tellLeader();
    // What the last term began must be over before the next one begins.
    if (this.#term === undefined && this.#working) return;
    const sentAtMs = this.#clock.nowMs();
    this.#know(await this.#write(move));
    this.#renewed(sentAtMs);
    this.#tellLeader();
  }

  async #look(): Promise<void> {
    this.#know(await readLease(this.#options.client, this.#options, this.#call()));
    if (this.#term !== undefined && this.#seen?.holder !== this.#options.identity) this.#endTerm();
  }

  async #write(move: "create" | "renew" | "take"): Promise<Lease> {
    const { client } = this.#options;
    const fields = fieldsOf(move, this.#lease, this.#context());
    if (this.#lease === undefined) return await createLease(client, this.#options, fields, this.#call());
    return await updateLease(client, this.#lease, fields, this.#call());
  }

  #onFailure(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    // Not what we took it for: look before the next move.
    this.#lease = undefined;
    if (!isKubeError(error, "Conflict", "AlreadyExists")) this.#options.onError?.(error);
  }

  #know(lease: Lease | undefined): void {
    this.#lease = lease;
    this.#seen = sight(this.#seen, lease, this.#clock.nowMs());
  }

  #renewed(sentAtMs: number): void {
    // An answer that took longer than the term lasts, or a stop meanwhile: it is not ours any more.
    if (this.#stop.signal.aborted || this.#clock.nowMs() - sentAtMs >= this.#renewDeadlineMs) return this.#endTerm();
    if (this.#term !== undefined) {
      this.#term.renewedAtMs = sentAtMs;
      this.#term.cancelExpiry();
      this.#term.cancelExpiry = this.#expireAfter(sentAtMs);
      return;
    }
    // The term ran out while this was under way, and what it began is not over: the next attempt may begin another.
    if (this.#working) return;
    const end = new AbortController();
    this.#working = true;
    const work = new Promise<void>((resolve) => resolve(this.#options.onStartedLeading(end.signal)))
      .catch((error: unknown) => {
        this.#fault ??= { error };
        this.#stop.abort();
      })
      .finally(() => this.#working = false);
    this.#term = { end, work, renewedAtMs: sentAtMs, cancelExpiry: this.#expireAfter(sentAtMs) };
    this.#lastTerm = this.#term;
  }

  #expireAfter(sentAtMs: number): () => void {
    return this.#clock.setTimer(() => this.#endTerm(), sentAtMs + this.#renewDeadlineMs - this.#clock.nowMs());
  }

  #endTerm(): void {
    const term = this.#term;
    if (term === undefined) return;
    this.#term = undefined;
    term.cancelExpiry();
    term.end.abort();
    this.#options.onStoppedLeading?.();
  }

  /** Ends the term, waits for its work as long as the Lease protects it, and gives the Lease back. */
  async #release(): Promise<void> {
    this.#endTerm();
    const term = this.#lastTerm;
    if (term === undefined) return;
    const protectedUntilMs = term.renewedAtMs + this.#leaseDurationMs;
    const late = new AbortController();
    await Promise.race([
      term.work,
      waitFor(this.#clock, protectedUntilMs - this.#clock.nowMs(), late.signal),
    ]);
    late.abort();
    if (this.#working || this.#clock.nowMs() >= protectedUntilMs) return;
    const { client } = this.#options;
    try {
      // Read again: the stop may have cut off a renewal that the server has done.
      const lease = await readLease(client, this.#options, { deadlineMs: 2_000 });
      if (lease?.holderIdentity !== this.#options.identity) return;
      await updateLease(client, lease, fieldsOf("release", lease, this.#context()), { deadlineMs: 2_000 });
    } catch (error) {
      // It runs out by itself.
      this.#options.onError?.(error);
    }
  }

  #tellLeader(): void {
    const leader = this.#seen?.holder ?? "";
    if (leader === this.#toldLeader) return;
    this.#toldLeader = leader;
    this.#options.onNewLeader?.(leader);
  }

  #call(): { signal: AbortSignal; deadlineMs: number } {
    return { signal: this.#stop.signal, deadlineMs: Math.max(this.#retryMs, this.#renewDeadlineMs / 2) };
  }

  #context() {
    return {
      identity: this.#options.identity,
      leaseDurationMs: this.#leaseDurationMs,
      nowMs: this.#clock.nowMs(),
      wallMs: this.#clock.wallMs(),
    };
  }
}
