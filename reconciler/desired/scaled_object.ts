/**
 * KEDA ScaledObject and ScaledJob: paused in a standby.
 *
 * @module
 */

import type { Draft, KindRule } from "./context.ts";
import { parkAnnotations } from "./original.ts";
import { wantedReplicas } from "./scale_override.ts";

const PAUSED = "autoscaling.keda.sh/paused";
/** Pauses at a count of replicas, and wins over `paused`: it would scale the standby up. */
const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";

/** Rule of keda.sh ScaledObject and ScaledJob. */
export const scaledObjectRule: KindRule = { quiesce: quiesceScaledObject };

function quiesceScaledObject(draft: Draft): void {
  if (wantedReplicas(draft) !== 0) return;
  parkAnnotations(draft, [PAUSED_REPLICAS], { [PAUSED]: "true" });
}
