/**
 * Ends that exclude each other: system namespaces, both ends the same, one target written twice, cycles.
 *
 * @module
 */
import { edgesOf } from "./edges.ts";
import type { Replication } from "./types.ts";
import type { Problem } from "./verdict.ts";
import { type Edges, type End, isSameEnd, nameOf, sourceOf, targetOf, type World } from "./world.ts";

/** Whether a namespace is never mirrored and never written. */
export function isProtected(namespace: string, world: Pick<World, "controlNamespace">): boolean {
  return namespace === world.controlNamespace || namespace.startsWith("kube-") || namespace.startsWith("openshift-");
}

/** The problem of a field that names a protected namespace. */
export function protectedProblem(field: string, namespace: string): Problem {
  return {
    field,
    value: namespace,
    message: "this namespace is never mirrored and never written (kube-*, openshift-*, the control namespace)",
    remedy: "name another namespace",
    reason: "ProtectedNamespace",
  };
}

/**
 * Other honoured Replications that write the same namespace of the same cluster, by cluster id where it is known.
 * Only the oldest of them all may write: see `isOlder`.
 */
export function conflictsWith(replication: Replication, world: World): Replication[] {
  const own = nameOf(replication);
  const { edges = edgesOf(world) } = world;
  return edges.to(targetOf(replication, world)).map((edge) => edge.replication)
    .filter((other) => nameOf(other) !== own);
}

/**
 * Whether `a` is older than `b`: by creation time, then by `namespace/name`, so that every observer agrees.
 * What is not stored yet (no resourceVersion: an admission of CREATE) is younger than everything.
 */
export function isOlder(a: Replication, b: Replication): boolean {
  const storedA = Boolean(a.metadata.resourceVersion);
  const storedB = Boolean(b.metadata.resourceVersion);
  if (storedA !== storedB) return storedA;
  const createdA = a.metadata.creationTimestamp ?? "";
  const createdB = b.metadata.creationTimestamp ?? "";
  // Kubernetes writes UTC with whole seconds: text order is time order.
  if (createdA !== createdB) return createdA < createdB;
  return nameOf(a) < nameOf(b);
}

/** What is wrong with the ends of a Replication. */
export function targetProblems(replication: Replication, known: World): Problem[] {
  const world = { ...known, edges: known.edges ?? edgesOf(known) };
  const source = sourceOf(replication, world);
  const target = targetOf(replication, world);
  const problems: Problem[] = [];
  if (isProtected(source.namespace, world)) problems.push(protectedProblem("spec.sourceNamespace", source.namespace));
  if (isProtected(target.namespace, world) && target.namespace !== source.namespace) {
    problems.push(protectedProblem("spec.destinationNamespace", target.namespace));
  }
  if (isSameEnd(source, target)) return [...problems, sameEnds(source, target)];
  const holder = conflictsWith(replication, world).filter((other) => isOlder(other, replication))
    .reduce<Replication | undefined>((oldest, other) => oldest && isOlder(oldest, other) ? oldest : other, undefined);
  if (holder !== undefined) problems.push(targetTaken(target, holder));
  const path = findCycle(replication, source, target, world.edges);
  if (path !== undefined) problems.push(cycle(source, path));
  return problems;
}

/** The problem of a Replication onto itself. */
export function sameEnds(source: End, target: End): Problem {
  return {
    field: "spec.destinationNamespace",
    value: target.namespace,
    message: `source ${source.label} and destination ${target.label} are the same namespace of the same cluster`,
    remedy: "name another destinationCluster or destinationNamespace",
    reason: "SameEnds",
  };
}

function targetTaken(target: End, holder: Replication): Problem {
  return {
    field: "spec.destinationNamespace",
    value: target.namespace,
    message: `the older Replication ${nameOf(holder)} already writes ${target.label}`,
    remedy: `name another destination, or delete ${nameOf(holder)} first`,
    reason: "TargetTaken",
  };
}

function cycle(source: End, path: readonly Replication[]): Problem {
  return {
    field: "spec.sourceNamespace",
    value: source.namespace,
    message: `${source.label} is itself a standby of this destination, through ${path.map(nameOf).join(", ")}`,
    remedy: "delete one of these Replications first, or name another destination",
    reason: "Cycle",
  };
}

/** Older Replications that lead from `target` back to `source`: the youngest of a cycle is the one in the wrong. */
function findCycle(replication: Replication, source: End, target: End, edges: Edges): Replication[] | undefined {
  const own = nameOf(replication);
  const seen = new Set<Replication>();
  const open: { at: End; path: Replication[] }[] = [{ at: target, path: [] }];
  for (let step = open.shift(); step !== undefined; step = open.shift()) {
    for (const { replication: other, to } of edges.from(step.at)) {
      if (seen.has(other) || nameOf(other) === own || !isOlder(other, replication)) continue;
      seen.add(other);
      const path = [...step.path, other];
      if (isSameEnd(to, source)) return path;
      open.push({ at: to, path });
    }
  }
  return undefined;
}
