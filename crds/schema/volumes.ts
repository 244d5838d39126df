/**
 * Schema of volume data: what of it is copied, by what, and how it stands.
 *
 * @module
 */
import * as z from "zod";
import { agentPods } from "./agent_pods.ts";
import { count, cron, duration, time } from "./common.ts";

const bandwidthLimit = z.string().max(32).regex(/^[1-9][0-9]*(Ki|Mi|Gi)$/);

const trigger = z.strictObject({
  schedule: cron.optional().meta({
    description:
      "When to copy every volume: cron, 5 fields, in `spec.timeZone`. With it, a full sync only copies volumes " +
      "that were never copied, or not since the schedule's last time. Without it, each full sync copies all.",
  }),
});

/** `spec.pvc.verification` of a Replication. */
export const verification = z.strictObject({
  mode: z.enum(["None", "Sampled", "Full"]).default("None").meta({
    description:
      "None: a file of the same length and time counts as equal. Sampled: up to 1,000 files of up to 1 GiB together, " +
      "picked by chance each time, are read in both clusters, and those that hold something else are mended. Full: the " +
      "same of every file.",
  }),
  interval: duration.default("168h").meta({
    description: "A pass compares contents when the last one that did so began longer ago than this.",
  }),
});

/** `spec.pvc` of a Replication. */
export const pvc = z.strictObject({
  syncData: z.boolean().default(false).meta({
    description: "Whether the data of mirrored PersistentVolumeClaims is copied, with each full sync " +
      "(docs/guide/volumes.md). Needs the permissions of `deploy/overlays/volumes` in the source cluster.",
  }),
  exclude: z.array(z.string().min(1).max(1024)).max(64).optional().meta({
    description: "Patterns of rsync(1): what matches is neither copied to DR nor deleted there.",
    "x-kubernetes-list-type": "atomic",
  }),
  trigger: trigger.optional().meta({ description: "What begins a pass, besides `dr-syncer.io/sync-now`." }),
  verification: verification.optional().meta({
    description: "Whether passes compare what files hold, from time to time.",
  }),
  bandwidthLimit: bandwidthLimit.optional().meta({
    description: "Most bytes that one volume is sent in a second, for example `10Mi`. The RemoteCluster's when empty.",
  }),
});

const image = z.strictObject({
  repository: z.string().min(1).max(255).default("dr-syncer-agent").meta({ description: "Name without tag." }),
  tag: z.string().min(1).max(128).default("0.1.0").meta({ description: "Tag." }),
  pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent").meta({
    description: "When nodes ask the registry for it.",
  }),
});

const retry = z.strictObject({
  initialDelay: duration.default("10s").meta({
    description: "Delay before the first retry; twice as long before each further one.",
  }),
  maxDelay: duration.default("30m").meta({ description: "No delay is longer." }),
  maxRetries: count.optional().meta({
    description:
      "Retries in a row, after which the volume waits for the next full sync, or its schedule. Any number when empty.",
  }),
});

/** `spec.pvcSync` of a RemoteCluster. */
export const pvcSync = z.strictObject({
  image: image.prefault({}).meta({
    description: "Image of the agents that copy volumes, in both clusters (deploy/Dockerfile.agent builds it).",
  }),
  path: z.enum(["Auto", "Direct", "Tunnel"]).default("Auto").meta({
    description:
      "How data comes here. Direct: from Pods here to a port of a source node, or to the Pod there. Tunnel: " +
      "through both API servers and the controller, slower. Auto: Direct where it works, else Tunnel.",
  }),
  concurrency: z.int().min(1).max(64).default(4).meta({ description: "Volumes copied to this cluster at once." }),
  bandwidthLimit: bandwidthLimit.optional().meta({
    description: "Most bytes that each volume is sent in a second, for example `10Mi`. None when empty.",
  }),
  retry: retry.prefault({}).meta({ description: "When a pass of a volume that failed is tried again." }),
  pods: agentPods.optional().meta({ description: "What is asked of the Pods that copy volumes." }),
});

const volume = z.strictObject({
  name: z.string().meta({ description: "Name of the claim, the same in both clusters." }),
  phase: z.enum(["Pending", "Syncing", "Synced", "Held", "Failed", "Unsupported"]).meta({
    description:
      "Pending: not copied yet, or waiting. Syncing: a pass runs. Synced: the last pass ended well. Held: a person has to " +
      "decide (`holds`). Failed: the last pass did not end well. Unsupported: it is never copied.",
  }),
  reason: z.string().optional().meta({
    description: "Why, in one word, unless it is Synced; while it is Syncing, why the pass before was not good.",
  }),
  message: z.string().optional().meta({ description: "Why, for people." }),
  path: z.enum(["Direct", "Tunnel"]).optional().meta({
    description:
      "How the source was reached last. Direct: from the DR cluster's Pods to a port of a source node, or to " +
      "the Pod there. Tunnel: through both API servers and the controller.",
  }),
  syncedUpTo: time.optional().meta({
    description: "Everything the source had on disk before this time is in DR.",
  }),
  lastGoodSyncTime: time.optional().meta({ description: "When the last pass that ended well was over." }),
  duration: z.string().optional().meta({ description: "How long that pass took." }),
  files: count.optional().meta({ description: "Files in the volume, as of that pass." }),
  bytes: count.optional().meta({ description: "Their lengths together." }),
  transferredBytes: count.optional().meta({ description: "Lengths of the files that the pass transferred." }),
  deleted: count.optional().meta({ description: "Entries that the pass deleted in DR." }),
  lastVerifiedTime: time.optional().meta({
    description: "When the last pass began that compared what files hold (`spec.pvc.verification`).",
  }),
  verifiedFiles: count.optional().meta({ description: "Files that it compared." }),
  differing: count.optional().meta({
    description: "Files that it found different in DR at the same length and time, and mended.",
  }),
  percent: z.int().min(0).max(100).optional().meta({ description: "How far the running pass is." }),
  rate: count.optional().meta({ description: "Bytes that the running pass transfers in a second." }),
  remaining: z.string().optional().meta({
    description: "How long it takes to its end at this rate, for example `1h2m3s`.",
  }),
  attempts: count.optional().meta({ description: "Passes in a row that failed." }),
  nextAttemptTime: time.optional().meta({
    description: "When it is tried again, at the latest with the next full sync.",
  }),
  failedPaths: z.array(z.string()).max(20).optional().meta({
    description: "What rsync said of paths that failed, at most 20.",
    "x-kubernetes-list-type": "atomic",
  }),
});

/** `status.volumes` of a Replication. */
export const volumes = z.array(volume).max(50).optional().meta({
  description: "Claims whose data is to be copied, at most 50, those that need attention first.",
  "x-kubernetes-list-type": "atomic",
});

/** `status.volumeStats` of a Replication. */
export const volumeStats = z.strictObject({
  total: count.meta({ description: "Claims whose data is to be in DR." }),
  synced: count.meta({ description: "Of these, with a last pass that ended well." }),
  nextSyncTime: time.optional().meta({
    description: "When `spec.pvc.trigger.schedule` asks for the next pass over all.",
  }),
  lastManualSync: z.string().optional().meta({
    description: "The last `dr-syncer.io/sync-now` value since which each of them had a pass, however it ended.",
  }),
}).optional().meta({ description: "Counts over all volumes." });
