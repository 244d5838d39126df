/**
 * The connection to one cluster behind a RemoteCluster: kubeconfig, identity, probes, permissions.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { ClusterAddress } from "../kube/config.ts";
import { isKubeError } from "../kube/errors.ts";
import type { CallReport } from "../kube/transport_types.ts";
import type { KubeClient } from "../kube/types.ts";
import { Cluster, readClusterId } from "./cluster.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "../kube/log.ts";
import type { Metrics } from "./metrics.ts";
import { type ClusterUse, PermissionReview } from "./permission_review.ts";

const PROBE_MS = 10_000;
const MAX_RETRY_MS = 30_000;
const PROBE_DEADLINE_MS = 5_000;

/** State of the link, as the RemoteCluster's status shows it. */
export interface LinkState {
  /** Undefined before the first probe. */
  readonly reachable?: boolean;
  /** Why it is not reachable. */
  readonly error?: {
    readonly reason: "Unreachable" | "Unauthorized" | "IdentityChanged" | "Failed";
    readonly message: string;
  };
  readonly unreachableSinceWallMs?: number;
  readonly kubernetesVersion?: string;
  /** Identity that the server shows; differs from the pinned one after IdentityChanged. */
  readonly clusterId?: string;
  /** What the credential lacks; undefined before the first look. */
  readonly missingPermissions?: readonly string[];
  /** How often the kubeconfig in use was replaced: what was refused before is worth another try. */
  readonly renewals?: number;
}

/** What a link needs. */
export interface LinkPorts {
  readonly name: string;
  readonly address: ClusterAddress;
  connect(address: ClusterAddress, onCall: (report: CallReport) => void): KubeClient;
  /** The pinned identity; undefined before the first contact. */
  pinnedClusterId(): string | undefined;
  /** Namespaces whose permissions count, and what for. */
  uses(): readonly ClusterUse[];
  /** Whether the role of a DR credential is to be checked (not for a source). */
  readonly checkPermissions: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  random(): number;
  changed(): void;
}

/** A link: probes until it is closed. `cluster` is there once the identity has been confirmed. */
export class ClusterLink {
  readonly #ports: LinkPorts;
  readonly #client: KubeClient;
  /** Another kubeconfig, which takes over once the same cluster has answered behind it. */
  #candidate: { readonly address: ClusterAddress; readonly client: KubeClient } | undefined;
  /** How often the kubeconfig was another one. */
  #renewals = 0;
  readonly #abort = new AbortController();
  readonly #permissions: PermissionReview;
  #cluster: Cluster | undefined;
  #state: LinkState = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #probing: Promise<void> | undefined;

  constructor(ports: LinkPorts) {
    this.#ports = ports;
    this.#client = ports.connect(ports.address, (report) => this.#note(report));
    this.#permissions = this.#reviewPermissions();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The cluster, once reached and its identity confirmed; stays through outages, goes when the identity changes. */
  get cluster(): Cluster | undefined {
    return this.#state.error?.reason === "IdentityChanged" ? undefined : this.#cluster;
  }

  start(): void {
    void this.probe();
  }

  /**
   * Another kubeconfig for the same cluster. Nothing is begun until its identity is confirmed behind it; then calls, watches and
   * memory go on as they are. Throws ConfigError for unusable certificates.
   */
  renew(address: ClusterAddress): void {
    const client = this.#ports.connect(address, () => {});
    this.#candidate?.client.close();
    this.#candidate = { address, client };
    this.#renewals++;
    this.#permissions.forget();
    this.#cluster?.dispatcher.pause();
    this.#failures = 0;
    void this.probe();
  }

  /** Probes now: somebody met an error. Calls at the same time share one probe. */
  probe(): Promise<void> {
    clearTimeout(this.#timer);
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
      this.#schedule();
    });
    return this.#probing;
  }

  close(): void {
    const { metrics, name } = this.#ports;
    for (const gauge of [metrics.targetUp, metrics.targetConcurrency]) gauge.remove({ cluster: name });
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#cluster?.close();
    this.#candidate?.client.close();
    this.#client.close();
  }

  #schedule(): void {
    if (this.#abort.signal.aborted) return;
    const ceiling = this.#failures === 0 ? PROBE_MS : Math.min(MAX_RETRY_MS, 500 * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => void this.probe(), ceiling * (0.5 + this.#ports.random() / 2));
  }

  async #probe(): Promise<void> {
    const { clock, metrics, name } = this.#ports;
    const renewals = this.#renewals;
    const startedMs = clock.monotonicMs();
    try {
      const call = { signal: this.#abort.signal, deadlineMs: PROBE_DEADLINE_MS };
      const client = this.#probed;
      const [version, clusterId] = await Promise.all([
        client.json("GET", "/version", undefined, call) as Promise<{ gitVersion?: string }>,
        readClusterId(client, call),
      ]);
      metrics.targetLatency.observe({ cluster: name }, (clock.monotonicMs() - startedMs) / 1000);
      if (renewals === this.#renewals) await this.#reached(clusterId, version.gitVersion);
    } catch (error) {
      if (!this.#abort.signal.aborted && renewals === this.#renewals) this.#lost(error);
    }
    // What was learned is of a kubeconfig that is not the one of now.
    if (renewals !== this.#renewals && !this.#abort.signal.aborted) await this.#probe();
  }

  /** Behind whichever kubeconfig is the one of now. */
  get #probed(): KubeClient {
    return this.#candidate?.client ?? this.#client;
  }

  /** The same cluster answers behind the other kubeconfig. */
  #takeOver(): void {
    if (this.#candidate === undefined) return;
    const { address, client } = this.#candidate;
    this.#candidate = undefined;
    this.#client.updateAddress(address);
    client.close();
    this.#ports.log.info("the new kubeconfig of cluster {cluster} is in use", { cluster: this.#ports.name });
  }

  async #reached(clusterId: string, kubernetesVersion: string | undefined): Promise<void> {
    // What is at work knows its identity before anybody has pinned it.
    const pinned = this.#ports.pinnedClusterId() ?? this.#cluster?.clusterId;
    if (pinned !== undefined && pinned !== clusterId) {
      const message =
        `the server behind this kubeconfig has identity ${clusterId}, not ${pinned}: nothing is written; ` +
        "point the Secret back, or approve the hold in status.holds if the cluster was rebuilt on purpose";
      // In this very turn: what waits in the queue is meant for another cluster.
      this.#cluster?.dispatcher.pause();
      return this.#update({
        ...this.#state,
        reachable: false,
        clusterId,
        kubernetesVersion,
        error: { reason: "IdentityChanged", message },
      });
    }
    this.#takeOver();
    this.#cluster ??= new Cluster({
      name: this.#ports.name,
      client: this.#client,
      clusterId,
      clock: this.#ports.clock,
      onReconnect: (cluster, kind) => this.#ports.metrics.watchReconnects.inc({ cluster, kind }),
      onLimit: () => this.#showConcurrency(),
    });
    this.#showConcurrency();
    if (this.#cluster.catalogue === undefined) await this.#cluster.refreshCatalogue(this.#abort.signal);
    this.#failures = 0;
    // Another kubeconfig may have come meanwhile, and is to be looked at first.
    if (this.#candidate !== undefined) return;
    this.#ports.metrics.targetUp.set({ cluster: this.#ports.name }, 1);
    const { missing: missingPermissions } = this.#permissions;
    this.#update({ reachable: true, clusterId, kubernetesVersion, missingPermissions, renewals: this.#renewals });
    this.#cluster.dispatcher.resume();
    if (this.#ports.checkPermissions) this.#permissions.look();
  }

  #showConcurrency(): void {
    const limit = this.#cluster?.dispatcher.limit;
    if (limit !== undefined) this.#ports.metrics.targetConcurrency.set({ cluster: this.#ports.name }, limit);
  }

  /**
   * Only writes are like writes; any call that is throttled or not answered tells of the server. After one without an
   * answer nothing more is begun until a probe is answered, which with a server that lives takes milliseconds.
   */
  #note({ method, tookMs, outcome, retryAfterMs }: CallReport): void {
    const dispatcher = this.#cluster?.dispatcher;
    if (outcome === "throttled") dispatcher?.noteCall({ type: "Throttled", tookMs, retryAfterMs });
    else if (outcome === "timedOut") dispatcher?.noteCall({ type: "TimedOut", tookMs });
    if (outcome === "timedOut" || outcome === "unanswered" || outcome === "unauthorized") this.#suspect();
    else if (outcome === "answered" && method !== "GET") dispatcher?.noteCall({ type: "Answered", tookMs });
  }

  #suspect(): void {
    // A probe decides: its own calls fail, too, and while the cluster is away the next one has its time.
    if (this.#probing !== undefined || this.#state.reachable !== true || this.#abort.signal.aborted) return;
    this.#cluster?.dispatcher.pause();
    void this.probe();
  }

  #reviewPermissions(): PermissionReview {
    const { uses, clock, log, name } = this.#ports;
    const { signal } = this.#abort;
    return new PermissionReview({
      client: () => this.#probed,
      types: async () => this.#cluster?.catalogue?.discovery.types ?? (await this.#probed.discover({ signal })).types,
      uses,
      clock,
      signal,
      done: () => this.#update({ ...this.#state, missingPermissions: this.#permissions.missing }),
      failed: (error) => {
        if (!signal.aborted) {
          log.debug("cannot ask what {cluster} allows: {reason}", { cluster: name, reason: String(error) });
        }
      },
    });
  }

  #lost(error: unknown): void {
    this.#failures++;
    this.#ports.metrics.targetUp.set({ cluster: this.#ports.name }, 0);
    // Another cluster stays another cluster, though it does not answer at present: only its own identity ends that.
    if (this.#state.error?.reason === "IdentityChanged") return this.#update({ ...this.#state, reachable: false });
    const message = error instanceof Error ? error.message : String(error);
    const reason = !isKubeError(error)
      ? "Failed"
      : error.reason === "Unauthorized" || error.reason === "Forbidden"
      ? "Unauthorized"
      : "Unreachable";
    // Writes would only fail one by one: they wait until a probe is answered.
    this.#cluster?.dispatcher.pause();
    this.#update({
      ...this.#state,
      reachable: false,
      error: { reason, message },
      unreachableSinceWallMs: this.#state.unreachableSinceWallMs ?? this.#ports.clock.wallMs(),
    });
    // A credential that may not even see the identity: all that it lacks says more than the one call that was refused.
    if (this.#ports.checkPermissions && isKubeError(error, "Forbidden")) this.#permissions.look();
  }

  #update(state: LinkState): void {
    const changed = JSON.stringify(state) !== JSON.stringify(this.#state);
    if (state.reachable !== this.#state.reachable) {
      const { log, name } = this.#ports;
      if (state.reachable) log.info("cluster {cluster} answers", { cluster: name, version: state.kubernetesVersion });
      else log.warn("cluster {cluster} cannot be used: {reason}", { cluster: name, reason: state.error?.message });
    }
    this.#state = state;
    if (changed) this.#ports.changed();
  }
}

/** Id of the hold that asks to accept another identity: a digest of that identity. */
export function identityHoldId(clusterId: string): string {
  return createHash("sha256").update(`IdentityChanged\n${clusterId}`).digest("hex").slice(0, 10);
}
