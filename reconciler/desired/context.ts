/**
 * What the chain of `desired` works with: its input beside the object, its result, and the draft its steps share.
 *
 * @module
 */

import type { LabelSelector, Override, ReplicationSpec } from "../../crds/types.ts";
import type { KubeObject, ResourceType } from "../../kube/types.ts";

/** The mappings of a Replication's spec; each changes only what it speaks of. */
export type Mappings = Pick<
  ReplicationSpec,
  "imageRewrites" | "storageClassMappings" | "accessModeMappings" | "ingressHostMappings"
>;

/** What the Replication's spec says of the objects of one kind. */
export interface KindAdaptation extends Mappings {
  readonly labelSelector?: LabelSelector;
  /** Names, or patterns of names, that are not mirrored. */
  readonly excludedNames?: readonly string[];
  readonly overrides?: readonly Override[];
}

/** Everything beside the source object that decides what the copy looks like. */
export interface DesiredContext {
  readonly replicationId: string;
  readonly sourceClusterId: string;
  readonly sourceNamespace: string;
  readonly destinationNamespace: string;
  /** Kind of the source object. */
  readonly type: ResourceType;
  /** apiVersion the copy is written at. */
  readonly targetApiVersion: string;
  readonly scaleToZero: boolean;
  readonly rbacObjects: "Mirror" | "Skip";
  /** Skip unless told otherwise. */
  readonly helmReleases?: "Mirror" | "Skip";
  /** `specReplicasPath` of a custom resource with a scale subresource (".spec.replicas"). */
  readonly specReplicasPath?: string;
  /**
   * More tracking keys of GitOps tools to drop from labels and annotations, beside `TRACKING_KEYS`.
   * One that ends with `/` stands for every key with that prefix.
   */
  readonly trackingKeys?: readonly string[];
  readonly adaptation?: KindAdaptation;
}

/** Why an object has no copy. */
export type SkipReason =
  | "Ignored" // label dr-syncer.io/ignore
  | "Component" // part of dr-syncer
  | "Deselected" // spec.labelSelector or spec.excludeObjects
  | "ExcludedKind" // the kind is never mirrored (kinds.ts)
  | "ExcludedName" // published by the DR cluster itself under this name
  | "OwnedByWorkload" // a workload in DR makes its own
  | "CronJobJob" // run of a CronJob
  | "FinishedJob"
  | "HelmRelease" // Helm's release record, unless spec.helmReleases is Mirror
  | "UnownedPod" // a Pod that nothing would start in DR: worth telling
  | "ManagedEndpoints" // made by an endpoint controller
  | "LeaderElection" // a lock, renewed every few seconds
  | "RbacSkipped"; // spec.rbacObjects is Skip

/** An object that is not mirrored, and why. */
export interface Skip {
  readonly kind: "skip";
  readonly reason: SkipReason;
  /** A sentence with kind and name, no values. */
  readonly message: string;
}

/** What was not adapted, or is worth knowing, about a copy. Never contains values. */
export interface Report {
  readonly reason: "NamespaceMention" | "ScalePathUnknown" | "AnnotationsTooLarge" | "KeptInDR";
  readonly message: string;
}

/** An object of which nothing can be written, because an override does not fit it. */
export interface Invalid {
  readonly kind: "invalid";
  /** Names override, object and place, no values. */
  readonly message: string;
  readonly used: ReadonlySet<string>;
}

/** The copy as it should be, or why there is none. */
export type Desired =
  | {
    readonly kind: "object";
    readonly object: KubeObject;
    readonly hash: string;
    readonly reports: readonly Report[];
    /** Mappings and overrides of the spec that it used, as `storageClassMappings[fast]`. */
    readonly used: ReadonlySet<string>;
  }
  | Skip
  | Invalid;

/** What is written over an existing copy, where some of it cannot change any more. */
export interface Settled {
  readonly object: KubeObject;
  readonly reports: readonly Report[];
}

/** A copy as it should be. */
export type Wanted = Extract<Desired, { kind: "object" }>;

/** What the steps of one `desired` call share: they change `object`, never `source`. */
export interface Draft {
  readonly source: KubeObject;
  readonly object: KubeObject & { metadata: { labels: Record<string, string>; annotations: Record<string, string> } };
  readonly context: DesiredContext;
  readonly reports: Report[];
  /** Mappings and overrides of the spec that it used. */
  readonly used: Set<string>;
}

/** What is special about one kind. Each part may be missing. */
export interface KindRule {
  /** Decides on the source object whether it has a copy at all. */
  readonly skip?: (source: KubeObject, context: DesiredContext) => Skip | undefined;
  /** Adapts the draft to another cluster and namespace. */
  readonly sanitize?: (draft: Draft) => void;
  /** Path of a field that a live copy has, and keeps without a word whatever is written: it takes another object. */
  readonly stays?: (live: KubeObject, wanted: KubeObject) => string | undefined;
  /** Changes what the mappings of the spec say. */
  readonly adapt?: (draft: Draft) => void;
  /** Makes sure that nothing of the draft runs in a standby. */
  readonly quiesce?: (draft: Draft) => void;
  /** Leaves as it is what cannot change in a copy that exists. */
  readonly settle?: (wanted: KubeObject, live: KubeObject) => Settled;
}

/** A skip with a message that names the object. */
export function skip(source: KubeObject, reason: SkipReason, why: string): Skip {
  return { kind: "skip", reason, message: `${source.kind} ${source.metadata.name} is not mirrored: ${why}` };
}
