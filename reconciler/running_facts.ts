/**
 * What a running Replication shows of itself, for status and metrics.
 *
 * @module
 */
import type { Companions } from "./companions.ts";
import type { Failure } from "./failure.ts";
import type { DeletionLedger } from "./intents.ts";
import type { Replicator } from "./replicator.ts";
import type { SourceNamespace } from "./source_namespace.ts";
import type { RunningFacts } from "./status.ts";

/** Reads the state of a Replicator. */
export function runningFacts(
  replicator: Replicator,
  parts: { readonly ledger: DeletionLedger; readonly namespace: SourceNamespace; readonly companions: Companions },
  unreachableSinceWallMs: number | undefined,
  hints?: boolean,
): RunningFacts {
  const kindErrors = new Map<string, Failure>();
  const disconnected: string[] = [];
  const kindNames = new Map<string, { group: string; kind: string }>();
  for (const [name, follower] of replicator.followers) {
    const { group, kind } = follower.kind.source;
    kindNames.set(name, { group, kind });
    if (follower.error !== undefined) kindErrors.set(name, follower.error);
    else if (follower.tried && !follower.connected) disconnected.push(name);
  }
  return {
    entries: { [Symbol.iterator]: () => replicator.memory.entries() },
    pending: replicator.queue.size,
    deleted: replicator.deleted,
    holds: parts.ledger.holds(),
    window: parts.ledger.statusWindow,
    kindErrors,
    disconnected,
    kindNames,
    barePods: replicator.barePods,
    // What a kind that cannot be listed would use is not known.
    unusedRules: kindErrors.size > 0 ? [] : replicator.unusedRules,
    lastPass: replicator.lastPass,
    syncedUpToWallMs: syncedUpTo(replicator),
    namespace: parts.namespace.lastState,
    unreachableSinceWallMs,
    hints,
    ...parts.companions.facts,
  };
}

/**
 * Everything the source committed before this moment is in DR: the oldest proof of life of any kind, and not later than the oldest
 * change that waits. Deletes do not count, they are held back on purpose; nor what DR keeps for itself.
 */
export function syncedUpTo(replicator: Replicator): number | undefined {
  if (replicator.lastPass === undefined) return undefined;
  let proven = Infinity;
  for (const follower of replicator.followers.values()) {
    if (!follower.kind.selected) continue;
    const kindProven = follower.provenWallMs;
    if (kindProven === undefined) return undefined;
    proven = Math.min(proven, kindProven);
  }
  const oldest = replicator.queue.oldestWallMs((key) => {
    const state = replicator.memory.get(key)?.state;
    return state === "Deleting" || state === "OwnedByDR";
  });
  const limit = Math.min(proven, oldest ?? Infinity);
  return limit === Infinity ? undefined : limit;
}
