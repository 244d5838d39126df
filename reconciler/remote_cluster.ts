/**
 * One RemoteCluster: reads its kubeconfig, keeps its link, writes its status.
 *
 * @module
 */
import { type ConditionUpdate, setCondition } from "../crds/conditions.ts";
import { APPROVE } from "../crds/keys.ts";
import type { Condition, RemoteCluster, RemoteClusterStatus } from "../crds/types.ts";
import { type ClusterAddress, ConfigError } from "../kube/config.ts";
import type { CallReport } from "../kube/transport_types.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import type { Cluster } from "./cluster.ts";
import { ClusterLink, identityHoldId, type LinkState } from "./cluster_link.ts";
import type { Clock } from "./clock.ts";
import { addressIn, kubeconfigIn, type KubeconfigProblem } from "./kubeconfig_secret.ts";
import type { Log } from "../kube/log.ts";
import type { Metrics } from "./metrics.ts";
import { onlyStatusDiffers } from "./verdicts.ts";
import type { ClusterUse } from "./permission_review.ts";

/** What a RemoteCluster needs. */
export interface RemoteClusterPorts {
  connect(address: ClusterAddress, onCall: (report: CallReport) => void): KubeClient;
  /** Secret of the control namespace; undefined when there is none. */
  secret(name: string): KubeObject | undefined;
  /** Namespaces that Replications read and write in this cluster. */
  uses(): readonly ClusterUse[];
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  random(): number;
  /** The cluster came, went, or changed its health: Replications look again, the status is written. */
  changed(): void;
}

/** A RemoteCluster at work. */
export class RemoteClusterRunner {
  readonly #ports: RemoteClusterPorts;
  #object: RemoteCluster;
  #link: ClusterLink | undefined;
  #kubeconfig: string | undefined;
  #configError: KubeconfigProblem | undefined;
  #clusterId: string | undefined;

  constructor(object: RemoteCluster, ports: RemoteClusterPorts) {
    this.#object = object;
    this.#ports = ports;
    this.#clusterId = object.status?.clusterId || undefined;
  }

  get object(): RemoteCluster {
    return this.#object;
  }

  /** The usable cluster; undefined until it was reached, and while its identity is another. */
  get cluster(): Cluster | undefined {
    return this.#link?.cluster;
  }

  get state(): LinkState {
    return this.#link?.state ?? {};
  }

  /** Why there is no usable cluster, for a Replication's status. */
  get problem(): string | undefined {
    return this.#configError?.message ?? this.state.error?.message ??
      (this.cluster === undefined ? "not reached yet" : undefined);
  }

  /** Whether the first answer is still awaited: no news, good or bad. */
  get connecting(): boolean {
    return this.#configError === undefined && this.#link !== undefined && this.state.reachable === undefined;
  }

  /** The object or its Secret changed. */
  update(object: RemoteCluster): void {
    const onlyStatus = onlyStatusDiffers(this.#object, object);
    const problem = this.#configError?.message;
    this.#object = object;
    this.#approve();
    const text = this.#readKubeconfig();
    if (text === this.#kubeconfig && (this.#link !== undefined || text === undefined)) {
      if (!onlyStatus || this.#configError?.message !== problem) this.#ports.changed();
      return;
    }
    this.#kubeconfig = text;
    if (text === undefined) this.close();
    else this.#open(text);
    this.#ports.changed();
  }

  /** Somebody met an error that this cluster may be the cause of. */
  probe(): void {
    void this.#link?.probe();
  }

  close(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  /** The status as it should be. */
  status(now: Date): RemoteClusterStatus {
    const { state } = this;
    const before = this.#object.status ?? {};
    let conditions: Condition[] | undefined = before.conditions;
    const observedGeneration = this.#object.metadata.generation;
    for (const update of this.#conditions(state)) {
      conditions = setCondition(conditions, { ...update, observedGeneration }, now);
    }
    const changed = state.error?.reason === "IdentityChanged" ? state.clusterId : undefined;
    const known = before.holds?.find((hold) => changed !== undefined && hold.id === identityHoldId(changed));
    return {
      ...before,
      observedGeneration,
      health: healthOf(this.#configError !== undefined, state),
      clusterId: this.#clusterId,
      kubernetesVersion: state.kubernetesVersion ?? before.kubernetesVersion,
      holds: changed === undefined ? undefined : [
        known ?? {
          id: identityHoldId(changed),
          type: "IdentityChanged",
          count: 1,
          reason: "another cluster answers behind this kubeconfig",
          since: now.toISOString().replace(/\.\d{3}Z$/, "Z"),
          sample: [changed],
        },
      ],
      conditions,
    };
  }

  #readKubeconfig(): string | undefined {
    const found = kubeconfigIn(this.#ports.secret(this.#object.spec.kubeconfigSecretRef.name), this.#object);
    if (typeof found === "string") return found;
    this.#configError = found;
    return undefined;
  }

  /** A link of this kubeconfig: the one there is, under another credential, if there is one. */
  #open(base64: string): void {
    const address = addressIn(base64);
    this.#configError = "message" in address ? address : undefined;
    if ("message" in address) return this.close();
    try {
      if (this.#link === undefined) this.#connect(address);
      else this.#link.renew(address);
    } catch (error) {
      // Certificates that cannot be used are noticed only here.
      if (!(error instanceof ConfigError)) throw error;
      this.#configError = { reason: error.reason, message: error.message };
      this.close();
    }
  }

  #connect(address: ClusterAddress): void {
    this.#link = new ClusterLink({
      ...this.#ports,
      connect: (address, onCall) => this.#ports.connect(address, onCall),
      uses: () => this.#ports.uses(),
      random: () => this.#ports.random(),
      name: this.#object.metadata.name,
      address,
      checkPermissions: true,
      pinnedClusterId: () => this.#clusterId,
      changed: () => this.#onLink(),
    });
    this.#link.start();
  }

  #onLink(): void {
    // Pinned at first contact, in the same turn as the cluster becomes usable.
    if (this.#clusterId === undefined) this.#clusterId = this.#link?.cluster?.clusterId;
    this.#approve();
    this.#ports.changed();
  }

  /** A person accepted the new identity. */
  #approve(): void {
    const { error, clusterId } = this.state;
    if (error?.reason !== "IdentityChanged" || clusterId === undefined) return;
    const approved = (this.#object.metadata.annotations?.[APPROVE] ?? "").split(",").map((id) => id.trim());
    if (!approved.includes(identityHoldId(clusterId))) return;
    this.#ports.log.warn("identity of cluster {cluster} approved", { cluster: this.#object.metadata.name, clusterId });
    this.#clusterId = clusterId;
    const text = this.#kubeconfig;
    this.close();
    if (text !== undefined) this.#open(text);
  }

  #conditions(state: LinkState): Omit<ConditionUpdate, "observedGeneration">[] {
    const config = this.#configError === undefined
      ? { type: "KubeconfigValid", status: "True" as const, reason: "Valid", message: "the kubeconfig can be used" }
      : { type: "KubeconfigValid", status: "False" as const, ...this.#configError };
    if (this.#configError !== undefined || state.reachable === undefined) {
      const message = this.#configError === undefined ? "not probed yet" : "no usable kubeconfig";
      return [config, { type: "Reachable", status: "Unknown", reason: "NotProbed", message }];
    }
    return [config, reachableCondition(state), ...authorizedCondition(state)];
  }
}

function reachableCondition(state: LinkState): Omit<ConditionUpdate, "observedGeneration"> {
  if (state.error === undefined) {
    return { type: "Reachable", status: "True", reason: "Reachable", message: "the API server answers" };
  }
  const since = state.unreachableSinceWallMs;
  const waiting = since === undefined
    ? ""
    : `; nothing is written since ${
      new Date(since).toISOString().slice(0, 19)
    }Z: changes wait, and go out once it answers`;
  return {
    type: "Reachable",
    status: "False",
    reason: state.error.reason,
    message: state.error.message.slice(0, 1024) + waiting,
  };
}

function authorizedCondition(state: LinkState): Omit<ConditionUpdate, "observedGeneration">[] {
  const missing = state.missingPermissions;
  if (missing === undefined) return [];
  if (missing.length === 0) {
    return [{
      type: "Authorized",
      status: "True",
      reason: "Authorized",
      message: "the credential may do all that mirroring needs",
    }];
  }
  const message = `the credential lacks: ${missing.join("; ")}. Apply deploy/dr-cluster in that cluster, or set ` +
    "rbacObjects: Skip where only escalate and bind are missing";
  return [{ type: "Authorized", status: "False", reason: "PermissionsMissing", message: message.slice(0, 2048) }];
}

function healthOf(configInvalid: boolean, state: LinkState): NonNullable<RemoteClusterStatus["health"]> {
  if (configInvalid) return "Unhealthy";
  if (state.reachable === undefined) return "Unknown";
  if (!state.reachable) return "Unhealthy";
  if (state.missingPermissions === undefined) return "Unknown";
  return state.missingPermissions.length > 0 ? "Degraded" : "Healthy";
}
