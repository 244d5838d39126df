/**
 * One Replication: from its spec and the state of both clusters to a running Replicator and a true status.
 *
 * Level-triggered: every event ends in `#reconcile`, which compares what should run with what runs.
 *
 * @module
 */
import { SYNC_NOW } from "../crds/keys.ts";
import { REPLICATIONS } from "../crds/resource_types.ts";
import type { Replication, ReplicationStatus } from "../crds/types.ts";
import { describe, scheduleOf, type Verdict } from "../crds/validate.ts";
import type { Cluster } from "./cluster.ts";
import { Companions } from "./companions.ts";
import { classify } from "./failure.ts";
import type { Fence } from "./fence.ts";
import type { Hint } from "./hint.ts";
import { DeletionLedger } from "./intents.ts";
import { OBJECT_STATES } from "./memory.ts";
import type { MirrorIdentity } from "./mirror_context.ts";
import { approvalsOf, deletionWindowOf, identityOf, mirrorOptionsOf, selectionOf } from "./replication_settings.ts";
import { announceChanges } from "./announce.ts";
import { ReconcileLoop } from "./reconcile_loop.ts";
import { runningFacts } from "./running_facts.ts";
import { Replicator } from "./replicator.ts";
import { Schedule } from "./schedule.ts";
import { type Ends, prepareStandby, proveStandby, type Standby, watchFence } from "./standby.ts";
import { computeStatus, type NotRunning, type StatusFacts } from "./status.ts";
import { StatusWriter } from "./status_writer.ts";
import { addFinalizer, hasFinalizer, isBeingDeleted } from "./teardown/finalizer.ts";
import { Teardown, type TeardownPorts } from "./teardown/teardown.ts";
import { endVolumes } from "./volumes/volume_end.ts";
import { VolumeSeries } from "./volumes/volume_metrics.ts";
import { hasVolumes, volumeSettingsOf } from "./volumes/volume_settings.ts";
import { FINISH_MS, WritesUnderWay } from "./writes_under_way.ts";

/** How often the fence is renewed, and everything that has no event is looked at again. */
const TICK_MS = 30_000;
/** The same while it does not run: a namespace that is missing, or a fence that is not ours, tells nobody when that ends. */
const WAITING_MS = 10_000;
/** How long the hook of a new namespace may take before its absence is told. */
const HINTS_GRACE_MS = 25_000;
/** Delay before a failed start is tried again. */
const RETRY_MS = 2_000;

/** What all Replications share. */
export interface ReplicationPorts extends TeardownPorts {
  readonly watch: boolean;
  /** Keys of labels and annotations that do not travel, beside the known ones. */
  readonly trackingKeys: readonly string[];
  random(): number;
  judge(replication: Replication): Verdict;
  /** Whether hints of a namespace of the own cluster reach us. */
  hintsServed(namespace: string): boolean;
  /** It began or ceased to run: the namespaces to observe have changed. */
  onRunning(): void;
}

interface Running extends Ends, Standby {
  readonly companions: Companions;
  readonly replicator: Replicator;
  readonly ledger: DeletionLedger;
  readonly identity: MirrorIdentity;
  readonly generation: number | undefined;
  readonly stop: () => void;
}

/** A Replication at work or waiting to be. */
export class ReplicationRunner {
  readonly #ports: ReplicationPorts;
  readonly #abort = new AbortController();
  readonly #writer: StatusWriter<ReplicationStatus>;
  readonly #schedule: Schedule;
  readonly #volumeSeries: VolumeSeries;
  #object: Replication;
  #running: Running | undefined;
  /** Set once it is being deleted. */
  #teardown: Teardown | undefined;
  #notRunning: NotRunning | undefined = { reason: "Starting", message: "the controller has just seen it" };
  #invalid: NotRunning | undefined;
  #denied = false;
  #fenced: string | undefined;
  #role: StatusFacts["role"];
  #epoch: number | undefined;
  /** The replication id that the epoch belongs to. */
  #epochOf: string | undefined;
  #lastManualSync: string | undefined;
  /** The value of `sync-now` that is being carried out. */
  #askedSync: string | undefined;
  #syncing = 0;
  #renewedAtMs = -Infinity;
  #startedAtMs = -Infinity;
  /** What is written to DR, by what runs or the teardown: ended before another may write. */
  #writes = new WritesUnderWay();
  /** `renewals` of the DR cluster while it answers. */
  #answering: number | undefined;
  readonly #loop: ReconcileLoop;

  constructor(object: Replication, ports: ReplicationPorts) {
    this.#object = object;
    this.#ports = ports;
    this.#epoch = object.status?.epoch;
    this.#epochOf = object.status?.replicationId;
    this.#lastManualSync = object.status?.lastManualSync;
    this.#volumeSeries = new VolumeSeries(ports.metrics.volumes, this.#name);
    this.#schedule = new Schedule(() => void this.#sync());
    this.#loop = new ReconcileLoop({
      signal: this.#abort.signal,
      reconcile: () =>
        this.#reconcile().then(
          () => this.#teardown?.retryInMs ?? (this.#running === undefined ? WAITING_MS : TICK_MS),
          (error: unknown) => this.#onFailure(error),
        ),
      settled: () => this.#writer.changed(),
    });
    this.#writer = new StatusWriter<ReplicationStatus>({
      client: ports.client,
      type: REPLICATIONS,
      namespace: object.metadata.namespace ?? "",
      name: object.metadata.name,
      clock: ports.clock,
      signal: this.#abort.signal,
      compute: () => ({ object: this.#object, status: computeStatus(this.#facts()) }),
      written: (before, after) => announceChanges(before, after, (...event) => ports.event(this.#object, ...event)),
      failed: (error) =>
        ports.log.warn("cannot write status of {replication}: {reason}", {
          replication: this.#name,
          reason: String(error),
        }),
    });
  }

  get object(): Replication {
    return this.#object;
  }

  /** The namespace of the own cluster whose writes are to be announced to us, if any. */
  get observedNamespace(): string | undefined {
    const { sourceCluster, sourceNamespace, replicationMode } = this.#object.spec;
    const observed = sourceCluster === undefined && replicationMode === "Continuous" && this.#running !== undefined;
    return observed ? sourceNamespace : undefined;
  }

  /** The object changed. */
  update(object: Replication): void {
    this.#object = object;
    // At once, whatever is being waited for: nothing is written any more.
    if (isBeingDeleted(object)) this.#stopRunning();
    this.kick();
  }

  /** Only its status was written. */
  noteStatus(object: Replication): void {
    this.#object = object;
  }

  /** Whether it reads or writes the RemoteCluster of this name. */
  uses(remoteCluster: string): boolean {
    const { sourceCluster, destinationCluster } = this.#object.spec;
    return sourceCluster === remoteCluster || destinationCluster === remoteCluster;
  }

  /** Something this Replication depends on may have changed. */
  kick(): void {
    this.#loop.kick();
  }

  hint(hint: Hint): void {
    if (this.#object.spec.sourceNamespace === hint.namespace) this.#running?.replicator.hint(hint);
  }

  /** The backstop: a full pass, for a Continuous Replication that is not in one. Not waited for: DR may be away. */
  resync(): void {
    if (this.#object.spec.replicationMode === "Continuous" && this.#syncing === 0) void this.#sync();
  }

  /** Ends it: no write begins any more, those in flight are cut off after `graceMs`. */
  async stop(graceMs = FINISH_MS): Promise<void> {
    this.#schedule.stop();
    this.#stopRunning();
    this.#abort.abort();
    await Promise.all([this.#writes.finish(graceMs), this.#loop.ended()]);
    this.#forgetMetrics();
  }

  get #name(): string {
    return `${this.#object.metadata.namespace}/${this.#object.metadata.name}`;
  }

  #onFailure(error: unknown): number {
    if (this.#abort.signal.aborted) return TICK_MS;
    const failure = classify(error);
    this.#notRunning = { reason: failure.failureClass, message: failure.message };
    this.#ports.log.warn("cannot start {replication}: {reason}", { replication: this.#name, reason: failure.message });
    return RETRY_MS;
  }

  async #reconcile(): Promise<void> {
    const verdict = this.#ports.judge(this.#object);
    const problem = verdict.denials[0] ?? verdict.warnings[0];
    this.#invalid = problem === undefined ? undefined : { reason: problem.reason, message: describe(problem) };
    this.#denied = verdict.denials.length > 0;
    if (isBeingDeleted(this.#object)) return await this.#tearDown();
    const ends = this.#denied ? undefined : this.#ends();
    if (ends === undefined || this.#mustRestart(ends)) this.#stopRunning();
    if (ends === undefined) return;
    const { client } = this.#ports;
    if (!hasFinalizer(this.#object) && !await addFinalizer(client, this.#object, this.#abort.signal)) return;
    if (this.#running === undefined) await this.#start(ends);
    else await this.#renew(this.#running);
    if (this.#running === undefined) return;
    this.#followAnnotations(this.#running);
    this.#followReachability(this.#running);
  }

  async #tearDown(): Promise<void> {
    this.#stopRunning();
    this.#teardown ??= new Teardown(
      this.#ports,
      this.#abort.signal,
      await this.#nextWrites(),
      () => this.#writer.changed(),
    );
    await endVolumes(this.#object, this.#epochOf, this.#ports, this.#abort.signal);
    await this.#teardown.step(this.#object, { replicationId: this.#epochOf, epoch: this.#epoch });
  }

  /** What failed while the DR cluster was away, or refused the former credential, need not wait for its back-off. */
  #followReachability({ replicator }: Running): void {
    const { reachable, renewals } = this.#ports.remoteCluster(this.#object.spec.destinationCluster)?.state ?? {};
    const answering = reachable === true ? renewals : undefined;
    if (answering !== undefined && answering !== this.#answering) replicator.retryNow();
    this.#answering = answering;
  }

  /** Both clusters, or why there is none. */
  #ends(): Ends | undefined {
    const { spec } = this.#object;
    const wait = (reason: string, message: string) => {
      this.#notRunning = { reason, message };
      return undefined;
    };
    if (spec.paused) return wait("Paused", "spec.paused is true");
    const target = this.#ports.remoteCluster(spec.destinationCluster);
    if (target?.cluster === undefined) {
      return wait(
        target?.connecting ? "Connecting" : "DestinationNotReady",
        `RemoteCluster ${spec.destinationCluster}: ${target?.problem ?? "does not exist"}`,
      );
    }
    const remoteSource = spec.sourceCluster === undefined ? undefined : this.#ports.remoteCluster(spec.sourceCluster);
    const source = spec.sourceCluster === undefined ? this.#ports.localCluster() : remoteSource?.cluster;
    if (source === undefined) {
      const name = spec.sourceCluster ?? "(own cluster)";
      return wait("SourceNotReady", `source cluster ${name}: ${remoteSource?.problem ?? "not reached yet"}`);
    }
    return { source, target: target.cluster };
  }

  #mustRestart(ends: Ends): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    return running.generation !== this.#object.metadata.generation || running.source !== ends.source ||
      running.target !== ends.target;
  }

  async #start(ends: Ends): Promise<void> {
    const { spec } = this.#object;
    await this.#nextWrites();
    const identity = identityOf(this.#object, ends);
    // Another replication id, another cluster: what is known of the former one's fence means nothing there.
    if (this.#epochOf !== undefined && this.#epochOf !== identity.replicationId) this.#epoch = undefined;
    const standby = await prepareStandby(ends, {
      identity,
      holder: this.#ports.holder,
      knownEpoch: this.#epoch,
      trackingKeys: this.#ports.trackingKeys,
      clock: this.#ports.clock,
      signal: this.#abort.signal,
      created: () => this.#auditNamespace(identity, ends.target),
    });
    if (standby === undefined) {
      const message = `namespace ${spec.sourceNamespace} does not exist`;
      this.#notRunning = { reason: "SourceNamespaceMissing", message };
      return;
    }
    this.#epochOf = identity.replicationId;
    this.#noteFence(standby.fence);
    const mayStart = () => !this.#abort.signal.aborted && !isBeingDeleted(this.#object);
    if (!standby.fence.open || !mayStart()) return;
    const companions = this.#openCompanions(ends, standby, identity);
    await companions.prepare();
    if (!mayStart()) return companions.stop();
    this.#startedAtMs = this.#ports.clock.monotonicMs();
    this.#running = this.#launch({ ...ends, ...standby, identity, companions, ledger: this.#openLedger() });
    this.#notRunning = undefined;
    this.#ports.onRunning();
  }

  #openCompanions(ends: Ends, { fence }: Standby, identity: MirrorIdentity): Companions {
    return new Companions({
      ...this.#ports,
      ...ends,
      leads: () => this.#ports.leads(),
      name: this.#name,
      identity,
      fence,
      writes: this.#writes,
      options: mirrorOptionsOf(this.#object.spec, this.#ports.trackingKeys),
      continuous: this.#object.spec.replicationMode === "Continuous",
      volumes: hasVolumes(this.#object) ? () => this.#volumeSettings() : undefined,
      lastManualSync: (this.#writer.last ?? this.#object.status)?.volumeStats?.lastManualSync,
      volumeSeries: this.#volumeSeries,
      tell: (...event) => this.#ports.event(this.#object, ...event),
      signal: this.#abort.signal,
      changed: () => this.#writer.changed(),
    });
  }

  #volumeSettings() {
    return volumeSettingsOf(this.#object, this.#ports.remoteCluster(this.#object.spec.destinationCluster)?.object);
  }

  #openLedger(): DeletionLedger {
    const window = deletionWindowOf(this.#object, this.#ports.clock.wallMs());
    return new DeletionLedger(window, () => this.#writer.flush());
  }

  #auditNamespace({ destinationNamespace }: MirrorIdentity, target: Cluster): void {
    this.#ports.auditLog.info("{operation} {kind} {name}", {
      operation: "create",
      kind: "namespaces",
      name: destinationNamespace,
      namespace: destinationNamespace,
      cluster: target.name,
      replication: this.#name,
    });
  }

  #launch(parts: Omit<Running, "replicator" | "generation" | "stop">): Running {
    const { spec } = this.#object;
    const { source, target, identity, namespace, fence, ledger, companions } = parts;
    const remote = this.#ports.remoteCluster(spec.destinationCluster)?.object;
    const abort = new AbortController();
    const replicator = new Replicator({
      ...this.#ports,
      random: () => this.#ports.random(),
      leads: () => this.#ports.leads(),
      name: this.#name,
      identity,
      options: mirrorOptionsOf(spec, this.#ports.trackingKeys),
      selection: selectionOf(this.#object, remote),
      adaptation: spec,
      source,
      target,
      fence,
      ledger,
      namespace,
      writes: this.#writes,
      continuous: spec.replicationMode === "Continuous",
      onUnreachable: () => this.#ports.remoteCluster(spec.destinationCluster)?.probe(),
      onChange: () => {
        companions.copiesChanged();
        this.#writer.changed();
      },
    });
    watchFence(target, identity, fence, () => this.kick(), abort.signal);
    companions.start(replicator);
    replicator.start();
    this.#schedule.set(scheduleOf(this.#object, remote), spec.timeZone);
    const stop = () => {
      abort.abort();
      companions.stop();
      replicator.stop();
      this.#schedule.stop();
    };
    return { ...parts, replicator, generation: this.#object.metadata.generation, stop };
  }

  async #renew(running: Running): Promise<void> {
    const { fence } = running;
    if (!fence.open) await fence.recheck();
    else if (this.#ports.clock.monotonicMs() - this.#renewedAtMs >= TICK_MS - 1_000) {
      this.#renewedAtMs = this.#ports.clock.monotonicMs();
      running.companions.tick();
      await proveStandby(running, running.replicator, running.ledger);
      running.replicator.holds.now();
    }
    this.#noteFence(fence);
    // A worker that meets another role or a higher epoch stops; opening again is a new start with a full pass.
    if (!fence.open) this.#stopRunning();
  }

  #noteFence(fence: Fence): void {
    const { verdict } = fence;
    this.#fenced = verdict.type === "Fenced" ? verdict.message : undefined;
    if (verdict.type === "Open" || verdict.type === "NotStandby") {
      this.#role = verdict.role;
      this.#epoch = verdict.epoch;
    }
    if (verdict.type === "Fenced") this.#notRunning = { reason: "Fenced", message: verdict.message };
    if (verdict.type === "NotStandby") {
      const message = `the DR namespace is ${verdict.role}: it is not written to until it is a Standby again`;
      this.#notRunning = { reason: "NotStandby", message };
    }
  }

  /** Waits for the writes of what ran before: one that comes late must not meet those of what follows. */
  async #nextWrites(): Promise<WritesUnderWay> {
    await this.#writes.finish(FINISH_MS);
    this.#abort.signal.throwIfAborted();
    return this.#writes = new WritesUnderWay();
  }

  #followAnnotations({ replicator, companions }: Running): void {
    replicator.holds.approve(approvalsOf(this.#object));
    companions.approve(approvalsOf(this.#object));
    const syncNow = this.#object.metadata.annotations?.[SYNC_NOW];
    if (syncNow !== undefined && syncNow === this.#lastManualSync) companions.syncNow(syncNow);
    if (syncNow === undefined || syncNow === this.#lastManualSync || syncNow === this.#askedSync) return;
    this.#askedSync = syncNow;
    void this.#syncFor(syncNow);
  }

  /** Echoed once it is carried out: a sync that is cut short is made up for. */
  async #syncFor(value: string): Promise<void> {
    await this.#sync();
    if (this.#askedSync !== value) return;
    this.#lastManualSync = value;
    this.#running?.companions.syncNow(value);
    this.#writer.changed();
  }

  async #sync(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#syncing++;
    this.#writer.changed();
    const { clock, metrics } = this.#ports;
    const startedMs = clock.monotonicMs();
    try {
      await running.replicator.resync();
      metrics.resync.observe({ replication: this.#name }, (clock.monotonicMs() - startedMs) / 1000);
    } catch (error) {
      this.#ports.log.error("full pass of {replication} failed: {reason}", {
        replication: this.#name,
        reason: String(error),
      });
    } finally {
      this.#syncing--;
      this.#writer.changed();
    }
  }

  #stopRunning(): void {
    if (this.#running === undefined) return;
    void this.#writes.finish(FINISH_MS);
    this.#running.stop();
    this.#volumeSeries.rest();
    this.#running = undefined;
    this.#askedSync = undefined;
    this.#ports.onRunning();
  }

  #facts(): StatusFacts {
    const running = this.#running;
    const { spec } = this.#object;
    const unreachableSince = this.#ports.remoteCluster(spec.destinationCluster)?.state.unreachableSinceWallMs;
    const facts = running === undefined
      ? undefined
      : runningFacts(running.replicator, running, unreachableSince, this.#hints());
    if (running !== undefined) {
      this.#measure(running.replicator, facts?.syncedUpToWallMs);
      this.#volumeSeries.show(facts?.volumes);
    }
    return {
      // What was written last may not have come back by the watch yet.
      replication: { ...this.#object, status: this.#writer.last ?? this.#object.status },
      now: new Date(this.#ports.clock.wallMs()),
      replicationId: this.#epochOf,
      invalid: this.#invalid,
      denied: this.#denied,
      deleting: this.#teardown !== undefined,
      notRunning: running === undefined ? this.#teardown?.state ?? this.#notRunning : undefined,
      fenced: this.#fenced,
      role: this.#role,
      epoch: this.#epoch,
      running: facts,
      nextSyncTime: this.#schedule.next(),
      lastManualSync: this.#lastManualSync,
      syncing: this.#syncing > 0,
    };
  }

  /** Whether hints come; undefined where none are expected, or not yet. */
  #hints(): boolean | undefined {
    const namespace = this.observedNamespace;
    if (namespace === undefined) return undefined;
    const served = this.#ports.hintsServed(namespace);
    const isNew = this.#ports.clock.monotonicMs() - this.#startedAtMs < HINTS_GRACE_MS;
    return served || !isNew ? served : undefined;
  }

  /** What nobody keeps up to date any more would be a false alarm for ever. */
  #forgetMetrics(): void {
    const { queueDepth, syncedUpTo, objects } = this.#ports.metrics;
    const replication = this.#name;
    for (const gauge of [queueDepth, syncedUpTo]) gauge.remove({ replication });
    for (const state of OBJECT_STATES) objects.remove({ replication, state });
    this.#volumeSeries.end();
  }

  #measure(replicator: Replicator, syncedUpToWallMs: number | undefined): void {
    const { metrics } = this.#ports;
    const replication = this.#name;
    metrics.queueDepth.set({ replication }, replicator.queue.size);
    if (syncedUpToWallMs !== undefined) metrics.syncedUpTo.set({ replication }, syncedUpToWallMs / 1000);
    for (const [state, count] of replicator.memory.countStates()) metrics.objects.set({ replication, state }, count);
  }
}
