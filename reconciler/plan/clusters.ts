/**
 * What a plan reads in the control cluster, and the clusters behind it: every client is one that stores nothing.
 *
 * @module
 */
import { REMOTE_CLUSTERS, REPLICATIONS } from "../../crds/resource_types.ts";
import { type AnyReplication, isSingle, type RemoteCluster } from "../../crds/types.ts";
import type { World } from "../../crds/validate.ts";
import type { ClusterAddress } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { listAll } from "../../kube/list_all.ts";
import { resolveTypes } from "../../kube/resolve_type.ts";
import type { KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { SECRETS } from "../builtin_types.ts";
import type { Clock } from "../clock.ts";
import { Cluster, readClusterId } from "../cluster.ts";
import { addressIn, kubeconfigIn } from "../kubeconfig_secret.ts";
import { DryRunClient } from "./dry_run_client.ts";

/** Why there is no plan, for people. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}

/** What a plan needs to reach clusters. */
export interface PlanPorts {
  /** The control cluster, which is the source unless a Replication names another. */
  readonly client: KubeClient;
  connect(address: ClusterAddress): KubeClient;
  readonly controlNamespace: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A cluster and the dry writes of one plan in it. */
export interface PlannedCluster {
  readonly cluster: Cluster;
  readonly client: DryRunClient;
}

/** The control cluster's objects and the clusters they lead to. */
export class PlanClusters implements Disposable {
  readonly remoteClusters: ReadonlyMap<string, RemoteCluster>;
  /** Of the control namespace. */
  readonly replications: readonly AnyReplication[];
  readonly #ports: PlanPorts;
  readonly #opened = new Map<string | undefined, Promise<PlannedCluster>>();
  readonly #remotes: KubeClient[] = [];

  private constructor(ports: PlanPorts, remotes: readonly RemoteCluster[], replications: readonly AnyReplication[]) {
    this.#ports = ports;
    this.remoteClusters = new Map(remotes.map((remote) => [remote.metadata.name, remote]));
    this.replications = replications;
  }

  /** Reads our objects in the control namespace; those that are given take their place. Throws `KubeError`. */
  static async read(ports: PlanPorts, given: readonly RemoteCluster[] = []): Promise<PlanClusters> {
    const [remotes, replications] = await Promise.all([
      readObjects(ports, REMOTE_CLUSTERS),
      readObjects(ports, REPLICATIONS),
    ]);
    const known = new Map(remotes.map((remote) => [remote.metadata.name, remote as RemoteCluster]));
    const both = given.map((remote) => ({ ...remote, status: known.get(remote.metadata.name)?.status }));
    return new PlanClusters(ports, [...known.values(), ...both], replications as AnyReplication[]);
  }

  /** A Replication by namespace and name; undefined when there is none. Throws `KubeError`. */
  async findReplication(namespace: string, name: string): Promise<AnyReplication | undefined> {
    const { client, controlNamespace, signal } = this.#ports;
    if (namespace === controlNamespace) return this.replications.find(({ metadata }) => metadata.name === name);
    try {
      return await client.get(REPLICATIONS, { namespace, name }, { signal }) as AnyReplication;
    } catch (error) {
      if (isKubeError(error, "NotFound", "KindMissing")) return undefined;
      throw error;
    }
  }

  /** The cluster that a name stands for (undefined: the control cluster), with its catalogue; opened once. Throws `PlanError`, `KubeError`. */
  open(name: string | undefined): Promise<PlannedCluster> {
    let opening = this.#opened.get(name);
    if (opening === undefined) {
      opening = this.#open(name);
      this.#opened.set(name, opening);
    }
    return opening;
  }

  async #open(name: string | undefined): Promise<PlannedCluster> {
    const { clock, signal } = this.#ports;
    const real = name === undefined ? this.#ports.client : await this.#connect(name);
    const client = new DryRunClient(real);
    const clusterId = await readClusterId(client, { signal });
    this.#checkIdentity(name, clusterId);
    const cluster = new Cluster({ name: name ?? "(own cluster)", client, clusterId, clock, onReconnect: () => {} });
    await cluster.refreshCatalogue(signal);
    return { cluster, client };
  }

  /** What a verdict on a Replication needs to know. */
  world(local: Cluster | undefined, source: Cluster | undefined, isTenant: boolean): World {
    return {
      controlNamespace: this.#ports.controlNamespace,
      tenantMode: isTenant,
      localClusterId: local?.clusterId,
      remoteClusters: this.remoteClusters,
      replications: this.replications.filter(isSingle),
      knownTypes: (_cluster, spelling) =>
        source?.catalogue === undefined
          ? undefined
          : resolveTypes(source.catalogue.discovery, spelling).some((type) => type.namespaced),
      now: new Date(this.#ports.clock.wallMs()),
    };
  }

  [Symbol.dispose](): void {
    for (const remote of this.#remotes) remote.close();
  }

  async #connect(name: string): Promise<KubeClient> {
    const { client, connect, controlNamespace: namespace, signal } = this.#ports;
    const remote = this.remoteClusters.get(name);
    if (remote === undefined) {
      throw new PlanError(`there is no RemoteCluster ${name} in namespace ${namespace}: create it first`);
    }
    const secretRef = { namespace, name: remote.spec.kubeconfigSecretRef.name };
    const secret = await client.get(SECRETS, secretRef, { signal }).catch((error: unknown) => {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    });
    const found = kubeconfigIn(secret, remote);
    const address = typeof found === "string" ? addressIn(found) : found;
    if ("message" in address) throw new PlanError(`RemoteCluster ${name}: ${address.message}`);
    const remoteClient = connect(address);
    this.#remotes.push(remoteClient);
    return remoteClient;
  }

  /** Another cluster behind the same name: the controller would write nothing either. */
  #checkIdentity(name: string | undefined, clusterId: string): void {
    const pinned = name === undefined ? undefined : this.remoteClusters.get(name)?.status?.clusterId;
    if (pinned === undefined || pinned === "" || pinned === clusterId) return;
    throw new PlanError(
      `RemoteCluster ${name}: another cluster (${clusterId}) answers than the one that was pinned (${pinned}): ` +
        "correct its kubeconfig, or approve the hold in its status",
    );
  }
}

/** None where our definitions are not installed yet. */
async function readObjects(ports: PlanPorts, type: ResourceType): Promise<KubeObject[]> {
  const { client, controlNamespace: namespace, signal } = ports;
  const objects: KubeObject[] = [];
  try {
    for await (const page of listAll(client, type, { namespace, signal })) objects.push(...page.items);
  } catch (error) {
    if (!isKubeError(error, "KindMissing")) throw error;
  }
  return objects;
}
