/**
 * Schema of `spec.pvcSync.pods`: what a cluster asks of the Pods that copy volumes.
 *
 * @module
 */
import * as z from "zod";

const quantity = z.string().max(64).regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/);
const amounts = z.record(z.string(), quantity);
const texts = z.record(z.string(), z.string());

const toleration = z.strictObject({
  key: z.string().optional().meta({ description: "Key of the taint; every taint when empty, with `Exists`." }),
  operator: z.enum(["Exists", "Equal"]).default("Equal").meta({ description: "Whether the value counts." }),
  value: z.string().optional().meta({ description: "Value of the taint." }),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional().meta({
    description: "Effect of the taint; any when empty.",
  }),
});

const resources = z.strictObject({
  requests: amounts.optional().meta({ description: "At least; 50m of cpu and 64Mi of memory when empty." }),
  limits: amounts.optional().meta({ description: "At most." }),
});

/** `spec.pvcSync.pods` of a RemoteCluster. */
export const agentPods = z.strictObject({
  nodeSelector: texts.optional().meta({
    description:
      "Labels of the nodes of this cluster on which agents may run. In the source they run where the volume is.",
  }),
  tolerations: z.array(toleration).max(16).optional().meta({
    description: "Taints that agents tolerate in both clusters; in the source also those that the workload tolerates.",
    "x-kubernetes-list-type": "atomic",
  }),
  resources: resources.optional().meta({ description: "What each agent asks for, in both clusters." }),
  labels: texts.optional().meta({ description: "Further labels of agents, in both clusters." }),
  annotations: texts.optional().meta({ description: "Further annotations of agents, in both clusters." }),
});
