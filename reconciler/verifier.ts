/**
 * Admission hints: the instant bell, and an independent witness that the watch is alive.
 *
 * A hint is a key and may be wrong: the write can still be denied, and it is not committed yet. With a watch it opens a verify: no
 * event in time → one read; the read shows a change → the watch is stalled. Without a watch it reads until it sees a change.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";
import type { Clock } from "./clock.ts";

/** How long the watch may take to confirm a hint. */
export const VERIFY_MS = 2_000;
/** Reads after a hint when there is no watch: the write commits after its hooks, late ones after the longest timeout. */
export const READ_AFTER_MS: readonly number[] = [0, 50, 500, 5_000, 35_000];
/** Hints followed at once; more are left to the resync. */
const MAX_OPEN = 20_000;

/** What became of a hint, for the metric. */
export type HintOutcome = "confirmed" | "unchanged" | "stalled" | "changed" | "dropped" | "error";

/** What the verifier acts on. */
export interface VerifierPorts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly watching: boolean;
  /** Reads the source object: undefined when it is not there. */
  read(key: string): Promise<KubeObject | undefined>;
  /** Whether what was read is what we know. */
  isKnown(key: string, object: KubeObject | undefined): boolean;
  /** The read showed a change: ring for the key. */
  changed(key: string, object: KubeObject | undefined): void;
  /** The watch of this key missed a change. */
  stalled(key: string): void;
  count(outcome: HintOutcome): void;
}

/** Hints of a key that is written all the time put its look off no longer than this: a dead watch would go unnoticed. */
const LATEST_LOOK_MS = 5 * VERIFY_MS;

interface Open {
  readonly firstMs: number;
  sinceMs: number;
  dueMs: number;
  /** Hints not matched by a change yet: two writes may share one look. */
  hints: number;
  /** Index into READ_AFTER_MS, without a watch. */
  step: number;
}

/** Follows hints until they are confirmed. One timer serves all. */
export class Verifier {
  readonly #ports: VerifierPorts;
  readonly #open = new Map<string, Open>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDueMs = Infinity;

  constructor(ports: VerifierPorts) {
    this.#ports = ports;
    ports.signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#open.clear();
    }, { once: true });
  }

  get open(): number {
    return this.#open.size;
  }

  /** A write of this key was announced. */
  hint(key: string): void {
    if (this.#ports.signal.aborted) return;
    if (this.#open.size >= MAX_OPEN && !this.#open.has(key)) return this.#ports.count("dropped");
    const nowMs = this.#ports.clock.monotonicMs();
    const open = this.#open.get(key);
    const dueMs = this.#ports.watching
      ? Math.min(nowMs + VERIFY_MS, Math.max(nowMs, (open?.firstMs ?? nowMs) + LATEST_LOOK_MS))
      : nowMs + (READ_AFTER_MS[0] as number);
    if (open === undefined) this.#open.set(key, { firstMs: nowMs, sinceMs: nowMs, dueMs, hints: 1, step: 0 });
    else Object.assign(open, { sinceMs: nowMs, dueMs, hints: open.hints + 1, step: 0 });
    this.#arm(dueMs);
  }

  /** The watch delivered an event of this key. */
  confirm(key: string): void {
    if (this.#open.delete(key)) this.#ports.count("confirmed");
  }

  #arm(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(0, dueMs - this.#ports.clock.monotonicMs()));
  }

  #sweep(): void {
    this.#timerDueMs = Infinity;
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Infinity;
    for (const [key, open] of this.#open) {
      if (open.dueMs <= nowMs + 1) {
        open.dueMs = Infinity;
        this.#look(key, open);
      } else nextMs = Math.min(nextMs, open.dueMs);
    }
    if (nextMs !== Infinity) this.#arm(nextMs);
  }

  async #look(key: string, open: Open): Promise<void> {
    const ports = this.#ports;
    const asked = open.sinceMs;
    let seen: "known" | "changed" | "error" = "error";
    let object: KubeObject | undefined;
    try {
      object = await ports.read(key);
      seen = ports.isKnown(key, object) ? "known" : "changed";
    } catch {
      ports.count("error");
    }
    if (ports.signal.aborted || this.#open.get(key) !== open) return;
    if (seen === "changed") {
      ports.count(ports.watching ? "stalled" : "changed");
      if (ports.watching) ports.stalled(key);
      ports.changed(key, object);
      open.hints--;
    }
    if (open.sinceMs !== asked) return; // a newer hint has set its own schedule
    this.#next(key, open, seen === "known");
  }

  #next(key: string, open: Open, known: boolean): void {
    const nextMs = READ_AFTER_MS[open.step + 1];
    if (open.hints <= 0 || this.#ports.watching || nextMs === undefined) {
      this.#open.delete(key);
      if (known) this.#ports.count("unchanged");
      return;
    }
    open.step++;
    open.dueMs = open.sinceMs + nextMs;
    this.#arm(open.dueMs);
  }
}
