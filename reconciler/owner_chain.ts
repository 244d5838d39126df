/**
 * Whose an object in DR is: its owners, up to the one that nobody owns.
 *
 * @module
 */
import { MANAGED_BY, SCALE_OVERRIDE } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { Call, KubeObject, OwnerReference, Reader, ResourceType } from "../kube/types.ts";
import { controllerOf } from "./desired/owners.ts";
import { runsNothing } from "./desired/scale_override.ts";

/** Longest chain that is followed. */
const MAX_OWNERS = 6;

/** An object with its owners. */
export interface OwnerChain {
  /** For people: `Deployment web`, `StatefulSet queue of Queue queue`. */
  readonly name: string;
  /** One of them is a copy of this Replication. */
  readonly ours: boolean;
  /** That copy may run: label `dr-syncer.io/scale-override` says so. */
  readonly allowed: boolean;
}

/** Where owners are looked up. */
export interface OwnerLookup {
  readonly client: Reader;
  readonly namespace: string;
  readonly replicationId: string;
  /** Kinds of the cluster. */
  readonly types: readonly ResourceType[];
  readonly call: Call;
  /** Owners that were read already, by uid: Pods of one workload share theirs. */
  readonly known: Map<string, KubeObject | undefined>;
}

/** Follows the owners of an object. One that cannot be read ends the chain. Throws `KubeError`. */
export async function ownerChain(object: KubeObject, lookup: OwnerLookup): Promise<OwnerChain> {
  const names = [nameOf(object)];
  let [ours, allowed] = [false, false];
  let at: KubeObject | undefined = object;
  for (let depth = 0; at !== undefined && depth < MAX_OWNERS; depth++) {
    const { labels = {} }: KubeObject["metadata"] = at.metadata;
    if (labels[MANAGED_BY] === lookup.replicationId) {
      ours = true;
      allowed ||= labels[SCALE_OVERRIDE] !== undefined && !runsNothing(labels[SCALE_OVERRIDE]);
    }
    const owner: OwnerReference | undefined = controllerOf(at.metadata) ?? at.metadata.ownerReferences?.[0];
    if (owner === undefined) break;
    names.push(nameOf({ kind: owner.kind, metadata: owner }));
    at = await readOwner(owner, lookup);
  }
  return { name: describe(names), ours, allowed };
}

/** A Pod's name says nothing beside its workload's, nor does a ReplicaSet's beside its Deployment's. */
function describe(names: readonly string[]): string {
  const told = names.filter((name, index) => index === names.length - 1 || !/^(Pod|ReplicaSet) /.test(name));
  return told.join(" of ");
}

function nameOf({ kind, metadata }: { kind: string; metadata: { name: string } }): string {
  return `${kind} ${metadata.name}`;
}

/** The object that a reference names; undefined when it is gone or may not be read. Throws `KubeError`. */
export async function readOwner(owner: OwnerReference, lookup: OwnerLookup): Promise<KubeObject | undefined> {
  const { known } = lookup;
  if (!known.has(owner.uid)) known.set(owner.uid, await read(owner, lookup));
  return known.get(owner.uid);
}

async function read(
  { apiVersion, kind, name, uid }: OwnerReference,
  { client, namespace, types, call }: OwnerLookup,
): Promise<KubeObject | undefined> {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const type = types.find((one) => one.kind === kind && one.group === group);
  if (type === undefined) return undefined;
  try {
    const found = await client.get(type, type.namespaced ? { namespace, name } : { name }, call);
    return found.metadata.uid === uid ? found : undefined;
  } catch (error) {
    if (isKubeError(error, "NotFound", "KindMissing", "Forbidden")) return undefined;
    throw error;
  }
}
