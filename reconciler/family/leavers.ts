/**
 * Children whose namespace lost the labels: deleted by the rules of every other delete, so that a slip in a selector or a
 * label does not end all standbys at once: a grace, a budget with holds, a read of the source, preconditions.
 *
 * @module
 */
import { matchesLabels } from "../../crds/label_selector.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import type { Hold, Replication, ReplicationFamily } from "../../crds/types.ts";
import { isKubeError } from "../../kube/errors.ts";
import { groupResource, type KubeClient } from "../../kube/types.ts";
import { NAMESPACES } from "../builtin_types.ts";
import type { Clock } from "../clock.ts";
import { type HoldType, type Intent, judgeDelete } from "../deletes.ts";
import type { DeletionLedger } from "../intents.ts";
import { keyOf, splitKey } from "../memory.ts";
import { approvalsOf, deletionPolicyOf } from "../replication_settings.ts";
import { recordedUid } from "./members.ts";

/** What the deletes are carried out with. */
export interface LeaverPorts {
  readonly ledger: DeletionLedger;
  readonly clock: Clock;
  /** The source cluster. */
  readonly source: Pick<KubeClient, "get">;
  /** Deletes a child, with its uid as precondition. Throws `KubeError`. */
  remove(child: Replication): Promise<void>;
  readonly signal: AbortSignal;
}

/** What the children of a family are: those that leave are among them. */
export interface LeaverFacts {
  readonly family: ReplicationFamily;
  readonly children: readonly Replication[];
  readonly leaving: readonly Replication[];
}

const REASONS: Readonly<Partial<Record<HoldType, string>>> = {
  Budget: "more namespaces left the selection than the budget allows in its window",
  KindEmptied: "every namespace left the selection",
};

/** A namespace that could not be judged now is looked at again after this. */
const LOOK_AGAIN_MS = 5_000;

/** Deletes what may go by now; answers in how many milliseconds to look again, Infinity: not before something changes. Throws `KubeError`. */
export async function retireLeavers(facts: LeaverFacts, ports: LeaverPorts): Promise<number> {
  const { ledger, clock } = ports;
  const leavers = new Map(facts.leaving.map((child) => [keyOf(REPLICATIONS, child.metadata.name), child]));
  for (const key of [...ledger.intents.keys()]) if (!leavers.has(key)) ledger.cancel(key);
  for (const key of leavers.keys()) ledger.open(key, clock.wallMs());
  let againInMs = Infinity;
  for (const [key, child] of leavers) {
    againInMs = Math.min(againInMs, await retireOne(ledger.open(key, clock.wallMs()), child, facts, ports));
  }
  return ledger.approve(approvalsOf(facts.family)).length > 0 ? 0 : againInMs;
}

async function retireOne(intent: Intent, child: Replication, facts: LeaverFacts, ports: LeaverPorts): Promise<number> {
  const { ledger, clock } = ports;
  const policy = deletionPolicyOf(facts.family.spec.deletion);
  const verdict = judgeDelete(intent, {
    nowWallMs: clock.wallMs(),
    // Whether what is in DR goes or stays is the child's to decide when it ends.
    policy: { ...policy, policy: "Mirror" },
    kindListed: true,
    namespace: "Present",
    sourceIdentityKnown: true,
    fenceOpen: true,
    window: ledger.window,
    counts: ledger.counts,
    copiesByKind: new Map([[groupResource(REPLICATIONS), facts.children.length]]),
  });
  if (verdict.type === "Wait") return verdict.forMs;
  if (verdict.type === "Hold") {
    ledger.hold(intent.key, verdict.holdType, child.metadata.uid ?? "", clock.wallMs());
    return Infinity;
  }
  if (verdict.type !== "Delete") return Infinity;
  ledger.release(intent.key);
  if (intent.counted) return LOOK_AGAIN_MS;
  if (!await hasLeft(child, facts.family, ports)) return LOOK_AGAIN_MS;
  await ledger.reserve(policy.budget.windowMs, clock.wallMs(), intent);
  try {
    await ports.remove(child);
  } catch (error) {
    ledger.unreserve(intent);
    throw error;
  }
  return Infinity;
}

/** A watch may lag or lie: a read of the source says the same, of the very namespace the child was made for. */
async function hasLeft(child: Replication, { spec }: ReplicationFamily, { source, signal }: LeaverPorts) {
  try {
    const { metadata } = await source.get(NAMESPACES, { name: child.spec.sourceNamespace }, { signal });
    return metadata.uid === recordedUid(child) && metadata.deletionTimestamp === undefined &&
      !matchesLabels(spec.sourceNamespaceSelector, metadata.labels);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return false;
    throw error;
  }
}

/** The holds of a family, in its own words. */
export function holdsOf(ledger: DeletionLedger): Hold[] {
  return ledger.holds().map((hold) => ({
    ...hold,
    reason: REASONS[hold.type as HoldType] ?? hold.reason,
    sample: hold.sample?.map((key) => splitKey(key).name),
  }));
}
