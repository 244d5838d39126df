/**
 * The world as the controller knows it, for verdicts.
 *
 * @module
 */
import type { RemoteCluster, Replication } from "../crds/types.ts";
import type { World } from "../crds/validate.ts";
import { resolveTypes } from "../kube/resolve_type.ts";
import type { Cluster } from "./cluster.ts";

/** What is known. */
export interface KnownWorld extends Pick<World, "controlNamespace" | "tenantMode" | "localClusterId"> {
  readonly remoteClusters: readonly RemoteCluster[];
  readonly replications: readonly Replication[];
  /** Names of the Secrets of the control namespace; undefined until they are listed. */
  readonly secretNames: readonly string[] | undefined;
  /** The cluster of this name (undefined: the controller's own); undefined while it is not reached. */
  cluster(name: string | undefined): Cluster | undefined;
  readonly wallMs: number;
}

/** Everything that verdicts need. */
export function worldOf(known: KnownWorld): World {
  const { remoteClusters, secretNames, cluster, wallMs, ...same } = known;
  const secrets = secretNames === undefined ? undefined : new Set(secretNames);
  return {
    ...same,
    remoteClusters: new Map(remoteClusters.map((object) => [object.metadata.name, object])),
    knownTypes: (name, spelling) => {
      const catalogue = cluster(name)?.catalogue;
      if (catalogue === undefined) return undefined;
      return resolveTypes(catalogue.discovery, spelling).some((type) => type.namespaced);
    },
    secretExists: (name) => secrets?.has(name),
    now: new Date(wallMs),
  };
}
