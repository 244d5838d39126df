/**
 * Labels, annotations and names that dr-syncer puts on objects or reads from them.
 *
 * @module
 */

/** API group of our kinds, and prefix of our keys. */
export const GROUP = "dr-syncer.io";
/** Served version of our kinds. */
export const VERSION = "v1alpha1";
/** Field manager of everything we write. */
export const FIELD_MANAGER = "dr-syncer";
/** The same of our label when it comes off or back: by the entry of the other, `managedFields` tell how a copy was written. */
export const RELEASE_MANAGER = "dr-syncer-release";
/** Namespace the controller runs in unless a flag says otherwise. */
export const CONTROL_NAMESPACE = "dr-syncer-system";
/** Name of the fence Lease in each DR namespace. */
export const FENCE_LEASE = "dr-syncer";

/** Label on a source object: not mirrored. */
export const IGNORE = "dr-syncer.io/ignore";
/** Label on a source workload: replicas in DR. */
export const SCALE_OVERRIDE = "dr-syncer.io/scale-override";
/** Label on a source PVC: its storage class in DR. */
export const STORAGE_CLASS = "dr-syncer.io/storage-class";
/** Annotation on a Replication: any new value asks for a full sync. */
export const SYNC_NOW = "dr-syncer.io/sync-now";
/** Annotation on a Replication or RemoteCluster: releases what the named holds hold. */
export const APPROVE = "dr-syncer.io/approve";
/** Label on a copy: the id of the Replication that wrote it. */
export const MANAGED_BY = "dr-syncer.io/managed-by";
/** Annotation on a copy: where it comes from. */
export const ORIGIN = "dr-syncer.io/origin";
/** Annotation on a copy: hash of the desired object. */
export const DESIRED_HASH = "dr-syncer.io/desired-hash";
/** Annotation on a copy whose source is gone and which is never deleted: since when. */
export const ORPHANED_AT = "dr-syncer.io/orphaned-at";
/** Annotation on a copy, and on the fence Lease, that was given up: the id of the Replication that may take it back. */
export const RELEASED_BY = "dr-syncer.io/released-by";
/** Annotation on a copy: replicas of the source. */
export const ORIGINAL_REPLICAS = "dr-syncer.io/original-replicas";
/** Annotation on a copy: `spec.suspend` of the source. */
export const ORIGINAL_SUSPEND = "dr-syncer.io/original-suspend";
/** Prefix of every annotation that keeps an original value for the activation. */
export const ORIGINAL_PREFIX = "dr-syncer.io/original-";
/** Label on everything that is part of dr-syncer: never mirrored. */
export const COMPONENT = "dr-syncer.io/component";
/** Value of that label on what an agent of a volume is made of. */
export const AGENT_COMPONENT = "agent";
/** Label on the same: id of the Replication whose data it moves. */
export const AGENT_OF = "dr-syncer.io/agent-of";
/** Label on the same, one value an agent: what its Service and NetworkPolicy select it by. */
export const AGENT = "dr-syncer.io/agent";
/** Annotation on the same, for people: the claim. */
export const AGENT_CLAIM = "dr-syncer.io/claim";
/** Annotation on the fence Lease: Standby, Testing, Active or FailingBack. */
export const ROLE = "dr-syncer.io/role";
/** Label on a Replication that another one owns: the name of that one. */
export const FAMILY = "dr-syncer.io/family";
/** Annotation on the fence Lease, and on a Replication that another one owns: uid of the source namespace. */
export const SOURCE_NAMESPACE_UID = "dr-syncer.io/source-namespace-uid";
/** Annotation on an activated copy: the epoch that activated it. */
export const EPOCH = "dr-syncer.io/epoch";
/** Label on the controller's own pod while it leads. */
export const LEADER = "dr-syncer.io/leader";
/** Finalizer on a Replication: its standby is given up before it goes. */
export const TEARDOWN_FINALIZER = "dr-syncer.io/teardown";
