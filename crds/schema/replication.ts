/**
 * Schema of Replication: source of its types, CRD and reference.
 *
 * @module
 */
import * as z from "zod";
import {
  conditionsOf,
  count,
  cron,
  destinationNamespace,
  duration,
  holds,
  namespaceName,
  objectName,
  setOf,
  time,
  typeSpelling,
  typeSpellingOrAll,
} from "./common.ts";
import {
  accessModeMappings,
  excludeObjects,
  imageRewrites,
  ingressHostMappings,
  labelSelector,
  overrides,
  storageClassMappings,
} from "./adaptation.ts";
import { pvc, volumes, volumeStats } from "./volumes.ts";
import { children, ENDS_RULES, hasOneSource, ONE_SOURCE, sourceNamespaceSelector } from "./family.ts";

const IMMUTABLE = ["sourceCluster", "destinationCluster", "sourceNamespace", "destinationNamespace"];

/** CEL: the field may neither change nor appear nor go away. */
function immutable(field: string) {
  return {
    rule: `has(self.${field}) == has(oldSelf.${field}) && ` +
      `(!has(self.${field}) || self.${field} == oldSelf.${field})`,
    message: `${field} is immutable: create another Replication instead`,
    fieldPath: `.${field}`,
  };
}

/** CEL: the field has a meaning in mode Scheduled only. */
function onlyScheduled(field: string) {
  return {
    rule: `!has(self.${field}) || self.replicationMode == 'Scheduled'`,
    message: `${field} is for replicationMode Scheduled only: remove it, or set replicationMode: Scheduled`,
    fieldPath: `.${field}`,
  };
}

/** CEL: a time zone is one of a schedule. */
const TIME_ZONE_NEEDS_SCHEDULE = {
  rule: "!has(self.timeZone) || self.replicationMode == 'Scheduled' || " +
    "(has(self.pvc) && has(self.pvc.trigger) && has(self.pvc.trigger.schedule))",
  message: "timeZone is for a schedule only: remove it, or set replicationMode: Scheduled, or pvc.trigger.schedule",
  fieldPath: ".timeZone",
};

const budget = z.strictObject({
  count: count.default(3).meta({ description: "Deletes that always fit in a window." }),
  percent: z.int().min(0).max(100).default(10).meta({
    description: "Deletes that fit in a window, in percent of the mirrored objects; the larger of both counts.",
  }),
  window: duration.default("10m").meta({ description: "Length of a window." }),
});

const deletion = z.strictObject({
  policy: z.enum(["Mirror", "Retain"]).default("Mirror").meta({
    description: "Mirror: what is deleted in the source is deleted in DR. Retain: it stays there.",
  }),
  grace: duration.default("30s").meta({ description: "How long a delete waits before it is carried out." }),
  budget: budget.prefault({}).meta({ description: "Deletes beyond this wait for an approval." }),
});

const fields = z.strictObject({
  sourceCluster: objectName.optional().meta({
    description: "RemoteCluster to mirror from. The controller's own cluster when empty. Immutable.",
  }),
  destinationCluster: objectName.meta({ description: "RemoteCluster to mirror to. Immutable." }),
  sourceNamespace: namespaceName.optional().meta({
    description: "Namespace to mirror. This or `sourceNamespaceSelector`. Immutable.",
  }),
  sourceNamespaceSelector: sourceNamespaceSelector.optional(),
  destinationNamespace: destinationNamespace.optional().meta({
    description: "Namespace in the DR cluster; with `sourceNamespaceSelector` a template such as `dr-{namespace}`. " +
      "The name of the source namespace when empty. Immutable.",
  }),
  replicationMode: z.enum(["Continuous", "Scheduled", "Manual"]).default("Continuous").meta({
    description: "Continuous: every change at once. Scheduled: a sync at each time of `schedule`. " +
      "Manual: a sync for each new value of annotation `dr-syncer.io/sync-now`.",
  }),
  schedule: cron.optional().meta({
    description: "When to sync in mode Scheduled: cron, 5 fields with lists, ranges, steps and names. " +
      "The RemoteCluster's `defaultSchedule` when empty.",
  }),
  timeZone: z.string().max(64).regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/).optional().meta({
    description: "Time zone of `schedule` and of `pvc.trigger.schedule` (IANA name). UTC when empty.",
  }),
  paused: z.boolean().default(false).meta({ description: "Stops at once; what is in flight finishes." }),
  resourceTypes: setOf(
    typeSpellingOrAll,
    "Namespaced kinds to mirror, in any case: singular, plural, short name or `kind.group`; `*` for all. " +
      "The RemoteCluster's `defaultResourceTypes` when empty, else all.",
  ).optional(),
  excludeResourceTypes: setOf(typeSpelling, "Kinds not to mirror, spelled like `resourceTypes`.").optional(),
  labelSelector: labelSelector.optional().meta({
    description: "Only objects with such labels are mirrored; asked of the source object, of every kind, not of the " +
      "Namespace and of definitions. An object that ceases to match: its copy goes the way of a deletion.",
  }),
  excludeObjects: excludeObjects.optional(),
  imageRewrites: imageRewrites.optional(),
  storageClassMappings: storageClassMappings.optional(),
  accessModeMappings: accessModeMappings.optional(),
  ingressHostMappings: ingressHostMappings.optional(),
  overrides: overrides.optional(),
  scaleToZero: z.boolean().default(true).meta({
    description: "Workloads have no replicas in the standby; the original is kept on the copy. A ResourceQuota keeps " +
      "Pods of DR's own operators away.",
  }),
  pvc: pvc.optional().meta({ description: "Data of volumes." }),
  deletion: deletion.prefault({}).meta({ description: "What happens in DR when a source object is deleted." }),
  conflictPolicy: z.enum(["Abort", "Adopt"]).default("Abort").meta({
    description:
      "What happens to an object of DR that is in the way of a copy and that nobody manages. Abort: it stays as " +
      "it is (condition `Conflict`). Adopt: it becomes the copy, with nothing left of what it was.",
  }),
  driftPolicy: z.enum(["Correct", "Report"]).default("Correct").meta({
    description:
      "What happens to a copy that somebody edits in DR. Correct: it is put right. Report: it stays so until " +
      "the source object changes, and is told in `status.reports`.",
  }),
  immutableFieldPolicy: z.enum(["Report", "Recreate"]).default("Report").meta({
    description: "What happens to a change that no copy can take in place. Report: it is told in `status.failures`. " +
      "Recreate: the copy is deleted and created anew; never a PersistentVolumeClaim. A copy whose source was itself " +
      "created anew is replaced either way, unless it is a custom resource.",
  }),
  crds: z.enum(["IfMissing", "Sync", "Never"]).default("IfMissing").meta({
    description:
      "IfMissing: a CustomResourceDefinition that DR lacks is created there. Sync: what was created from the " +
      "source's follows it, as long as objects of it are mirrored. Never: none is created.",
  }),
  rbacObjects: z.enum(["Mirror", "Skip"]).default("Mirror").meta({
    description: "Mirror: Roles and RoleBindings are mirrored (needs `escalate` and `bind` in DR). Skip: they are not.",
  }),
  helmReleases: z.enum(["Skip", "Mirror"]).default("Skip").meta({
    description:
      "Secrets in which Helm records its releases (type `helm.sh/release.v1`). Skip: they are not mirrored. " +
      "Mirror: they are, for who goes on with Helm in DR after a failover.",
  }),
  onDelete: z.enum(["Orphan", "Delete"]).default("Orphan").meta({
    description:
      "What happens to the standby when this object is deleted. Orphan: the copies stay, without our label. Delete: the " +
      "copies are deleted, but for PersistentVolumeClaims, which stay like the Namespace and CustomResourceDefinitions.",
  }),
});

/** `spec` of a Replication. */
export const replicationSpec = fields.refine(hasOneSource, ONE_SOURCE).meta({
  "x-kubernetes-validations": [
    ...ENDS_RULES,
    ...IMMUTABLE.map(immutable),
    onlyScheduled("schedule"),
    TIME_ZONE_NEEDS_SCHEDULE,
  ],
});

const syncStats = z.strictObject({
  totalResources: count.optional().meta({ description: "Objects that are to be in DR." }),
  successfulSyncs: count.optional().meta({ description: "Of these, equal in DR." }),
  pending: count.optional().meta({ description: "Of these, not yet written." }),
  failedSyncs: count.optional().meta({ description: "Of these, refused by DR." }),
  conflicts: count.optional().meta({ description: "Of these, in the way of an object that is not ours." }),
  drifted: count.optional().meta({ description: "Of these, edited in DR and left so (`driftPolicy: Report`)." }),
  deleted: count.optional().meta({ description: "Copies deleted so far." }),
});

const resourceStatus = z.strictObject({
  group: z.string().default("").meta({ description: "API group, empty for the core group." }),
  kind: z.string().meta({ description: "Kind." }),
  total: count.meta({ description: "Objects that are to be in DR." }),
  synced: count.meta({ description: "Of these, equal in DR." }),
  failed: count.meta({ description: "Of these, refused by DR." }),
});

const failure = z.strictObject({
  kind: z.string().meta({ description: "Kind of the object." }),
  name: z.string().meta({ description: "Name of the object." }),
  class: z.string().meta({ description: "Class of the failure, for example `Denied` or `Quota`." }),
  message: z.string().meta({ description: "What the DR cluster said, and what to do." }),
  attempts: count.meta({ description: "Attempts so far." }),
  nextRetryTime: time.optional().meta({ description: "When the next attempt is due." }),
});

const report = z.strictObject({
  kind: z.string().meta({ description: "Kind of the object." }),
  name: z.string().meta({ description: "Name of the object." }),
  reason: z.string().meta({ description: "What is different, or why there is no copy." }),
  message: z.string().meta({ description: "The same for people." }),
});

const deletions = z.strictObject({
  windowStart: time.optional().meta({ description: "When the running window began." }),
  count: count.optional().meta({ description: "Deletes carried out in it." }),
});

/** `status` of a Replication. */
export const replicationStatus = z.strictObject({
  observedGeneration: count.optional().meta({ description: "`metadata.generation` this status is about." }),
  replicationId: z.string().optional().meta({
    description: "Value of label `dr-syncer.io/managed-by` on every copy: a digest of both cluster ids and namespaces.",
  }),
  destinationNamespace: z.string().optional().meta({
    description: "The DR namespace, named in the spec or not; with `sourceNamespaceSelector` the template.",
  }),
  children: children.optional(),
  phase: z.enum(["Pending", "Running", "Completed", "Failed", "Deleting"]).optional().meta({
    description: "All in one word; a healthy Continuous Replication is Running.",
  }),
  role: z.enum(["Standby", "Testing", "Active", "FailingBack"]).optional().meta({
    description: "Role of the DR namespace; only a Standby is written.",
  }),
  epoch: count.optional().meta({ description: "Grows with every activation." }),
  syncedUpTo: time.optional().meta({ description: "Everything the source committed before this time is in DR." }),
  lastSyncTime: time.optional().meta({ description: "When the last full sync ended." }),
  lastSyncDuration: z.string().optional().meta({ description: "How long the last full sync took." }),
  nextSyncTime: time.optional().meta({ description: "When the next scheduled sync is due." }),
  lastManualSync: z.string().optional().meta({
    description: "The `dr-syncer.io/sync-now` value last carried out, of objects; of volumes see `volumeStats`.",
  }),
  syncStats: syncStats.optional().meta({ description: "Counts over every kind." }),
  resourceStatus: z.array(resourceStatus).optional().meta({
    description: "Counts of each kind.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["group", "kind"],
  }),
  failures: z.array(failure).max(20).optional().meta({
    description: "Objects that DR refused, at most 20.",
    "x-kubernetes-list-type": "atomic",
  }),
  reports: z.array(report).max(20).optional().meta({
    description:
      "What is in DR, but not quite as in the source (docs/guide/failures.md), mappings and overrides that match nothing, " +
      "and Pods that nothing would start there; with `sourceNamespaceSelector`: namespaces that are left out or gone, and " +
      "Replications that are not well; at most 20.",
    "x-kubernetes-list-type": "atomic",
  }),
  volumes,
  volumeStats,
  holds,
  deletions: deletions.optional().meta({ description: "Use of the deletion budget." }),
  conditions: conditionsOf(
    "`Valid`, `Ready`, `Synced`, `Degraded`, `Conflict`, `DeletionBlocked`, `DependenciesMissing`, `StandbyQuiet`, " +
      "`VolumesSynced`, `Fenced`",
  ),
});

/** A Replication, less `apiVersion`, `kind` and `metadata`. */
export const replication = z.strictObject({
  spec: replicationSpec.meta({ description: "What is wanted." }),
  status: replicationStatus.optional().meta({ description: "What the controller found." }),
}).meta({ description: "Keeps a warm standby of a namespace, or of each that a selector finds, in another cluster." });
