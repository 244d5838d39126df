/**
 * What a credential lacks for what it is used for, looked at beside the work and now and then: a few calls at a time.
 *
 * @module
 */
import type { Replication } from "../crds/types.ts";
import { isKubeError } from "../kube/errors.ts";
import { Semaphore } from "../kube/semaphore.ts";
import type { KubeClient, ResourceType } from "../kube/types.ts";
import { type AccessAsker, askAccess } from "./access_review.ts";
import type { Clock } from "./clock.ts";
import { describeLacks, lacksOf, readRules, type Use } from "./permissions.ts";

/** A namespace whose rules are complete, and allow all, is asked for again after this long. */
const CONTENT_MS = 60_000;
/** One where something is missing sooner: somebody may be about to grant it. */
const MISSING_MS = 20_000;
/** Namespaces looked at at once. */
const AT_ONCE = 4;

/** A namespace of the cluster that a Replication reads or writes. */
export interface ClusterUse {
  readonly namespace: string;
  readonly use: Use;
  /** Whether Roles and RoleBindings are written there. */
  readonly rbacObjects: boolean;
  /** Whether data of volumes is copied from or to there. */
  readonly volumes?: boolean;
}

/** What a review needs. */
export interface ReviewPorts {
  client(): KubeClient;
  /** Kinds that the cluster serves. Throws `KubeError`. */
  types(): Promise<readonly ResourceType[]>;
  uses(): readonly ClusterUse[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A round has ended: `missing` is of now. */
  done(): void;
  failed(error: unknown): void;
}

interface Known {
  readonly atMs: number;
  readonly missing: readonly string[];
}

/** Asked for with each probe; does what is due. */
export class PermissionReview {
  readonly #ports: ReviewPorts;
  readonly #known = new Map<string, Known>();
  #running = false;
  #generation = 0;
  #missing: readonly string[] | undefined;

  constructor(ports: ReviewPorts) {
    this.#ports = ports;
  }

  /** What is missing, as of the last round; undefined before the first. */
  get missing(): readonly string[] | undefined {
    return this.#missing;
  }

  /** Another credential: nothing is known of it. */
  forget(): void {
    this.#generation++;
    this.#known.clear();
  }

  /** Begins a round if one is due and none is under way; returns at once. */
  look(): void {
    const uses = orAny(this.#ports.uses());
    const ids = new Set(uses.map(idOf));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    const due = uses.filter((use) => this.#isDue(use));
    if (this.#running || this.#ports.signal.aborted) return;
    if (due.length === 0) return this.#conclude(uses);
    this.#running = true;
    void this.#round(due).then(() => this.#conclude(uses), (error: unknown) => this.#onFailure(error))
      .finally(() => this.#running = false);
  }

  #isDue(use: ClusterUse): boolean {
    const known = this.#known.get(idOf(use));
    if (known === undefined) return true;
    return this.#ports.clock.monotonicMs() - known.atMs >= (known.missing.length === 0 ? CONTENT_MS : MISSING_MS);
  }

  async #round(due: readonly ClusterUse[]): Promise<void> {
    const { client, types, signal } = this.#ports;
    const served = await types();
    const places = new Semaphore(AT_ONCE);
    const access = askAccess(client(), signal);
    const looks = due.map(async (use) => {
      if (!await places.acquire(signal)) return;
      try {
        await this.#lookAt(use, served, access);
      } finally {
        places.release();
      }
    });
    for (const result of await Promise.allSettled(looks)) if (result.status === "rejected") throw result.reason;
  }

  async #lookAt(use: ClusterUse, served: readonly ResourceType[], access: AccessAsker): Promise<void> {
    const generation = this.#generation;
    const { rules, incomplete } = await readRules(this.#ports.client(), use.namespace, this.#ports.signal);
    const seeming = lacksOf(rules, served, use);
    // What the server cannot list it may grant all the same: a webhook that authorizes, for example.
    const lacks = incomplete ? await access.without(seeming, use.namespace) : seeming;
    if (generation !== this.#generation) return;
    this.#known.set(idOf(use), { atMs: this.#ports.clock.monotonicMs(), missing: describeLacks(lacks) });
  }

  #onFailure(error: unknown): void {
    this.#ports.failed(error);
    // A server that does not even tell what it allows.
    if (this.#missing !== undefined || !isKubeError(error, "Forbidden")) return;
    this.#missing = ["create on selfsubjectrulesreviews.authorization.k8s.io"];
    this.#ports.done();
  }

  #conclude(uses: readonly ClusterUse[]): void {
    const known = uses.map((use) => this.#known.get(idOf(use)));
    // A use came, or the credential changed, meanwhile: the next round tells.
    if (known.some((one) => one === undefined)) return;
    this.#missing = [...new Set(known.flatMap((one) => one?.missing ?? []))];
    this.#ports.done();
  }
}

/** Namespaces that Replications read or write in a RemoteCluster; one that is both is written. */
export function usesOf(replications: readonly Replication[], remoteCluster: string): ClusterUse[] {
  const uses = new Map<string, ClusterUse>();
  for (const { spec } of replications) {
    const { sourceNamespace, destinationNamespace = sourceNamespace } = spec;
    const volumes = spec.pvc?.syncData === true;
    if (spec.sourceCluster === remoteCluster && !uses.has(sourceNamespace)) {
      uses.set(sourceNamespace, { namespace: sourceNamespace, use: "Source", rbacObjects: false, volumes });
    }
    if (spec.destinationCluster === remoteCluster) {
      const rbacObjects = spec.rbacObjects !== "Skip";
      uses.set(destinationNamespace, { namespace: destinationNamespace, use: "Standby", rbacObjects, volumes });
    }
  }
  return [...uses.values()];
}

/** Before the first Replication a credential is measured by any namespace; whether it will write Roles nobody knows yet. */
function orAny(uses: readonly ClusterUse[]): readonly ClusterUse[] {
  return uses.length === 0 ? [{ namespace: "default", use: "Standby", rbacObjects: false }] : uses;
}

function idOf({ namespace, use, rbacObjects, volumes = false }: ClusterUse): string {
  return `${namespace}/${use}/${rbacObjects}/${volumes}`;
}
