/**
 * The table of kinds that need more than the common treatment.
 *
 * @module
 */

import { groupResource, type ResourceType } from "../../kube/types.ts";
import { configMapRule } from "./config_map.ts";
import type { KindRule } from "./context.ts";
import { cronJobRule } from "./cron_job.ts";
import { daemonSetRule } from "./daemon_set.ts";
import { endpointSliceRule, endpointsRule } from "./endpoints.ts";
import { gatewayRule } from "./gateway.ts";
import { ingressRule, routeRule } from "./ingress.ts";
import { jobRule } from "./job.ts";
import { networkPolicyRule } from "./network_policy.ts";
import { persistentVolumeClaimRule } from "./persistent_volume_claim.ts";
import { roleBindingRule, roleRule } from "./role_binding.ts";
import { replicasRule } from "./scale.ts";
import { scaledObjectRule } from "./scaled_object.ts";
import { secretRule } from "./secret.ts";
import { serviceAccountRule } from "./service_account.ts";
import { serviceRule } from "./service.ts";
import { statefulSetRule } from "./stateful_set.ts";

const NO_RULE: KindRule = {};

/** Rules by `resource.group`. */
const RULES: Readonly<Record<string, KindRule>> = {
  "configmaps": configMapRule,
  "secrets": secretRule,
  "serviceaccounts": serviceAccountRule,
  "services": serviceRule,
  "endpoints": endpointsRule,
  "persistentvolumeclaims": persistentVolumeClaimRule,
  "replicationcontrollers": replicasRule,
  "deployments.apps": replicasRule,
  "replicasets.apps": replicasRule,
  "statefulsets.apps": statefulSetRule,
  "daemonsets.apps": daemonSetRule,
  "jobs.batch": jobRule,
  "cronjobs.batch": cronJobRule,
  "endpointslices.discovery.k8s.io": endpointSliceRule,
  "ingresses.networking.k8s.io": ingressRule,
  "networkpolicies.networking.k8s.io": networkPolicyRule,
  "roles.rbac.authorization.k8s.io": roleRule,
  "rolebindings.rbac.authorization.k8s.io": roleBindingRule,
  "routes.route.openshift.io": routeRule,
  "scaledobjects.keda.sh": scaledObjectRule,
  "scaledjobs.keda.sh": scaledObjectRule,
};

const GROUP_RULES: Readonly<Record<string, KindRule>> = { "gateway.networking.k8s.io": gatewayRule };

/** The rule of a kind, empty for one without. */
export function ruleFor(type: ResourceType): KindRule {
  return RULES[groupResource(type)] ?? GROUP_RULES[type.group] ?? NO_RULE;
}
