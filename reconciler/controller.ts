/**
 * The controller: follows our kinds and their Secrets, runs a runner for each RemoteCluster and Replication while it leads.
 *
 * @module
 */
import { REMOTE_CLUSTERS, REPLICATIONS } from "../crds/resource_types.ts";
import { type AnyReplication, isSingle } from "../crds/types.ts";
import type { RemoteCluster, RemoteClusterStatus, Replication } from "../crds/types.ts";
import type { World } from "../crds/validate.ts";
import type { ClusterAddress } from "../kube/config.ts";
import type { CallReport } from "../kube/transport_types.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import { SECRETS } from "./builtin_types.ts";
import { systemClock as timers, waitFor } from "../kube/clock.ts";
import { watchCatalogue } from "./catalogue_watch.ts";
import { Cluster, readClusterId } from "./cluster.ts";
import type { Clock } from "./clock.ts";
import { Families } from "./family/families.ts";
import { holderOf } from "./fence.ts";
import { followObjects, type ObjectStore } from "./follow.ts";
import type { Hint } from "./hint.ts";
import { worldOf } from "./known_world.ts";
import type { Log } from "../kube/log.ts";
import type { Metrics } from "./metrics.ts";
import { usesOf } from "./permission_review.ts";
import { RemoteClusterRunner } from "./remote_cluster.ts";
import { ReplicationRunner } from "./replication.ts";
import { spread } from "./spread.ts";
import { StatusWriter } from "./status_writer.ts";
import { heirOf } from "./teardown/heir.ts";
import { onlyStatusDiffers, Verdicts } from "./verdicts.ts";

/** What the controller is made of. */
export interface ControllerOptions {
  readonly client: KubeClient;
  connect(address: ClusterAddress, onCall?: (report: CallReport) => void): KubeClient;
  readonly controlNamespace: string;
  readonly tenantMode: boolean;
  /** Off: hints only, for installations that may not watch. */
  readonly watch: boolean;
  /** Keys of labels and annotations that do not travel, beside the known ones. */
  readonly trackingKeys: readonly string[];
  /** How long the end of a Replication may make no headway before what is left in DR is left. */
  readonly teardownTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly auditLog: Log;
  readonly metrics: Metrics;
  random(): number;
  /** Whether this process leads at this very moment; asked before each write. */
  leads(): boolean;
  /** Whether writes of this namespace are announced to us now. */
  hintsServed(namespace: string): boolean;
  event(regarding: KubeObject, type: "Normal" | "Warning", reason: string, note: string): void;
  /** What the admission server judges by has changed. */
  onWorld(): void;
  /** What it observes has changed. */
  onObserved(): void;
}

const OWN_CLUSTER = "(own cluster)";
const RETRY_MS = 1_000;

interface Term {
  readonly abort: AbortController;
  readonly local: Cluster;
  readonly remotes: Map<string, RemoteClusterRunner>;
  readonly remoteWriters: Map<string, { writer: StatusWriter<RemoteClusterStatus>; abort: AbortController }>;
  readonly replications: Map<string, ReplicationRunner>;
  readonly families: Families;
}

/** See the module. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #abort = new AbortController();
  readonly #remotes: ObjectStore;
  readonly #replications: ObjectStore;
  readonly #secrets: ObjectStore;
  readonly #verdicts: Verdicts;
  /** How often a cluster began to serve other kinds. */
  #catalogueChanges = 0;
  #localClusterId: string | undefined;
  readonly #identified: Promise<void>;
  #term: Term | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { client, controlNamespace, tenantMode } = options;
    const { signal } = this.#abort;
    const changed = () => this.#onObjects();
    this.#remotes = followObjects(client, REMOTE_CLUSTERS, controlNamespace, changed, signal);
    this.#replications = followObjects(
      client,
      REPLICATIONS,
      tenantMode ? undefined : controlNamespace,
      changed,
      signal,
    );
    this.#secrets = followObjects(client, SECRETS, controlNamespace, changed, signal);
    this.#verdicts = new Verdicts({
      world: () => this.world(),
      circumstances: () => [this.synced, this.#catalogueChanges, ...this.#clusters(), ...this.secretNames().sort()],
      judged: () => options.metrics.validations.inc(),
    });
    this.#identified = this.#identify();
  }

  /** Who does not lead judges by it, too. */
  async #identify(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && this.#localClusterId === undefined) {
      try {
        this.#localClusterId = await readClusterId(this.#options.client, { signal });
        this.#onObjects();
      } catch {
        await waitFor(timers, RETRY_MS, signal);
      }
    }
  }

  /** Whether our kinds, their Secrets and the own cluster's identity are known: all that objects are judged by. */
  get synced(): boolean {
    return this.#localClusterId !== undefined && this.#remotes.synced && this.#replications.synced &&
      this.#secrets.synced;
  }

  get leading(): boolean {
    return this.#term?.abort.signal.aborted === false;
  }

  get localClusterId(): string | undefined {
    return this.#localClusterId;
  }

  /** Namespaces of the own cluster whose writes are to be announced. */
  get observedNamespaces(): string[] {
    const names = [...this.#term?.replications.values() ?? []].map((runner) => runner.observedNamespace);
    return [...new Set(names.filter((name) => name !== undefined))].sort();
  }

  /** Everything that verdicts need. */
  world(): World {
    const { controlNamespace, tenantMode, clock } = this.#options;
    return worldOf({
      controlNamespace,
      tenantMode,
      localClusterId: this.#localClusterId,
      remoteClusters: this.remoteClusters(),
      replications: this.replications(),
      secretNames: this.#secrets.synced ? this.secretNames() : undefined,
      cluster: (name) => name === undefined ? this.#term?.local : this.#term?.remotes.get(name)?.cluster,
      wallMs: clock.wallMs(),
    });
  }

  remoteClusters(): RemoteCluster[] {
    return this.#remotes.objects() as RemoteCluster[];
  }

  /** Those of one namespace. */
  replications(): Replication[] {
    return this.#allReplications().filter(isSingle);
  }

  #allReplications(): AnyReplication[] {
    return this.#replications.objects() as AnyReplication[];
  }

  secretNames(): string[] {
    return this.#secrets.objects().map((secret) => secret.metadata.name);
  }

  /** The clusters whose kinds are known, for the admission server. */
  catalogues(): { cluster: string | undefined; catalogue: NonNullable<Cluster["catalogue"]> }[] {
    return this.#clusters().flatMap((cluster) =>
      cluster.catalogue === undefined
        ? []
        : [{ cluster: cluster === this.#term?.local ? undefined : cluster.name, catalogue: cluster.catalogue }]
    );
  }

  /** The own cluster, while this process leads, and the others that are reached. */
  #clusters(): Cluster[] {
    const term = this.#term;
    return term === undefined
      ? []
      : [term.local, ...[...term.remotes.values()].flatMap(({ cluster }) => cluster ?? [])];
  }

  /** Takes over: from here on this process writes, until `resign`. Waits for the own cluster as long as it takes. */
  async lead(term: AbortSignal): Promise<void> {
    const { metrics, log } = this.#options;
    const local = await this.#reachOwnCluster(term);
    if (local === undefined) return;
    const abort = new AbortController();
    const remotes = new Map<string, RemoteClusterRunner>();
    const families = this.#newFamilies((name) => name === undefined ? local : remotes.get(name)?.cluster);
    this.#term = { abort, local, remotes, remoteWriters: new Map(), replications: new Map(), families };
    this.#follow(local, log, abort.signal);
    metrics.leader.set(1);
    this.#onObjects();
  }

  async #reachOwnCluster(term: AbortSignal): Promise<Cluster | undefined> {
    const { client, clock, metrics, log } = this.#options;
    while (!term.aborted) {
      try {
        this.#localClusterId ??= await readClusterId(client, { signal: term });
        const local = new Cluster({
          name: OWN_CLUSTER,
          client,
          clusterId: this.#localClusterId,
          clock,
          onReconnect: (cluster, kind) => metrics.watchReconnects.inc({ cluster, kind }),
        });
        await local.refreshCatalogue(term);
        return local;
      } catch (error) {
        log.warn("cannot reach the own cluster: {reason}", { reason: String(error) });
        await waitFor(timers, RETRY_MS, term);
      }
    }
    return undefined;
  }

  /** Begins no write any more; resolves when those in flight are answered, or cut off after `graceMs`. Leads on until `resign`. */
  async halt(graceMs: number): Promise<void> {
    const term = this.#term;
    if (term === undefined) return;
    term.abort.abort();
    for (const { abort } of term.remoteWriters.values()) abort.abort();
    await Promise.all([term.families.stop(), ...[...term.replications.values()].map((one) => one.stop(graceMs))]);
  }

  /** Gives up leading; what is in flight and was not waited for by `halt` is cut off. */
  async resign(): Promise<void> {
    const term = this.#term;
    if (term === undefined) return;
    await this.halt(0);
    this.#term = undefined;
    this.#options.metrics.leader.set(0);
    for (const remote of term.remotes.values()) remote.close();
  }

  async close(): Promise<void> {
    await this.resign();
    this.#abort.abort();
    await Promise.all([this.#identified, this.#remotes.done, this.#replications.done, this.#secrets.done]);
  }

  /** How long the turn of a key that moved least has not moved. */
  get oldestStepMs(): number {
    const clusters = [...this.#term?.remotes.values() ?? []].flatMap((remote) => remote.cluster ?? []);
    return Math.max(0, ...clusters.map((cluster) => cluster.dispatcher.oldestStepMs));
  }

  /** Writes that admission announced. */
  hints(hints: readonly Hint[]): void {
    const runners = this.#term?.replications.values();
    if (runners === undefined) return;
    for (const runner of [...runners]) for (const hint of hints) runner.hint(hint);
  }

  /** The backstop: everything is compared, one Replication after the other within `spanMs`. */
  async resync(spanMs: number): Promise<void> {
    const term = this.#term;
    if (term === undefined) return;
    await Promise.allSettled(this.#clusters().map((cluster) => cluster.refreshCatalogue(term.abort.signal)));
    await spread([...term.replications.values()], spanMs, (runner) => runner.resync(), timers, term.abort.signal);
  }

  #onObjects(): void {
    const isNews = this.#verdicts.look();
    const term = this.#term;
    if (term !== undefined && this.synced && !term.abort.signal.aborted) {
      this.#arrangeRemotes(term);
      this.#arrangeReplications(term);
      term.families.arrange(isNews);
    }
    if (isNews) this.#onNews();
  }

  /** Verdicts may be others now. */
  #onNews(): void {
    this.#options.onWorld();
    for (const runner of this.#term?.replications.values() ?? []) runner.kick();
  }

  #follow(cluster: Cluster, log: Log, signal: AbortSignal): void {
    watchCatalogue(cluster, log, signal);
    cluster.onCatalogue(() => {
      this.#catalogueChanges++;
      this.#onObjects();
    });
  }

  #arrangeRemotes(term: Term): void {
    const objects = new Map(this.remoteClusters().map((object) => [object.metadata.name, object]));
    for (const [name, runner] of term.remotes) {
      if (objects.get(name)?.metadata.uid === runner.object.metadata.uid) continue;
      runner.close();
      term.remotes.delete(name);
      term.remoteWriters.get(name)?.abort.abort();
      term.remoteWriters.delete(name);
    }
    for (const [name, object] of objects) {
      const known = term.remotes.get(name);
      if (known === undefined) this.#addRemote(term, object);
      else known.update(object);
    }
  }

  #addRemote(term: Term, object: RemoteCluster): void {
    const { client, clock, log, metrics, connect, random } = this.#options;
    const { name } = object.metadata;
    let watched: Cluster | undefined;
    const runner = new RemoteClusterRunner(object, {
      connect,
      secret: (secretName) => this.#secret(secretName),
      uses: () => usesOf(this.replications(), name),
      clock,
      log,
      metrics,
      random,
      changed: () => {
        if (term.abort.signal.aborted) return;
        if (runner.cluster !== undefined && runner.cluster !== watched) {
          watched = runner.cluster;
          this.#follow(watched, log, term.abort.signal);
        }
        term.remoteWriters.get(name)?.writer.changed();
        if (this.#verdicts.look()) this.#onNews();
        for (const replication of term.replications.values()) if (replication.uses(name)) replication.kick();
        term.families.arrange(true);
      },
    });
    const abort = new AbortController();
    const writer = new StatusWriter<RemoteClusterStatus>({
      client,
      type: REMOTE_CLUSTERS,
      namespace: this.#options.controlNamespace,
      name,
      clock,
      signal: abort.signal,
      compute: () => ({ object: runner.object, status: runner.status(new Date(clock.wallMs())) }),
      written: (before, after, written) => this.#announceHealth(written, before, after),
      failed: (error) =>
        log.warn("cannot write status of RemoteCluster {name}: {reason}", { name, reason: String(error) }),
    });
    term.remoteWriters.set(name, { writer, abort });
    term.remotes.set(name, runner);
    runner.update(object);
    writer.changed();
  }

  #announceHealth(object: KubeObject, before: RemoteClusterStatus | undefined, after: RemoteClusterStatus): void {
    if (before?.health === after.health || after.health === "Unknown") return;
    const wrong = after.conditions?.find((condition) => condition.status === "False");
    const note = `health is ${after.health}${wrong === undefined ? "" : `: ${wrong.message}`}`;
    this.#options.event(object, after.health === "Healthy" ? "Normal" : "Warning", wrong?.reason ?? "Healthy", note);
  }

  #arrangeReplications(term: Term): void {
    const objects = new Map(
      this.replications().map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object]),
    );
    for (const [name, runner] of term.replications) {
      const object = objects.get(name);
      if (object?.metadata.uid === runner.object.metadata.uid) continue;
      term.replications.delete(name);
      void runner.stop();
    }
    for (const [name, object] of objects) {
      const known = term.replications.get(name);
      if (known !== undefined) {
        if (onlyStatusDiffers(known.object, object)) known.noteStatus(object);
        else known.update(object);
        continue;
      }
      const runner = this.#newReplication(term, object);
      term.replications.set(name, runner);
      runner.kick();
    }
  }

  #newReplication(term: Term, object: Replication): ReplicationRunner {
    const options = this.#options;
    return new ReplicationRunner(object, {
      client: options.client,
      holder: holderOf(this.#localClusterId ?? "", options.controlNamespace),
      watch: options.watch,
      trackingKeys: options.trackingKeys,
      teardownTimeoutMs: options.teardownTimeoutMs,
      heir: (replication) => heirOf(replication, this.world()),
      leads: () => options.leads(),
      clock: options.clock,
      log: options.log,
      auditLog: options.auditLog,
      metrics: options.metrics,
      random: options.random,
      localCluster: () => term.local,
      remoteCluster: (name) => term.remotes.get(name),
      judge: (replication) => this.#verdicts.of(replication),
      hintsServed: (namespace) => options.hintsServed(namespace),
      event: (replication, type, reason, note) => options.event(replication, type, reason, note),
      onRunning: () => options.onObserved(),
    });
  }

  #newFamilies(cluster: (name: string | undefined) => Cluster | undefined): Families {
    const options = this.#options;
    return new Families({
      ...options,
      leads: () => options.leads(),
      event: (...event) => options.event(...event),
      all: () => this.#allReplications(),
      cluster,
      judge: (replication) => this.#verdicts.of(replication),
    });
  }

  #secret(name: string): KubeObject | undefined {
    return this.#secrets.get(this.#options.controlNamespace, name);
  }
}
