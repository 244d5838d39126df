/**
 * What mirroring of one key needs: handed in, so that `mirror.ts` holds no state.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import { apiVersionOf, type KubeObject, type OwnerReference, type Reader, type Writer } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import type { DeleteOrder } from "./delete_order.ts";
import type { DeletionPolicy, NamespaceState } from "./deletes.ts";
import type { DesiredContext, KindAdaptation, Wanted } from "./desired/desired.ts";
import type { Failure } from "./failure.ts";
import type { Fence } from "./fence.ts";
import type { DeletionLedger } from "./intents.ts";
import type { MirroredKind } from "./kinds.ts";
import type { Entry, Memory } from "./memory.ts";
import type { Outcome } from "./outcome.ts";

/** Who mirrors what to where. */
export interface MirrorIdentity {
  readonly replicationId: string;
  readonly sourceClusterId: string;
  readonly destinationClusterId: string;
  readonly sourceNamespace: string;
  readonly destinationNamespace: string;
}

/** The parts of a Replication's spec, and of the controller's flags, that shape a copy or a delete. */
export interface MirrorOptions {
  readonly scaleToZero: boolean;
  readonly rbacObjects: "Mirror" | "Skip";
  readonly helmReleases: "Mirror" | "Skip";
  /** Keys of labels and annotations that do not travel, beside `TRACKING_KEYS`. */
  readonly trackingKeys: readonly string[];
  readonly crds: "IfMissing" | "Sync" | "Never";
  readonly deletion: DeletionPolicy;
  readonly conflictPolicy: "Abort" | "Adopt";
  readonly driftPolicy: "Correct" | "Report";
  readonly immutableFieldPolicy: "Report" | "Recreate";
}

/** Everything one attempt may touch. */
export interface MirrorContext {
  readonly identity: MirrorIdentity;
  readonly options: MirrorOptions;
  readonly source: Reader;
  readonly target: Reader & Writer;
  readonly memory: Memory;
  readonly fence: Fence;
  readonly ledger: DeletionLedger;
  /** Who of several is deleted first; absent where nothing is carried out. */
  readonly deleteOrder?: DeleteOrder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether deletions are watched, so that a listed body is known to be outdated by `tombstones`. */
  readonly bodiesAreTracked: boolean;
  /** Keys that a watch saw deleted while a list was under way. */
  readonly tombstones: ReadonlySet<string>;
  /** Whether the fence is ours and this process leads, as known at this moment. */
  mayWrite(): boolean;
  kinds(): ReadonlyMap<string, MirroredKind>;
  /** Whether the kind was listed completely since its watch was last opened. */
  kindListed(kind: string): boolean;
  /** State of the source namespace, read within the last second. */
  sourceNamespaceState(): Promise<NamespaceState>;
  /** Whether the source cluster is the one that was pinned. */
  sourceIdentityKnown(): boolean;
  /** The DR cluster lacks the kind: install its definition if the spec says so, or answer the failure. */
  missingKind(kind: MirroredKind): Promise<Outcome>;
  /** Rules of the spec that some object used (`imageRewrites[0]`). */
  readonly usedRules: Set<string>;
  /** What the spec says of the objects of a kind. */
  adaptation(kind: MirroredKind): KindAdaptation;
  /** Whether DR has served the kind for half a minute at most. */
  isYoung(kind: MirroredKind): boolean;
  /** Digest of the schema by which DR takes objects of a kind; undefined when it is not known. */
  targetSchema(kind: MirroredKind): string | undefined;
  /** One line for each write in DR: what, never its content. */
  audit(operation: string, kind: string, name: string, resourceVersion: string): void;
}

/** One attempt at one copy. */
export interface Attempt {
  readonly kind: MirroredKind;
  readonly name: string;
  readonly want: Wanted;
  /** Who controls the source object, if anybody does. */
  readonly sourceController?: OwnerReference;
  readonly entry: Entry;
  readonly context: MirrorContext;
}

/** Context of `desired` for a kind. */
export function desiredContext(kind: MirroredKind, context: MirrorContext): DesiredContext {
  const { identity, options } = context;
  return {
    replicationId: identity.replicationId,
    sourceClusterId: identity.sourceClusterId,
    sourceNamespace: identity.sourceNamespace,
    destinationNamespace: identity.destinationNamespace,
    type: kind.source,
    targetApiVersion: apiVersionOf(kind.target ?? kind.source),
    scaleToZero: options.scaleToZero,
    rbacObjects: options.rbacObjects,
    helmReleases: options.helmReleases,
    trackingKeys: options.trackingKeys,
    specReplicasPath: kind.specReplicasPath,
    adaptation: context.adaptation(kind),
  };
}

/** The live copy; undefined when there is none. */
export async function readCopy(
  kind: MirroredKind,
  name: string,
  context: MirrorContext,
): Promise<KubeObject | undefined> {
  if (kind.target === undefined) return undefined;
  try {
    return await context.target.get(kind.target, { namespace: context.identity.destinationNamespace, name }, {
      signal: context.signal,
    });
  } catch (error) {
    if (isKubeError(error, "NotFound", "KindMissing")) return undefined;
    throw error;
  }
}

/** Why nothing may be written at this moment, as the outcome of an attempt. */
export function fenced(context: MirrorContext): Outcome {
  return { type: "Failed", failure: fencedFailure(context) };
}

/** Why nothing may be written at this moment. */
export function fencedFailure(context: MirrorContext): Failure {
  const verdict = context.fence.verdict;
  const message = verdict.type === "Fenced"
    ? verdict.message
    : verdict.type === "NotStandby"
    ? `the DR namespace is ${verdict.role}`
    : "this process does not lead";
  return { failureClass: "Fenced", message };
}
