/**
 * Replications by the ends they read and write: what a verdict looks up instead of asking every one of them.
 *
 * @module
 */
import { isHonoured } from "./tenancy.ts";
import { type Edges, type End, sourceOf, targetOf, type World } from "./world.ts";

/** The edges of a world, those that are not honoured left out. Made once for all verdicts by the same world. */
export function edgesOf(world: World): Edges {
  const edges = world.replications.filter((replication) => isHonoured(replication, world)).map((replication) => ({
    replication,
    from: sourceOf(replication, world),
    to: targetOf(replication, world),
  }));
  const [bySource, byTarget] = [
    Map.groupBy(edges, (edge) => key(edge.from)),
    Map.groupBy(edges, (edge) => key(edge.to)),
  ];
  return { from: (end) => bySource.get(key(end)) ?? [], to: (end) => byTarget.get(key(end)) ?? [] };
}

function key({ clusterKey, namespace }: End): string {
  return `${namespace} ${clusterKey}`;
}
