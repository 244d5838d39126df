/**
 * One look at both ends: claims and records as they are, and Pods as they come and go until the round is over.
 *
 * @module
 */
import { listAll } from "../../kube/list_all.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { Call, KubeClient, KubeObject, ObjectRef } from "../../kube/types.ts";
import { CLAIMS } from "../builtin_types.ts";
import type { MirrorIdentity } from "../mirror_context.ts";
import type { ClaimFacts } from "./claim_plan.ts";
import { PodWatch } from "./pod_watch.ts";
import { readRecords, type VolumeRecord } from "./volume_record.ts";

/** How long a list or the first answer of a watch may take. */
const LIST_MS = 60_000;

/** What the claims and Pods of both ends are during one round. */
export interface Round {
  readonly sourcePods: PodWatch;
  readonly targetPods: PodWatch;
  readonly records: ReadonlyMap<string, VolumeRecord>;
  /** What plans are made from, with the Pods of now. */
  facts(): ClaimFacts;
  /** The same of one claim as it is now: its turn may come hours after the round began. Throws `KubeError`. */
  look(claim: string): Promise<ClaimFacts>;
  /** Ends the watches. */
  end(): void;
}

/** A cluster. */
interface End {
  readonly client: KubeClient;
}

/** Both ends of a Replication. */
export interface RoundEnds {
  readonly source: End;
  readonly target: End;
  readonly identity: Pick<MirrorIdentity, "sourceNamespace" | "destinationNamespace" | "replicationId">;
}

/** Looks at both ends. Throws `KubeError`. */
export async function openRound({ source, target, identity }: RoundEnds, signal: AbortSignal): Promise<Round> {
  const { sourceNamespace, destinationNamespace, replicationId } = identity;
  const call = { signal, deadlineMs: LIST_MS };
  const [sourceClaims, targetClaims, records] = await Promise.all([
    readClaims(source, sourceNamespace, call),
    readClaims(target, destinationNamespace, call),
    readRecords(target.client, { namespace: destinationNamespace, replicationId }, call),
  ]);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const sourcePods = new PodWatch(source.client, sourceNamespace, until);
  const targetPods = new PodWatch(target.client, destinationNamespace, until);
  try {
    await Promise.all([sourcePods.listed(LIST_MS), targetPods.listed(LIST_MS)]);
  } catch (error) {
    over.abort();
    throw error;
  }
  const factsOf = (claims: Pick<ClaimFacts, "source" | "target">) => ({
    ...claims,
    sourcePods: sourcePods.pods,
    targetPods: targetPods.pods,
    replicationId,
  });
  const look = async (name: string) => {
    const [ours, copy] = await Promise.all([
      readClaim(source, { namespace: sourceNamespace, name }, call),
      readClaim(target, { namespace: destinationNamespace, name }, call),
    ]);
    return factsOf({ source: ours, target: copy });
  };
  const facts = () => factsOf({ source: sourceClaims, target: targetClaims });
  return { sourcePods, targetPods, records, facts, look, end: () => over.abort() };
}

/** One claim, or none. */
async function readClaim({ client }: End, ref: ObjectRef, call: Call): Promise<KubeObject[]> {
  try {
    return [await client.get(CLAIMS, ref, call)];
  } catch (error) {
    if (isKubeError(error, "NotFound")) return [];
    throw error;
  }
}

async function readClaims({ client }: End, namespace: string, call: Call): Promise<KubeObject[]> {
  const pages = await Array.fromAsync(listAll(client, CLAIMS, { ...call, namespace }));
  return pages.flatMap(({ items }) => items);
}
