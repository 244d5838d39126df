/**
 * Schema of RemoteCluster: source of its types, CRD and reference.
 *
 * @module
 */
import * as z from "zod";
import { pvcSync } from "./volumes.ts";
import { conditionsOf, count, cron, holds, namespaceName, objectName, setOf, typeSpellingOrAll } from "./common.ts";

const kubeconfigSecretRef = z.strictObject({
  name: objectName.meta({ description: "Name of the Secret, in the RemoteCluster's namespace." }),
  key: z.string().min(1).max(253).regex(/^[-._a-zA-Z0-9]+$/).default("kubeconfig").meta({
    description: "Key of the kubeconfig in the Secret.",
  }),
});

/** `spec` of a RemoteCluster. */
export const remoteClusterSpec = z.strictObject({
  kubeconfigSecretRef: kubeconfigSecretRef.meta({
    description:
      "How to reach the cluster: a Secret with a kubeconfig whose CA, certificate, key and token are inline. " +
      "A changed Secret is picked up without a restart.",
  }),
  defaultSchedule: cron.optional().meta({
    description: "Schedule (cron, 5 fields) of Replications to this cluster in mode Scheduled that have none.",
  }),
  defaultResourceTypes: setOf(typeSpellingOrAll, "Kinds that Replications to this cluster mirror when they name none.")
    .optional(),
  allowedNamespaces: setOf(
    namespaceName,
    "Tenant mode: namespaces whose own Replications may use this cluster. None when empty.",
  ).optional(),
  allowedDestinations: setOf(
    namespaceName,
    "Tenant mode: namespaces of this cluster that Replications of tenants may write. When empty, only the namespace " +
      "with the source's name.",
  ).optional(),
  pvcSync: pvcSync.optional().meta({
    description: "How volumes are copied to this cluster (`spec.pvc` of a Replication).",
  }),
});

/** `status` of a RemoteCluster. */
export const remoteClusterStatus = z.strictObject({
  observedGeneration: count.optional().meta({ description: "`metadata.generation` this status is about." }),
  health: z.enum(["Unknown", "Healthy", "Degraded", "Unhealthy"]).optional().meta({
    description: "All in one word; the conditions say why.",
  }),
  clusterId: z.string().optional().meta({
    description: "Identity of the cluster, pinned at first contact: uid of its Namespace kube-system.",
  }),
  kubernetesVersion: z.string().optional().meta({ description: "Version the API server reports." }),
  holds,
  conditions: conditionsOf("`KubeconfigValid`, `Reachable`, `Authorized`"),
});

/** A RemoteCluster, less `apiVersion`, `kind` and `metadata`. */
export const remoteCluster = z.strictObject({
  spec: remoteClusterSpec.meta({ description: "What is wanted." }),
  status: remoteClusterStatus.optional().meta({ description: "What the controller found." }),
}).meta({ description: "A cluster that the controller reaches with a kubeconfig: a DR cluster, or a source." });
