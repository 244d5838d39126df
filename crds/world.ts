/**
 * What a verdict needs to know besides the object, and what follows from both.
 *
 * @module
 */
import type { AnyReplication, RemoteCluster, Replication } from "./types.ts";

/** Everything known when an object is judged. */
export interface World {
  /** Namespace of the controller: the only one whose objects are honoured, unless in tenant mode. */
  readonly controlNamespace: string;
  readonly tenantMode: boolean;
  /** uid of Namespace kube-system in the controller's own cluster, once known. */
  readonly localClusterId?: string;
  /** RemoteClusters of the control namespace by name. */
  readonly remoteClusters: ReadonlyMap<string, RemoteCluster>;
  /** All other Replications of one namespace. The judged one is left out when it is in here. */
  readonly replications: readonly Replication[];
  /** `edgesOf` these, where many are judged by the same world; worked out for each verdict otherwise. */
  readonly edges?: Edges;
  /** Whether a cluster (undefined: the controller's own) serves a kind; undefined: not known. */
  knownTypes?(cluster: string | undefined, spelling: string): boolean | undefined;
  /** Whether a Secret of the control namespace exists; undefined: not known. */
  secretExists?(name: string): boolean | undefined;
  readonly now: Date;
}

/** One end of a Replication. */
export interface End {
  /** Equal for equal clusters: its id once known, until then its RemoteCluster's name. */
  readonly clusterKey: string;
  readonly namespace: string;
  /** For people: `cluster/namespace`. */
  readonly label: string;
}

/** A honoured Replication, as the way from one namespace to another. */
export interface Edge {
  readonly replication: Replication;
  readonly from: End;
  readonly to: End;
}

/** All edges of a world, found by either end. */
export interface Edges {
  from(end: End): readonly Edge[];
  to(end: End): readonly Edge[];
}

/** Where a Replication reads. */
export function sourceOf({ spec }: Replication, world: World): End {
  return endOf(spec.sourceCluster, spec.sourceNamespace, world);
}

/** Where a Replication writes. */
export function targetOf(replication: Replication, world: World): End {
  return endOf(replication.spec.destinationCluster, destinationNamespaceOf(replication), world);
}

/** The namespace a Replication writes: the source's name when it names none. */
export function destinationNamespaceOf({ spec }: Replication): string {
  return spec.destinationNamespace ?? spec.sourceNamespace;
}

/** The schedule of a Replication in mode Scheduled: its own, or its RemoteCluster's; undefined in other modes. */
export function scheduleOf({ spec }: AnyReplication, remoteCluster: RemoteCluster | undefined): string | undefined {
  if (spec.replicationMode !== "Scheduled") return undefined;
  return spec.schedule ?? remoteCluster?.spec.defaultSchedule;
}

/** The kinds a Replication mirrors, as they are spelled: its own, its RemoteCluster's, or all. */
export function resourceTypesOf({ spec }: AnyReplication, remoteCluster: RemoteCluster | undefined): readonly string[] {
  const lists = [spec.resourceTypes, remoteCluster?.spec.defaultResourceTypes];
  return lists.find((list) => list !== undefined && list.length > 0) ?? ["*"];
}

/** `namespace/name` of an object. */
export function nameOf({ metadata }: AnyReplication | RemoteCluster): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** A namespace of a cluster (undefined: the controller's own), as an end. */
export function endOf(cluster: string | undefined, namespace: string, world: World): End {
  const label = `${cluster ?? "(own cluster)"}/${namespace}`;
  const id = cluster === undefined ? world.localClusterId : world.remoteClusters.get(cluster)?.status?.clusterId;
  const clusterKey = id !== undefined && id !== "" ? `id:${id}` : cluster === undefined ? "own" : `name:${cluster}`;
  return { clusterKey, namespace, label };
}

/** Whether two ends are the same namespace of the same cluster. */
export function isSameEnd(a: End, b: End): boolean {
  return a.clusterKey === b.clusterKey && a.namespace === b.namespace;
}
