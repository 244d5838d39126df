/**
 * The DR namespace as a standby: created, fenced, watched for a failover, and told how far its copies reach.
 *
 * @module
 */
import { FENCE_LEASE, MANAGED_BY, SOURCE_NAMESPACE_UID } from "../crds/keys.ts";
import { leaseOf, LEASES } from "../kube/lease.ts";
import type { Clock } from "./clock.ts";
import type { Cluster } from "./cluster.ts";
import { Fence } from "./fence.ts";
import { fenceLeaseStore } from "./fence_lease.ts";
import type { DeletionLedger } from "./intents.ts";
import { planKinds } from "./kinds.ts";
import type { MirrorIdentity } from "./mirror_context.ts";
import type { Replicator } from "./replicator.ts";
import { readForeignGroups } from "./foreign_groups.ts";
import { syncedUpTo } from "./running_facts.ts";
import { SOURCE_VERSION, SOURCE_WENT_BACK, SourceNamespace } from "./source_namespace.ts";

/** Both ends of one Replication. */
export interface Ends {
  readonly source: Cluster;
  readonly target: Cluster;
}

/** What preparing a standby needs. */
export interface StandbyPorts {
  readonly identity: MirrorIdentity;
  /** Who we are, as the holder of fences. */
  readonly holder: string;
  /** Keys of labels and annotations that do not travel to the Namespace. */
  readonly trackingKeys: readonly string[];
  /** Epoch of this Replication's fence, if it ever had one. */
  readonly knownEpoch: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The DR namespace was created. */
  created(): void;
}

/** A DR namespace that exists, with its fence: open or not. */
export interface Standby {
  readonly namespace: SourceNamespace;
  readonly fence: Fence;
}

/** Creates the namespace and takes its fence; undefined while the source namespace does not exist. Throws `KubeError`. */
export async function prepareStandby(ends: Ends, ports: StandbyPorts): Promise<Standby | undefined> {
  const { identity, holder, trackingKeys, knownEpoch, clock, signal } = ports;
  const namespace = new SourceNamespace(ends.source, ends.target, identity, clock, trackingKeys);
  const destination = await namespace.ensureDestination();
  if (destination === "created") ports.created();
  if (destination === "no source") return undefined;
  const store = fenceLeaseStore(ends.target.client, identity.destinationNamespace, { signal });
  const fence = new Fence(store, holder, knownEpoch, clock);
  const uid = (await namespace.read())?.metadata.uid;
  const annotations: Record<string, string> = uid === undefined ? {} : { [SOURCE_NAMESPACE_UID]: uid };
  const verdict = await fence.acquire(() => copiesExist(ends, identity), annotations);
  if (verdict.type === "Open") {
    namespace.pin(fence.lease?.annotations[SOURCE_NAMESPACE_UID]);
    namespace.knownVersion = fence.lease?.annotations[SOURCE_VERSION];
    if (namespace.knownVersion !== undefined) {
      namespace.foreignGroups = await readForeignGroups(ends.source.client, signal);
    }
    namespace.wentBack = fence.lease?.annotations[SOURCE_WENT_BACK] === "true";
  }
  return { namespace, fence };
}

/** Whether copies of this Replication are in the DR namespace; unknown counts as yes. Throws `KubeError`. */
async function copiesExist({ source, target }: Ends, identity: MirrorIdentity): Promise<boolean> {
  if (source.catalogue === undefined || target.catalogue === undefined) return true;
  const { kinds } = planKinds({
    source: source.catalogue.discovery,
    target: target.catalogue.discovery,
    selected: "*",
    deselected: new Set(),
  });
  const found = await Promise.all(kinds.map(async ({ target: type }) => {
    if (type === undefined) return false;
    const page = await target.client.list(type, {
      namespace: identity.destinationNamespace,
      labelSelector: `${MANAGED_BY}=${identity.replicationId}`,
      limit: 1,
      metadataOnly: true,
    });
    return page.items.length > 0;
  }));
  return found.includes(true);
}

/** A failover elsewhere shows here as it happens: `changed` is called when the verdict on the fence is another, or does not allow writes. */
export function watchFence(
  target: Cluster,
  identity: MirrorIdentity,
  fence: Fence,
  changed: () => void,
  signal: AbortSignal,
): void {
  const look = (lease: Parameters<Fence["observe"]>[0]) => {
    const before = fence.verdict.type;
    fence.observe(lease);
    // A worker that read the Lease before us may have closed it already, and told nobody.
    if (fence.verdict.type !== before || !fence.open) changed();
  };
  let seen = false;
  target.client.watch(LEASES, {
    namespace: identity.destinationNamespace,
    fieldSelector: `metadata.name=${FENCE_LEASE}`,
    start: "list",
  }, {
    begin: () => seen = false,
    item: ({ object }) => {
      seen = true;
      look(leaseOf(object));
    },
    live: () => seen || look(undefined),
    event: ({ type, object }) => look(type === "Deleted" ? undefined : leaseOf(object)),
  }, signal);
}

/** The Lease in DR tells how far the copies reach: a failover without us knows what it would lose. Throws `KubeError`. */
export async function proveStandby(
  { namespace, fence }: Standby,
  replicator: Replicator,
  ledger: DeletionLedger,
): Promise<void> {
  const state = await namespace.state();
  // Nothing that came from the former namespace is left to decide.
  if (state === "Recreated" && ledger.intents.size === 0 && replicator.settled) await namespace.repin();
  const syncedUpToWallMs = syncedUpTo(replicator);
  const pinned = namespace.pinnedUid;
  const annotations: Record<string, string> = pinned === undefined ? {} : { [SOURCE_NAMESPACE_UID]: pinned };
  // While deletes wait that only a source which went back asks for, the next process is to doubt them, too; also when the
  // source has written so much by then that its version does not tell any more.
  if (replicator.lastPass !== undefined) {
    annotations[SOURCE_WENT_BACK] = String(ledger.hasDoubts);
    // A kind that is followed only later has nothing to do with it.
    if (!ledger.hasDoubts) namespace.wentBack = false;
  }
  if (!ledger.hasDoubts) namespace.knownVersion = replicator.sourceVersion ?? namespace.knownVersion;
  if (namespace.knownVersion !== undefined) annotations[SOURCE_VERSION] = namespace.knownVersion;
  if (syncedUpToWallMs !== undefined) await fence.renew(new Date(syncedUpToWallMs), annotations);
}
