/**
 * The fence Lease in one DR namespace, read live and written by compare-and-swap.
 *
 * @module
 */
import { COMPONENT, FENCE_LEASE, RELEASED_BY } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import { createLease, type Lease, type LeaseFields, microTime, readLease, updateLease } from "../kube/lease.ts";
import type { Call, Reader, Writer } from "../kube/types.ts";

/** What is written when the fence is taken. */
export interface NewFence {
  readonly holderIdentity: string;
  /** The epoch. */
  readonly leaseTransitions: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Where the fence Lease is kept. All calls throw `KubeError`. */
export interface LeaseStore {
  /** Undefined when there is none. */
  read(): Promise<Lease | undefined>;
  /** Creates it; answers the existing one when somebody was faster. */
  create(fence: NewFence): Promise<Lease>;
  /** Writes `renewTime` and annotations, if the Lease is still the one that was read; else undefined. */
  renew(known: Lease, syncedUpTo: Date, annotations: Record<string, string>): Promise<Lease | undefined>;
  /** Takes one that was given up, if it is still the one that was read; else undefined. */
  take(known: Lease, fence: NewFence): Promise<Lease | undefined>;
}

/** The fence Lease of a namespace on a real API server. */
export function fenceLeaseStore(client: Reader & Writer, namespace: string, call: Call): LeaseStore {
  const ref = { namespace, name: FENCE_LEASE };
  return {
    read: () => readLease(client, ref, call),
    async create(fence) {
      try {
        return await createLease(client, ref, { ...fence, labels: { [COMPONENT]: "fence" } }, call);
      } catch (error) {
        const existing = isKubeError(error, "AlreadyExists") ? await readLease(client, ref, call) : undefined;
        if (existing !== undefined) return existing;
        throw error;
      }
    },
    renew: (known, syncedUpTo, annotations) =>
      swap(client, known, {
        renewTime: microTime(syncedUpTo.getTime()),
        annotations: { ...known.annotations, ...annotations },
      }, call),
    take: (known, fence) => swap(client, known, fence, call),
  };
}

/**
 * Gives the fence up, if the Lease is still the one that was read; answers whether. Epoch and role stay, and `renewTime` says
 * how far the copies reach: whoever activates them later knows what is lost.
 */
export async function releaseFence(
  client: Writer,
  known: Lease,
  { replicationId, syncedUpTo }: { readonly replicationId: string; readonly syncedUpTo?: string },
  call: Call,
): Promise<boolean> {
  const annotations = { ...known.annotations, [RELEASED_BY]: replicationId };
  const times = [known.renewTime, syncedUpTo].map((time) => Date.parse(time ?? "")).filter((ms) => !Number.isNaN(ms));
  const renewTime = times.length === 0 ? undefined : microTime(Math.max(...times));
  return await swap(client, known, { holderIdentity: undefined, renewTime, annotations }, call) !== undefined;
}

async function swap(client: Writer, known: Lease, fields: LeaseFields, call: Call): Promise<Lease | undefined> {
  try {
    return await updateLease(client, known, fields, call);
  } catch (error) {
    if (isKubeError(error, "Conflict", "NotFound", "Invalid")) return undefined;
    throw error;
  }
}
