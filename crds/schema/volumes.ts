/**
 * Schema of volume data: what of it is copied, by what, and how it stands.
 *
 * @module
 */
import * as z from "zod";
import { count, time } from "./common.ts";

const bandwidthLimit = z.string().max(32).regex(/^[1-9][0-9]*(Ki|Mi|Gi)$/);

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
});

const volume = z.strictObject({
  name: z.string().meta({ description: "Name of the claim, the same in both clusters." }),
  phase: z.enum(["Pending", "Syncing", "Synced", "Held", "Failed", "Unsupported"]).meta({
    description:
      "Pending: not copied yet, or waiting. Syncing: a pass runs. Synced: the last pass ended well. Held: a person has to " +
      "decide (`holds`). Failed: the last pass did not end well. Unsupported: it is never copied.",
  }),
  reason: z.string().optional().meta({ description: "Why, in one word, unless it is Synced." }),
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
  percent: z.int().min(0).max(100).optional().meta({ description: "How far the running pass is." }),
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
}).optional().meta({ description: "Counts over all volumes." });
