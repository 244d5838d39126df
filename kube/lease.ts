/**
 * Leases (coordination.k8s.io/v1): read, create, compare-and-swap.
 *
 * @module
 */
import { isKubeError, KubeError } from "./errors.ts";
import type { Call, KubeObject, ObjectMeta, ObjectRef, Reader, ResourceType, Writer } from "./types.ts";

/** The kind. */
export const LEASES: ResourceType = {
  group: "coordination.k8s.io",
  version: "v1",
  resource: "leases",
  kind: "Lease",
  singular: "lease",
  shortNames: [],
  namespaced: true,
  verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  subresources: [],
};

/** What a Lease says; times as the server keeps them (`microTime`). */
export interface LeaseFields {
  /** Absent or empty: nobody. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  /** How often it changed hands. */
  readonly leaseTransitions?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Lease as it was read or written. */
export interface Lease extends LeaseFields {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly leaseTransitions: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The object, with the fields we do not know. */
  readonly object: KubeObject;
}

/** A point in time as MicroTime of the API: RFC 3339 in UTC with exactly six digits, which the server insists on. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}

/** Reads a Lease, undefined when there is none. Throws KubeError for everything else. */
export async function readLease(client: Reader, ref: ObjectRef, call?: Call): Promise<Lease | undefined> {
  try {
    return leaseOf(await client.get(LEASES, ref, call));
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Creates a Lease. Throws KubeError AlreadyExists when there is one. */
export async function createLease(client: Writer, ref: ObjectRef, fields: LeaseFields, call?: Call): Promise<Lease> {
  const empty: KubeObject = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: ref.name, namespace: ref.namespace },
  };
  return leaseOf(await client.create(LEASES, withFields(empty, fields), call));
}

/**
 * Writes these fields over a Lease as it was read; others stay, an undefined one goes. Annotations and labels are
 * written as a whole. Throws KubeError Conflict when it changed since, or is another one of the same name.
 */
export async function updateLease(client: Writer, lease: Lease, fields: LeaseFields, call?: Call): Promise<Lease> {
  return leaseOf(await client.replace(LEASES, withFields(lease.object, fields), call));
}

/** The typed view of a Lease. Throws KubeError BadResponse for what the server cannot have stored. */
export function leaseOf(object: KubeObject): Lease {
  const { name, namespace, uid, resourceVersion, annotations = {}, labels = {} } = object.metadata;
  if (namespace === undefined || uid === undefined || resourceVersion === undefined) {
    throw new KubeError("BadResponse", `Lease ${name} lacks its namespace, uid or resourceVersion`);
  }
  const spec = (object.spec ?? {}) as LeaseFields;
  return {
    namespace,
    name,
    uid,
    resourceVersion,
    holderIdentity: spec.holderIdentity,
    leaseDurationSeconds: spec.leaseDurationSeconds,
    acquireTime: spec.acquireTime,
    renewTime: spec.renewTime,
    leaseTransitions: spec.leaseTransitions ?? 0,
    annotations,
    labels,
    object,
  };
}

function withFields(object: KubeObject, fields: LeaseFields): KubeObject {
  const { annotations, labels, ...spec } = fields;
  const metadata: ObjectMeta = { ...object.metadata };
  if (annotations !== undefined) metadata.annotations = { ...annotations };
  if (labels !== undefined) metadata.labels = { ...labels };
  return { ...object, metadata, spec: { ...object.spec as Record<string, unknown>, ...spec } };
}
