/**
 * Who may ask for what: a Replication copies Secrets, so it is an administrator's object unless in tenant mode.
 *
 * @module
 */
import type { RemoteCluster, Replication } from "./types.ts";
import type { Problem } from "./verdict.ts";
import { destinationNamespaceOf, type World } from "./world.ts";

/** What forbids the controller to honour a Replication. None: it is honoured. */
export function tenancyProblems(replication: Replication, world: World): Problem[] {
  const namespace = replication.metadata.namespace ?? "";
  if (namespace === world.controlNamespace) return [];
  if (!world.tenantMode) return [notHonoured("Replication", namespace, world)];
  const remoteCluster = world.remoteClusters.get(replication.spec.destinationCluster);
  return [
    ...ownProblems(replication, namespace),
    ...(remoteCluster === undefined ? [] : allowanceProblems(replication, remoteCluster)),
  ];
}

/** Whether the controller honours a Replication at all. */
export function isHonoured(replication: Replication, world: World): boolean {
  return tenancyProblems(replication, world).length === 0;
}

/** The problem of an object that is not in the control namespace. */
export function notHonoured(kind: string, namespace: string, world: World): Problem {
  return {
    field: "metadata.namespace",
    value: namespace,
    message: `a ${kind} is honoured only in the control namespace`,
    remedy: `create it in namespace ${world.controlNamespace}`,
    reason: "NotHonoured",
  };
}

function ownProblems({ spec }: Replication, namespace: string): Problem[] {
  const problems: Problem[] = [];
  if (spec.sourceNamespace !== namespace) {
    problems.push(notAllowed(
      "spec.sourceNamespace",
      spec.sourceNamespace,
      "a tenant may mirror its own namespace only",
      `set it to ${namespace}`,
    ));
  }
  if (spec.sourceCluster !== undefined) {
    problems.push(notAllowed(
      "spec.sourceCluster",
      spec.sourceCluster,
      "a tenant may mirror from the controller's own cluster only",
      "remove the field",
    ));
  }
  if (spec.crds !== "Never") {
    problems.push(notAllowed(
      "spec.crds",
      spec.crds,
      "a tenant may not create CustomResourceDefinitions in DR",
      "set it to Never",
    ));
  }
  if ((spec.overrides ?? []).length > 0) {
    problems.push(notAllowed(
      "spec.overrides",
      spec.overrides!.map(({ name }) => name).join(", "),
      "a tenant's overrides could change in DR what the tenant may not change here (Roles, quotas, policies)",
      "remove the field, or ask an administrator to make the Replication in the control namespace",
    ));
  }
  return problems;
}

function allowanceProblems(replication: Replication, remoteCluster: RemoteCluster): Problem[] {
  const { sourceNamespace, destinationCluster } = replication.spec;
  const { allowedNamespaces, allowedDestinations } = remoteCluster.spec;
  if (!(allowedNamespaces ?? []).includes(sourceNamespace)) {
    return [notAllowed(
      "spec.destinationCluster",
      destinationCluster,
      `RemoteCluster ${destinationCluster} does not allow namespace ${sourceNamespace}`,
      `ask an administrator to add ${sourceNamespace} to its spec.allowedNamespaces`,
    )];
  }
  const destination = destinationNamespaceOf(replication);
  const isAllowed = (allowedDestinations ?? []).length === 0
    ? destination === sourceNamespace
    : allowedDestinations!.includes(destination);
  if (isAllowed) return [];
  return [notAllowed(
    "spec.destinationNamespace",
    destination,
    `RemoteCluster ${destinationCluster} does not allow this destination`,
    `ask an administrator to add ${destination} to its spec.allowedDestinations`,
  )];
}

/** The problem of a tenant that asks for too much. */
export function notAllowed(field: string, value: string, message: string, remedy: string): Problem {
  return { field, value, message, remedy, reason: "TenantNotAllowed" };
}
