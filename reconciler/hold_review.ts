/**
 * Judges what is held as a set, not one by one: when something has changed that could release it, and now and then.
 *
 * @module
 */
import type { DeleteOrder } from "./delete_order.ts";
import { type GuardFacts, type HoldType, judgeDelete, type NamespaceState } from "./deletes.ts";
import type { DeletionLedger } from "./intents.ts";
import type { MirrorContext } from "./mirror_context.ts";
import { splitKey } from "./memory.ts";
import type { KeyedQueue } from "./queue.ts";
import { factsNow } from "./retire.ts";

/** Changes of a set that is still changing are judged together: 1 s. */
const GATHER_MS = 1_000;

/**
 * Moves holds to the reason that is true now, and answers the keys that nothing known holds any more: the guards are to judge each of
 * them anew. Looks at each key of a group only when the verdict on the group is another one. `factsOf` tells nothing of a kind that
 * is not served any more: its keys are answered, too.
 */
export function reviewHolds(ledger: DeletionLedger, factsOf: (kind: string) => GuardFacts | undefined): string[] {
  const released: string[] = [];
  for (const { holdType, kind, copies } of ledger.heldGroups()) {
    const facts = factsOf(kind);
    if (facts === undefined) released.push(...copies.keys());
    else if (!standsFor(holdType, kind, facts)) released.push(...judgeEach([...copies.keys()], ledger, facts));
  }
  return released;
}

/** Whether the hold stands, or cannot be judged at present. */
function standsFor(holdType: HoldType, kind: string, facts: GuardFacts): boolean {
  const anyOfThem = {
    key: `${kind}/`,
    sinceWallMs: -Infinity,
    approved: false,
    doubted: holdType === "SourceWentBack",
  };
  const verdict = judgeDelete(anyOfThem, facts);
  return verdict.type === "Wait" || (verdict.type === "Hold" && verdict.holdType === holdType);
}

function judgeEach(keys: readonly string[], ledger: DeletionLedger, facts: GuardFacts): string[] {
  return keys.filter((key) => {
    const intent = ledger.intents.get(key);
    const verdict = intent === undefined ? undefined : judgeDelete(intent, facts);
    if (verdict?.type !== "Hold") return true;
    ledger.moveHold(key, verdict.holdType, facts.nowWallMs);
    return false;
  });
}

/** What a review needs. */
export interface HoldReviewPorts {
  readonly context: MirrorContext;
  readonly queue: Pick<KeyedQueue, "add" | "has">;
  readonly deleteOrder: DeleteOrder;
  /** State of the source namespace, as last read. */
  namespace(): NamespaceState;
}

/** Reviews the holds of one Replication. */
export class HoldReview {
  readonly #ports: HoldReviewPorts;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: HoldReviewPorts) {
    this.#ports = ports;
  }

  /** Something has changed that could release a hold, or not. Cheap: called for every object. */
  changed(): void {
    const { ledger, signal } = this.#ports.context;
    if (this.#timer !== undefined || signal.aborted || !ledger.isHolding) return;
    this.#timer = setTimeout(() => this.now(), GATHER_MS);
  }

  /** Reviews them at once. */
  now(): void {
    this.stop();
    const { context, queue, namespace } = this.#ports;
    const factsOf = (name: string) => {
      const kind = context.kinds().get(name);
      return kind === undefined ? undefined : factsNow(kind, namespace(), context);
    };
    const released = reviewHolds(context.ledger, factsOf);
    // What is being looked at already is held until that has come to something.
    this.#ring(released.filter((key) => !queue.has(key)));
  }

  /** Releases what these approvals name. */
  approve(ids: ReadonlySet<string>): void {
    this.#ring(this.#ports.context.ledger.approve(ids));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Each is looked at anew, the source included, in the order of deletes that a comparison found. */
  #ring(keys: readonly string[]): void {
    const { context, queue, deleteOrder } = this.#ports;
    if (context.signal.aborted) return;
    for (const key of keys) deleteOrder.enter(key, context.kinds().get(splitKey(key).kind)?.tier ?? 0);
    for (const key of keys) queue.add(key);
  }
}
