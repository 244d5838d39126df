/**
 * The fence Lease in one DR namespace, read live and written by compare-and-swap.
 *
 * @module
 */
import { COMPONENT, FENCE_LEASE } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import { createLease, type Lease, microTime, readLease, updateLease } from "../kube/lease.ts";
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
    async renew(known, syncedUpTo, annotations) {
      const fields = {
        renewTime: microTime(syncedUpTo.getTime()),
        annotations: { ...known.annotations, ...annotations },
      };
      try {
        return await updateLease(client, known, fields, call);
      } catch (error) {
        if (isKubeError(error, "Conflict", "NotFound", "Invalid")) return undefined;
        throw error;
      }
    },
  };
}
