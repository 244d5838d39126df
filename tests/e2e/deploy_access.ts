/**
 * What the manifests' ServiceAccounts may and may not do; questions as `access.ts` reads them.
 *
 * @module
 */

export const CONTROLLER_MAY = [
  "get secrets shop",
  "watch *",
  "list widgets.example.com shop",
  "get namespaces:kube-system",
  "patch replications.dr-syncer.io/status dr-syncer-system",
  "create replications.dr-syncer.io dr-syncer-system",
  "patch replications.dr-syncer.io dr-syncer-system",
  "delete replications.dr-syncer.io dr-syncer-system",
  "patch remoteclusters.dr-syncer.io/status dr-syncer-system",
  "create secrets dr-syncer-system",
  "update secrets:dr-syncer-webhook-certs dr-syncer-system",
  "create leases.coordination.k8s.io dr-syncer-system",
  "update leases.coordination.k8s.io dr-syncer-system",
  "list endpointslices.discovery.k8s.io dr-syncer-system",
  "list pods dr-syncer-system",
  "patch pods dr-syncer-system",
  "create events.events.k8s.io dr-syncer-system",
  "patch events.events.k8s.io dr-syncer-system",
  "delete validatingwebhookconfigurations.admissionregistration.k8s.io:dr-syncer-observe",
  "patch validatingwebhookconfigurations.admissionregistration.k8s.io:dr-syncer-validate",
];
export const TENANTS_MAY = [
  "patch replications.dr-syncer.io team-a",
  "patch replications.dr-syncer.io/status team-a",
  "create events.events.k8s.io team-a",
];
export const CONTROLLER_MAY_NOT = [
  "delete deployments.apps shop",
  "patch deployments.apps shop",
  "patch deployments.apps/scale shop",
  "create secrets shop",
  "update secrets:dr-kubeconfig dr-syncer-system",
  "delete secrets:dr-kubeconfig dr-syncer-system",
  "update replications.dr-syncer.io dr-syncer-system",
  "deletecollection replications.dr-syncer.io dr-syncer-system",
  "create replications.dr-syncer.io shop",
  "delete replications.dr-syncer.io shop",
  "patch remoteclusters.dr-syncer.io dr-syncer-system",
  "delete remoteclusters.dr-syncer.io dr-syncer-system",
  "create pods dr-syncer-system",
  "patch pods shop",
  "create leases.coordination.k8s.io shop",
  "create serviceaccounts/token:default shop",
  "delete validatingwebhookconfigurations.admissionregistration.k8s.io:foreign",
  "create validatingwebhookconfigurations.admissionregistration.k8s.io",
  "patch customresourcedefinitions.apiextensions.k8s.io",
  "impersonate users",
];
export const DR_MAY = ["get", "list", "watch", "create", "patch", "delete"].map((verb) =>
  `${verb} widgets.example.com shop-dr`
)
  .concat("create namespaces", "create customresourcedefinitions.apiextensions.k8s.io")
  .concat("watch pods shop-dr", "watch events shop-dr", "list storageclasses.storage.k8s.io");
export const ESCALATION = ["escalate roles", "bind roles", "bind clusterroles"].map((verb) =>
  `${verb}.rbac.authorization.k8s.io`
);
export const DR_MAY_NOT = ["update", "deletecollection"].map((verb) => `${verb} configmaps shop-dr`)
  .concat("escalate clusterroles.rbac.authorization.k8s.io", "impersonate users");
export const SOURCE_MAY = ["get secrets shop", "watch widgets.example.com"];
export const SOURCE_MAY_NOT = ["create", "update", "patch", "delete"].map((verb) => `${verb} configmaps shop`);
