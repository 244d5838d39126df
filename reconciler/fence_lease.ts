/**
 * The fence Lease in one DR namespace, read live and written by compare-and-swap.
 *
 * @module
 */
import { COMPONENT, FENCE_LEASE, FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { Call, KubeClient, KubeObject } from "../kube/types.ts";
import { LEASES } from "./builtin_types.ts";

/** What the mirror reads of the fence Lease. */
export interface FenceLease {
  readonly holderIdentity: string;
  /** The epoch. */
  readonly leaseTransitions: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly renewTime?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Where the fence Lease is kept. All calls throw `KubeError`. */
export interface LeaseStore {
  /** Undefined when there is none. */
  read(): Promise<FenceLease | undefined>;
  /** Creates it; answers the existing one when somebody was faster. */
  create(lease: Pick<FenceLease, "holderIdentity" | "leaseTransitions" | "annotations">): Promise<FenceLease>;
  /** Writes `renewTime` and annotations, if the Lease is still the one that was read; else undefined. */
  renew(known: FenceLease, syncedUpTo: Date, annotations: Record<string, string>): Promise<FenceLease | undefined>;
}

/** The fence Lease of a namespace on a real API server. */
export function fenceLeaseStore(client: KubeClient, namespace: string, call: Call): LeaseStore {
  const ref = { namespace, name: FENCE_LEASE };
  const read = async () => {
    try {
      return parseFenceLease(await client.get(LEASES, ref, call));
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  };
  return {
    read,
    async create(lease) {
      try {
        return parseFenceLease(await client.create(LEASES, newLease(namespace, lease), { fieldManager: FIELD_MANAGER, ...call }));
      } catch (error) {
        const existing = isKubeError(error, "AlreadyExists") ? await read() : undefined;
        if (existing !== undefined) return existing;
        throw error;
      }
    },
    async renew(known, syncedUpTo, annotations) {
      const metadata = { uid: known.uid, resourceVersion: known.resourceVersion, annotations };
      const body = { metadata, spec: { renewTime: microTime(syncedUpTo) } };
      try {
        const options = { fieldManager: FIELD_MANAGER, ...call };
        return parseFenceLease(await client.patch(LEASES, ref, { type: "merge", body }, options));
      } catch (error) {
        if (isKubeError(error, "Conflict", "NotFound", "Invalid")) return undefined;
        throw error;
      }
    },
  };
}

/** Reads a Lease object. */
export function parseFenceLease(object: KubeObject): FenceLease {
  const spec = (object.spec ?? {}) as { holderIdentity?: string; leaseTransitions?: number; renewTime?: string };
  return {
    holderIdentity: spec.holderIdentity ?? "",
    leaseTransitions: spec.leaseTransitions ?? 0,
    renewTime: spec.renewTime,
    annotations: object.metadata.annotations ?? {},
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion,
  };
}

function newLease(
  namespace: string,
  lease: Pick<FenceLease, "holderIdentity" | "leaseTransitions" | "annotations">,
): KubeObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: FENCE_LEASE, namespace, labels: { [COMPONENT]: "fence" }, annotations: { ...lease.annotations } },
    spec: { holderIdentity: lease.holderIdentity, leaseTransitions: lease.leaseTransitions },
  };
}

/** metav1.MicroTime has six digits. */
function microTime(time: Date): string {
  return time.toISOString().replace(/\.(\d{3})Z$/, ".$1000Z");
}
