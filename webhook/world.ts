/**
 * What the admission thread knows of the world: plain data, as it can be sent to it.
 *
 * @module
 */
import { edgesOf } from "../crds/edges.ts";
import type { AnyReplication, RemoteCluster, Replication } from "../crds/types.ts";
import { describe, validateRemoteCluster, validateReplication, type Verdict, type World } from "../crds/validate.ts";
import type { Edges } from "../crds/world.ts";
import type { ResourceType } from "../kube/types.ts";
import type { ReviewRequest } from "./review.ts";
import type { Judgement } from "./server.ts";

/** A `World` without functions; what is left out is not known, which warns at most. */
export interface WorldSnapshot {
  readonly controlNamespace: string;
  readonly tenantMode: boolean;
  readonly localClusterId?: string;
  /** RemoteClusters of the control namespace. */
  readonly remoteClusters: readonly RemoteCluster[];
  /** All Replications of one namespace. */
  readonly replications: readonly Replication[];
  /** Kinds by cluster; see `spellingsOf`. A cluster that is not in here is not known. */
  readonly knownTypes?: readonly KnownTypes[];
  /** Names of all Secrets of the control namespace. */
  readonly secretNames?: readonly string[];
}

/** How the kinds of one cluster may be spelled. */
export interface KnownTypes {
  /** Name of its RemoteCluster; undefined: the controller's own. */
  readonly cluster: string | undefined;
  /** In lower case. */
  readonly spellings: readonly string[];
}

/** What of a Replication others are judged by: what is written all the time stays at home. */
export function withoutStatus({ apiVersion, kind, metadata, spec }: Replication): Replication {
  return { apiVersion, kind, metadata: { ...metadata, managedFields: undefined }, spec };
}

/** Every accepted spelling of namespaced kinds, in lower case: plural, singular, kind, short names; bare or `.group`. */
export function spellingsOf(types: readonly ResourceType[]): string[] {
  const spellings = types.filter((type) => type.namespaced).flatMap((type) =>
    [type.resource, type.singular, type.kind, ...type.shortNames]
      .filter((name) => name !== "")
      .flatMap((name) => type.group === "" ? [name] : [name, `${name}.${type.group}`])
  );
  return [...new Set(spellings.map((spelling) => spelling.toLowerCase()))];
}

/** The world of a snapshot. Built once a snapshot; `now` is asked for each verdict. */
export function restoreWorld(snapshot: WorldSnapshot): (now: Date) => World {
  const remoteClusters = new Map(snapshot.remoteClusters.map((cluster) => [cluster.metadata.name, cluster]));
  const types = new Map((snapshot.knownTypes ?? []).map((known) => [known.cluster, new Set(known.spellings)]));
  const secrets = snapshot.secretNames === undefined ? undefined : new Set(snapshot.secretNames);
  const { controlNamespace, tenantMode, localClusterId, replications } = snapshot;
  let edges: Edges | undefined;
  return (now) => ({
    controlNamespace,
    tenantMode,
    localClusterId,
    remoteClusters,
    replications,
    get edges(): Edges {
      return edges ??= edgesOf(this);
    },
    knownTypes: (cluster, spelling) => types.get(cluster)?.has(spelling.toLowerCase()),
    secretExists: (name) => secrets?.has(name),
    now,
  });
}

/** Judges a create or update of our kinds. Until a world is known (`undefined`), and for other kinds: no objection. */
export function judgeRequest(request: ReviewRequest, world: World | undefined): Judgement {
  if (world === undefined || request.object === undefined) return { denials: [], warnings: [] };
  const verdict = verdictOn(request, world);
  return { denials: verdict.denials.map(describe), warnings: verdict.warnings.map(describe) };
}

/** The API server has checked the schema before it asks, so the kind alone decides the type. */
function verdictOn(request: ReviewRequest, world: World): Verdict {
  if (request.resource === "replications") return validateReplication(request.object as AnyReplication, world);
  if (request.resource === "remoteclusters") return validateRemoteCluster(request.object as RemoteCluster, world);
  return { denials: [], warnings: [] };
}
