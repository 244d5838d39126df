/**
 * Verdicts on Replications, worked out once for each change of what they depend on. A status is written all the time and is no
 * such change.
 *
 * @module
 */
import { findCondition } from "../crds/conditions.ts";
import { edgesOf } from "../crds/edges.ts";
import type { AnyReplication, RemoteCluster } from "../crds/types.ts";
import { validateReplication, type Verdict, type World } from "../crds/validate.ts";
import { nameOf } from "../crds/world.ts";
import type { KubeObject } from "../kube/types.ts";

/** What verdicts need. */
export interface VerdictPorts {
  /** Everything that a verdict may look at, as it is now. */
  world(): World;
  /** What the world does not tell of itself: the admission server, too, judges by it. Compared by identity. */
  circumstances(): readonly unknown[];
  /** A Replication was judged. */
  judged(): void;
}

/** See the module. */
export class Verdicts {
  readonly #ports: VerdictPorts;
  readonly #known = new Map<string, Verdict>();
  #basis: readonly unknown[] = [];
  #world: World | undefined;

  constructor(ports: VerdictPorts) {
    this.#ports = ports;
  }

  /** Something has changed. Whether any verdict may be another one now. */
  look(): boolean {
    const world = this.#ports.world();
    const basis = [...basisOf(world), ...this.#ports.circumstances()];
    if (basis.length === this.#basis.length && basis.every((part, index) => part === this.#basis[index])) return false;
    this.#basis = basis;
    this.#world = { ...world, edges: edgesOf(world) };
    this.#known.clear();
    return true;
  }

  /** The verdict on a Replication, by what was there at the last look. */
  of(replication: AnyReplication): Verdict {
    const key = keyOf(replication);
    let verdict = this.#known.get(key);
    if (verdict === undefined) {
      this.#ports.judged();
      verdict = validateReplication(replication, this.#world ?? this.#ports.world());
      this.#known.set(key, verdict);
    }
    return verdict;
  }
}

/** Whether two states of an object differ at most in what a write of the status changes. */
export function onlyStatusDiffers(a: KubeObject, b: KubeObject): boolean {
  return a === b || askedOf(a) === askedOf(b);
}

function askedOf({ metadata }: KubeObject): string {
  // The generation counts changes of the spec, and the deletion.
  const { uid, generation, labels, annotations, finalizers, ownerReferences } = metadata;
  return JSON.stringify([uid, generation, labels, annotations, finalizers, ownerReferences]);
}

/** What verdicts depend on, but for the kinds that clusters serve: equal when all verdicts are equal. */
function basisOf({ localClusterId, remoteClusters, replications }: World): unknown[] {
  return [localClusterId, ...[...remoteClusters.values()].map(markOfCluster), ...replications.map(markOf)];
}

function markOf({ metadata }: KubeObject): string {
  const { namespace, name, uid, generation, creationTimestamp } = metadata;
  return `${namespace}/${name} ${uid} ${generation} ${creationTimestamp}`;
}

/** Its identity and whether its kubeconfig can be used are in its status. */
function markOfCluster(cluster: RemoteCluster): string {
  const valid = findCondition(cluster.status?.conditions, "KubeconfigValid");
  return JSON.stringify([markOf(cluster), cluster.status?.clusterId, valid?.status, valid?.message]);
}

/** One that is not stored yet has no generation. */
function keyOf(replication: AnyReplication): string {
  const { uid, generation } = replication.metadata;
  return uid === undefined ? `${nameOf(replication)} ${JSON.stringify(replication.spec)}` : `${uid} ${generation}`;
}
