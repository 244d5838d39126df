/**
 * Verdicts on our kinds: pure, the same for the webhook and the reconciler (the webhook may be absent, and concurrent
 * creations race past it).
 *
 * Denied is only what can never be right. What may yet appear (cluster, Secret, kind) is a warning.
 *
 * @module
 */
import { familyProblems } from "./family_problems.ts";
import { selectorProblems } from "./label_selector.ts";
import { overrideProblems } from "./overrides.ts";
import { cronProblems, deletionProblems, scheduleProblems, volumeProblems, volumeSyncProblems } from "./settings.ts";
import { isProtected, protectedProblem, targetProblems } from "./targets.ts";
import { notHonoured, tenancyProblems } from "./tenancy.ts";
import { type AnyReplication, isFamily, type RemoteCluster } from "./types.ts";
import type { Problem, Verdict } from "./verdict.ts";
import { resourceTypesOf, scheduleOf, type World } from "./world.ts";

export { conflictsWith, isOlder, isProtected } from "./targets.ts";
export { isHonoured } from "./tenancy.ts";
export { describe, type Problem, type ProblemReason, type Verdict } from "./verdict.ts";
export { destinationNamespaceOf, resourceTypesOf, scheduleOf, type World } from "./world.ts";

/** What is wrong with a Replication whose schema the API server has checked and whose defaults are set. */
export function validateReplication(next: AnyReplication, world: World): Verdict {
  const remoteCluster = world.remoteClusters.get(next.spec.destinationCluster);
  const missing = missingSchedule(next, remoteCluster);
  const denials = [
    ...(isFamily(next)
      ? familyProblems(next, world)
      : [...tenancyProblems(next, world), ...targetProblems(next, world)]),
    ...scheduleProblems(next),
    ...deletionProblems(next),
    ...volumeProblems(next),
    ...selectorProblems("spec.labelSelector", next.spec.labelSelector),
    ...overrideProblems(next),
    ...(remoteCluster === undefined ? [] : missing),
  ];
  const warnings = [
    ...clusterWarnings(next, world),
    ...(remoteCluster === undefined ? missing : defaultScheduleWarnings(next, remoteCluster)),
    ...typeWarnings(next, world),
  ];
  return { denials, warnings };
}

/** What is wrong with a RemoteCluster whose schema the API server has checked and whose defaults are set. */
export function validateRemoteCluster(next: RemoteCluster, world: World): Verdict {
  const { spec, metadata } = next;
  const denials: Problem[] = [];
  if (metadata.namespace !== world.controlNamespace) {
    denials.push(notHonoured("RemoteCluster", metadata.namespace ?? "", world));
  }
  if (spec.defaultSchedule !== undefined) denials.push(...cronProblems("spec.defaultSchedule", spec.defaultSchedule));
  denials.push(...volumeSyncProblems(next));
  for (const field of ["allowedNamespaces", "allowedDestinations"] as const) {
    const names = (spec[field] ?? []).filter((name) => isProtected(name, world));
    denials.push(...names.map((name) => protectedProblem(`spec.${field}`, name)));
  }
  return { denials, warnings: secretWarnings(next, world) };
}

/** Mode Scheduled and no schedule: wrong when the RemoteCluster is known, else it may still bring one. */
function missingSchedule(next: AnyReplication, remoteCluster: RemoteCluster | undefined): Problem[] {
  if (next.spec.replicationMode !== "Scheduled" || scheduleOf(next, remoteCluster) !== undefined) return [];
  const cluster = next.spec.destinationCluster;
  const message = remoteCluster === undefined
    ? `mode Scheduled needs a schedule, and RemoteCluster ${cluster}, which may have a default, does not exist`
    : `mode Scheduled needs a schedule, and RemoteCluster ${cluster} has no defaultSchedule`;
  const remedy = `set it, or spec.defaultSchedule of RemoteCluster ${cluster}`;
  return [{ field: "spec.schedule", value: "", message, remedy, reason: "ScheduleMissing" }];
}

function defaultScheduleWarnings(next: AnyReplication, remoteCluster: RemoteCluster): Problem[] {
  const schedule = scheduleOf(next, remoteCluster);
  if (schedule === undefined || next.spec.schedule !== undefined) return [];
  const remedy = `correct spec.defaultSchedule of RemoteCluster ${next.spec.destinationCluster}`;
  return cronProblems("spec.schedule", schedule).map((problem) => ({ ...problem, remedy }));
}

function clusterWarnings({ spec }: AnyReplication, world: World): Problem[] {
  const fields = ["sourceCluster", "destinationCluster"] as const;
  return fields.flatMap((field) => {
    const name = spec[field];
    return name === undefined ? [] : clusterWarning(`spec.${field}`, name, world);
  });
}

function clusterWarning(field: string, name: string, world: World): Problem[] {
  const remoteCluster = world.remoteClusters.get(name);
  if (remoteCluster === undefined) {
    return [{
      field,
      value: name,
      message: `there is no RemoteCluster of this name in namespace ${world.controlNamespace}`,
      remedy: "create it; nothing is mirrored until then",
      reason: "ClusterMissing",
    }];
  }
  const condition = remoteCluster.status?.conditions?.find(({ type }) => type === "KubeconfigValid");
  if (condition?.status !== "False") return [];
  return [{
    field,
    value: name,
    message: `the kubeconfig of this RemoteCluster cannot be used: ${condition.message}`,
    remedy: `correct Secret ${remoteCluster.spec.kubeconfigSecretRef.name}; nothing is mirrored until then`,
    reason: "KubeconfigInvalid",
  }];
}

function secretWarnings({ spec }: RemoteCluster, world: World): Problem[] {
  const { name, key } = spec.kubeconfigSecretRef;
  if (world.secretExists?.(name) !== false) return [];
  return [{
    field: "spec.kubeconfigSecretRef.name",
    value: name,
    message: `there is no Secret of this name in namespace ${world.controlNamespace}`,
    remedy: `create it with the kubeconfig under key ${key}; the cluster is not reached until then`,
    reason: "SecretMissing",
  }];
}

function typeWarnings(next: AnyReplication, world: World): Problem[] {
  const { sourceCluster, destinationCluster, resourceTypes, excludeResourceTypes } = next.spec;
  const included = resourceTypesOf(next, world.remoteClusters.get(destinationCluster));
  const spellings = [
    ...included.map((spelling) => ({ field: "spec.resourceTypes", spelling })),
    ...(excludeResourceTypes ?? []).map((spelling) => ({ field: "spec.excludeResourceTypes", spelling })),
    ...(next.spec.excludeObjects ?? []).map(({ kind }, index) => (
      { field: `spec.excludeObjects[${index}].kind`, spelling: kind }
    )),
    ...(next.spec.overrides ?? []).map(({ name, match }) => (
      { field: `spec.overrides[${name}].match.kind`, spelling: match.kind }
    )),
  ];
  const origin = (resourceTypes ?? []).length > 0
    ? ""
    : ` (defaultResourceTypes of RemoteCluster ${destinationCluster})`;
  return spellings
    .filter(({ spelling }) => spelling !== "*" && world.knownTypes?.(sourceCluster, spelling) === false)
    .map(({ field, spelling }) => ({
      field,
      value: spelling,
      message: `the source cluster serves no such namespaced kind${field === "spec.resourceTypes" ? origin : ""}`,
      remedy: "correct the spelling (plural, singular, kind, short name or kind.group), or install its definition",
      reason: "TypeUnknown",
    }));
}
