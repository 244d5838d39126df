/**
 * What looks after a standby beside its Replicator: the backstop that keeps it empty, the classes that its copies need, the
 * definitions that follow the source's, and its Namespace.
 *
 * @module
 */
import type { Log } from "../kube/log.ts";
import { apiVersionOf, groupResource, type ResourceType } from "../kube/types.ts";
import { Backstop } from "./backstop.ts";
import { DEFINITIONS, NAMESPACES, RESOURCE_QUOTAS } from "./builtin_types.ts";
import type { Clock } from "./clock.ts";
import type { Cluster } from "./cluster.ts";
import { DefinitionSync } from "./definition_sync.ts";
import { Dependencies, type DependencyFacts } from "./dependencies.ts";
import { isBuiltIn } from "./desired/built_in.ts";
import type { Pods } from "./desired/pods.ts";
import type { Fence } from "./fence.ts";
import type { Finding } from "./finding.ts";
import { kindsOfDrAlone, type LostKind, LostKinds } from "./lost_kinds.ts";
import type { MirrorIdentity, MirrorOptions } from "./mirror_context.ts";
import { NamespaceSync } from "./namespace_sync.ts";
import type { Replicator } from "./replicator.ts";
import type { StandbyFacts } from "./standby_quiet.ts";
import type { VolumeSeries } from "./volumes/volume_metrics.ts";
import type { Tell } from "./volumes/volume_news.ts";
import { VolumeSync } from "./volumes/volume_sync.ts";
import type { VolumeSettings } from "./volumes/volume_settings.ts";
import type { VolumeFacts } from "./volumes/volume_status.ts";
import type { WritesUnderWay } from "./writes_under_way.ts";

/** What they need of their Replication. */
export interface CompanionPorts {
  /** namespace/name of the Replication, for audit lines. */
  readonly name: string;
  readonly source: Cluster;
  readonly target: Cluster;
  readonly identity: MirrorIdentity;
  readonly fence: Fence;
  /** What is written to the target; its owner ends it. */
  readonly writes: WritesUnderWay;
  readonly options: MirrorOptions;
  /** Every change is mirrored at once. */
  readonly continuous: boolean;
  /** Whether sources are watched. */
  readonly watch: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly auditLog: Log;
  readonly signal: AbortSignal;
  /** How volumes are copied; undefined where they are no matter. */
  readonly volumes?: () => VolumeSettings;
  /** The `sync-now` value that volumes have carried out, as far as the status knows. */
  readonly lastManualSync?: string;
  readonly volumeSeries: VolumeSeries;
  /** Writes an Event of the Replication. */
  readonly tell: Tell;
  leads(): boolean;
  /** Something that the status shows has changed. */
  changed(): void;
}

/** What they know, for the status. */
export interface CompanionFacts {
  readonly standby: StandbyFacts;
  readonly dependencies: DependencyFacts;
  /** Definitions, and the Namespace, that are not as the source has them. */
  readonly findings: readonly Finding[];
  /** Kinds that the source does not serve any more and of which copies are in DR. */
  readonly lostKinds: readonly LostKind[];
  /** Undefined where none are copied. */
  readonly volumes?: VolumeFacts;
}

/** See the module. One for each start of a Replication. */
export class Companions {
  readonly #ports: CompanionPorts;
  readonly #abort = new AbortController();
  readonly #backstop: Backstop;
  readonly #dependencies: Dependencies;
  readonly #definitions: DefinitionSync | undefined;
  readonly #lostKinds: LostKinds;
  readonly #namespace: NamespaceSync;
  readonly #volumes: VolumeSync | undefined;
  #replicator: Replicator | undefined;
  #cleanups: readonly (() => void)[] = [];

  constructor(ports: CompanionPorts) {
    this.#ports = ports;
    const signal = AbortSignal.any([ports.signal, this.#abort.signal]);
    const { changed } = ports;
    this.#backstop = this.#openBackstop(signal);
    this.#dependencies = new Dependencies({
      classes: ports.target.classes,
      signal,
      users: () => this.#replicator?.memory.namedClasses() ?? [],
      named: () => this.#replicator?.memory.classes ?? new Set(),
      changed,
    });
    this.#definitions = ports.options.crds === "Sync" ? this.#openDefinitions(signal) : undefined;
    this.#namespace = this.#openNamespace(signal);
    this.#volumes = ports.volumes === undefined ? undefined : this.#openVolumes(signal, ports.volumes);
    this.#lostKinds = new LostKinds({
      ...ports.identity,
      counts: ports.target.copyCounts,
      clock: ports.clock,
      signal,
      kinds: () => this.#kindsOfDrAlone(),
      changed,
    });
  }

  get facts(): CompanionFacts {
    return {
      standby: this.#backstop.facts,
      dependencies: this.#dependencies.facts,
      findings: [...this.#namespace.findings, ...this.#definitions?.findings ?? []],
      lostKinds: this.#lostKinds.findings,
      volumes: this.#volumes?.facts,
    };
  }

  /** Holds that a person has approved. */
  approve(ids: ReadonlySet<string>): void {
    this.#volumes?.approve(ids);
  }

  /** A value of `sync-now` that the mirror has carried out. */
  syncNow(value: string): void {
    this.#volumes?.syncNow(value);
  }

  /** Sets the quota before anything is mirrored. Never fails. */
  async prepare(): Promise<void> {
    await this.#backstop.prepare();
  }

  /** Begins to follow the clusters and the Replicator. */
  start(replicator: Replicator): void {
    const { source, target } = this.#ports;
    this.#replicator = replicator;
    this.#backstop.start();
    const { watch, continuous } = this.#ports;
    this.#cleanups = [source, target].map((end) => end.onCatalogue(() => this.#catalogueChanged()));
    if (watch && continuous) this.#cleanups = [...this.#cleanups, this.#namespace.follow(source.objects)];
  }

  /** Copies, or the Replicator's last pass, may be others. */
  copiesChanged(): void {
    const pass = this.#replicator?.lastPass;
    this.#backstop.allowanceChanged();
    this.#dependencies.changed(pass);
    this.#definitions?.passed(pass);
    if (pass !== undefined) this.#lostKinds.passed(pass);
    this.#namespace.passed(pass);
    this.#volumes?.passed(pass);
  }

  /** Time has passed: what was not as it should be may be by now. */
  tick(): void {
    this.#backstop.tick();
    this.#dependencies.tick();
    this.#definitions?.tick();
    this.#lostKinds.tick();
    this.#namespace.tick();
  }

  stop(): void {
    this.#abort.abort();
    for (const cleanup of this.#cleanups) cleanup();
  }

  #catalogueChanged(): void {
    this.#definitions?.look();
    this.#lostKinds.look();
  }

  #kindsOfDrAlone(): ResourceType[] | undefined {
    const { source, target } = this.#ports;
    const followed = this.#replicator?.plan.kinds ?? [];
    if (source.catalogue === undefined || target.catalogue === undefined || followed.length === 0) return undefined;
    const names = new Set(followed.map(({ name }) => name));
    return kindsOfDrAlone(target.catalogue.discovery, names, source.catalogue.discovery.stale);
  }

  #openBackstop(signal: AbortSignal): Backstop {
    const { target, identity, fence, writes, options, clock, changed } = this.#ports;
    return new Backstop({
      client: writes.over(target.client),
      namespace: identity.destinationNamespace,
      replicationId: identity.replicationId,
      scaleToZero: options.scaleToZero,
      clock,
      signal,
      types: () => target.catalogue?.discovery.types ?? [],
      mayWrite: () => this.#mayWrite(),
      recheckFence: () => fence.recheck(),
      allowance: () => this.#allowance(),
      audit: (...what) => this.#audit(RESOURCE_QUOTAS, ...what),
      changed,
    });
  }

  #openDefinitions(signal: AbortSignal): DefinitionSync {
    const { source, target, writes, options, changed } = this.#ports;
    return new DefinitionSync({
      source: source.client,
      target: writes.over(target.client),
      sourceClusterId: source.clusterId,
      trackingKeys: options.trackingKeys,
      signal,
      names: () => this.#customKinds(),
      mayWrite: () => this.#mayWrite(),
      audit: (...what) => this.#audit(DEFINITIONS, ...what),
      changed,
    });
  }

  #openNamespace(signal: AbortSignal): NamespaceSync {
    const { source, target, identity, fence, writes, options, changed } = this.#ports;
    return new NamespaceSync({
      source: source.client,
      target: writes.over(target.client),
      identity,
      options,
      signal,
      mayWrite: () => this.#mayWrite(),
      recheckFence: () => fence.recheck(),
      audit: (...what) => this.#audit(NAMESPACES, ...what),
      changed,
    });
  }

  #openVolumes(signal: AbortSignal, settings: () => VolumeSettings): VolumeSync {
    return new VolumeSync({
      ...this.#ports,
      settings,
      series: this.#ports.volumeSeries,
      signal,
      mayWrite: () => this.#mayWrite(),
      audit: (type, operation, name) => this.#audit(type, operation, name, ""),
    });
  }

  #mayWrite(): boolean {
    return this.#ports.fence.open && this.#ports.leads();
  }

  /** Pods that overrides let run, and whether every copy is known. */
  #allowance(): { readonly pods: Pods; readonly complete: boolean } {
    const replicator = this.#replicator;
    if (replicator === undefined) return { pods: 0, complete: false };
    const isRead = [...replicator.followers.values()].every(({ error }) => error === undefined);
    return { pods: replicator.memory.pods, complete: replicator.lastPass !== undefined && isRead };
  }

  /** Custom kinds that have copies in DR. */
  #customKinds(): string[] {
    const copies = this.#replicator?.memory.copiesByKind();
    const kinds = this.#replicator?.plan.kinds ?? [];
    const custom = kinds.filter(({ source, selected }) => selected && !isBuiltIn(apiVersionOf(source)));
    return custom.map(({ name }) => name).filter((name) => (copies?.get(name) ?? 0) > 0);
  }

  #audit(type: ResourceType, operation: string, name: string, resourceVersion: string): void {
    const { auditLog, identity, target, name: replication } = this.#ports;
    const namespace = type.namespaced ? identity.destinationNamespace : undefined;
    const line = { operation, kind: groupResource(type), name, namespace, cluster: target.name, replication };
    auditLog.info("{operation} {kind} {name}", { ...line, resourceVersion });
  }
}
