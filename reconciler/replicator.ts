/**
 * One running Replication: every bell ends in its queue, every turn of a key in `mirrorKey`.
 *
 * @module
 */
import { groupResource, type KubeObject } from "../kube/types.ts";
import { type Adaptations, adaptationsOf, type AdaptationSpec, ruleNames } from "./adaptation.ts";
import { DEFINITIONS } from "./builtin_types.ts";
import { makeContext } from "./context_factory.ts";
import { findBarePods } from "./bare_pods.ts";
import type { Cluster } from "./cluster.ts";
import type { Clock } from "./clock.ts";
import { DeleteOrder } from "./delete_order.ts";
import { Definitions } from "./definitions.ts";
import { backOffMs, classify, type Failure, remedyOf } from "./failure.ts";
import type { Fence } from "./fence.ts";
import { WriteHeat } from "./heat.ts";
import type { Hint } from "./hint.ts";
import { HoldReview } from "./hold_review.ts";
import type { DeletionLedger } from "./intents.ts";
import { KindFollower } from "./kind_follower.ts";
import { isSameKind, type KindPlan, type MirroredKind, planKinds } from "./kinds.ts";
import type { Log } from "../kube/log.ts";
import { keyOf, Memory, splitKey } from "./memory.ts";
import type { Metrics } from "./metrics.ts";
import { mirrorKey } from "./mirror.ts";
import type { MirrorContext, MirrorIdentity, MirrorOptions } from "./mirror_context.ts";
import { OmissionReview } from "./omission_review.ts";
import type { Outcome } from "./outcome.ts";
import { type Item, KeyedQueue } from "./queue.ts";
import { withProgress } from "./progress.ts";
import { Passes } from "./passes.ts";
import { isOlder } from "./resource_version.ts";
import type { Selection } from "./selection.ts";
import { SourceNamespace } from "./source_namespace.ts";
import { Verifier } from "./verifier.ts";
import type { WritesUnderWay } from "./writes_under_way.ts";

/** What a Replicator is made of. */
export interface ReplicatorOptions {
  /** namespace/name of the Replication, for logs and metrics. */
  readonly name: string;
  readonly identity: MirrorIdentity;
  readonly options: MirrorOptions;
  readonly selection: Selection;
  /** What the spec says of single objects. */
  readonly adaptation: AdaptationSpec;
  readonly source: Cluster;
  readonly target: Cluster;
  readonly fence: Fence;
  readonly ledger: DeletionLedger;
  readonly namespace: SourceNamespace;
  /** What is written to the target; its owner ends it. */
  readonly writes: WritesUnderWay;
  /** Continuous: watches run and every change is mirrored at once. Otherwise only full passes write. */
  readonly continuous: boolean;
  /** Off: hints only. */
  readonly watch: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly auditLog: Log;
  readonly metrics: Metrics;
  random(): number;
  leads(): boolean;
  /** The DR cluster did not answer. */
  onUnreachable(): void;
  /** Something that the status shows has changed. */
  onChange(): void;
}

/** When a copy that somebody in DR owns is looked at again, unless it changes before: 10 minutes. */
const OWNED_REVIEW_MS = 600_000;

/** How the last full pass went. */
export interface PassResult {
  readonly startedWallMs: number;
  readonly endedWallMs: number;
}

/** A Replication at work. */
export class Replicator {
  readonly memory = new Memory();
  readonly queue: KeyedQueue;
  readonly holds: HoldReview;
  readonly #options: ReplicatorOptions;
  readonly #context: MirrorContext;
  readonly #verifier: Verifier;
  readonly #abort = new AbortController();
  readonly #followers = new Map<string, KindFollower>();
  readonly #tombstones = new Set<string>();
  readonly #usedRules = new Set<string>();
  readonly #deleteOrder = new DeleteOrder((key) => this.#abort.signal.aborted || this.queue.add(key));
  readonly #definitions: Definitions;
  readonly #heat: WriteHeat;
  readonly #omissions: OmissionReview;
  readonly #cleanups: (() => void)[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #kinds: ReadonlyMap<string, MirroredKind> = new Map();
  #plan: KindPlan = { kinds: [] };
  #adaptations: Adaptations = () => ({});
  #barePods: readonly string[] = [];
  #lastPass: PassResult | undefined;
  readonly #passes: Passes;
  #isFirstPassBegun = false;
  deleted = 0;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.queue = new KeyedQueue(options.clock);
    this.#passes = new Passes({
      queue: this.queue,
      deleteOrder: this.#deleteOrder,
      signal: this.#abort.signal,
      kinds: () => this.#plan.kinds,
      follower: (kind) => this.#followers.get(kind),
    });
    this.#heat = new WriteHeat(options.clock);
    this.#omissions = new OmissionReview(this.memory, this.queue);
    this.#context = this.#makeContext();
    this.holds = new HoldReview({
      context: this.#context,
      queue: this.queue,
      deleteOrder: this.#deleteOrder,
      namespace: () => options.namespace.lastState,
    });
    this.#definitions = new Definitions(
      options.source,
      options.target,
      options.options,
      this.#context.target,
      (name) => this.#context.audit("create", groupResource(DEFINITIONS), name, ""),
    );
    this.#verifier = new Verifier({
      clock: options.clock,
      signal: this.#abort.signal,
      watching: options.continuous && options.watch,
      read: (key) => this.#readSource(key),
      isKnown: (key, object) => this.#isKnown(key, object),
      changed: (key) => this.queue.add(key, { urgent: true }),
      stalled: (key) => this.#onStalled(key),
      count: (outcome) => options.metrics.hints.inc({ replication: options.name, outcome }),
    });
  }

  get plan(): KindPlan {
    return this.#plan;
  }

  get followers(): ReadonlyMap<string, KindFollower> {
    return this.#followers;
  }

  get lastPass(): PassResult | undefined {
    return this.#lastPass;
  }

  /** Nothing waits but what DR's own controllers hold, and every kind is listed. */
  get settled(): boolean {
    const isOwnedByDR = (key: string) => this.memory.get(key)?.state === "OwnedByDR";
    return this.queue.oldestWallMs(isOwnedByDR) === undefined &&
      [...this.#followers.values()].every((follower) => follower.listed);
  }

  /** The newest `resourceVersion` of the source that was seen: of built-in kinds, which share one count. */
  get sourceVersion(): string | undefined {
    let newest: string | undefined;
    for (const { kind, sourceVersion } of this.#followers.values()) {
      if (kind.source.group === "" && (newest === undefined || isOlder(newest, sourceVersion))) newest = sourceVersion;
    }
    return newest;
  }

  get hintsOpen(): number {
    return this.#verifier.open;
  }

  /** Begins to mirror. */
  start(): void {
    const { source, target } = this.#options;
    this.#cleanups.push(target.dispatcher.register(this.queue, (item, progress) => this.#work(item, progress)));
    this.#cleanups.push(source.onCatalogue(() => this.#replan()), target.onCatalogue(() => this.#replan()));
    this.#cleanups.push(source.onRedefinition((kind) => this.#followers.get(kind)?.redefined()));
    this.#replan();
    void this.#lookForBarePods();
    this.#cleanups.push(source.proofs.add({
      namespace: this.#options.identity.sourceNamespace,
      memory: this.memory,
      kinds: () => this.#followers.values(),
      isKnown: (key, object) => this.#isKnown(key, object),
      suspect: (key) => this.#verifier.hint(key),
    }));
  }

  /** Stops; writes in flight are their owner's. */
  stop(): void {
    this.#abort.abort();
    for (const cleanup of this.#cleanups) cleanup();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#omissions.stop();
    this.holds.stop();
    for (const follower of this.#followers.values()) follower.close();
    this.#followers.clear();
    this.queue.clear();
  }

  /** A write in the source namespace was announced. */
  hint(hint: Hint): void {
    if (!this.#options.continuous) return;
    const kind = this.#kinds.get(hint.kind);
    if (kind === undefined || !kind.selected) return;
    if (hint.name !== undefined) this.#verifier.hint(keyOf(kind.source, hint.name));
    // A collection is deleted: no name to look at. The watch tells the names; without it, the list does.
    else if (!this.#options.watch) this.#resyncAfterCollection(hint.kind);
  }

  /** Rules of the spec that no object has used since it started; nothing is known of them before the first pass. */
  get unusedRules(): readonly string[] {
    if (this.#lastPass === undefined) return [];
    return ruleNames(this.#options.adaptation).filter((rule) => !this.#usedRules.has(rule));
  }

  /** Pods that nothing would start in DR, as of the last full pass. */
  get barePods(): readonly string[] {
    return this.#barePods;
  }

  async #lookForBarePods(): Promise<void> {
    const { source, identity, onChange } = this.#options;
    try {
      const call = { signal: this.#abort.signal };
      this.#barePods = await findBarePods(source.client, identity.sourceNamespace, this.#adaptations("pods"), call);
      onChange();
    } catch {
      // A source that cannot be read is told of by every kind's own list.
    }
  }

  /**
   * Full pass over every kind, in order of tiers, deletes the other way round; resolves when what it found is done or
   * waits for its retry.
   */
  async resync(): Promise<void> {
    const startedWallMs = this.#options.clock.wallMs();
    this.queue.retryDelayed();
    void this.#lookForBarePods();
    if (!this.#options.continuous) this.#passes.openAll();
    await this.#passes.full();
    if (this.#abort.signal.aborted) return;
    this.#endPass(startedWallMs);
    this.#changed();
  }

  /** Of a Continuous Replication, once the kinds are known. */
  async #firstPass(): Promise<void> {
    const startedWallMs = this.#options.clock.wallMs();
    const allowDeletes = this.#deleteOrder.begin();
    await this.#passes.first();
    if (!this.#abort.signal.aborted) this.#endPass(startedWallMs);
    allowDeletes();
    this.#changed();
  }

  /** The cluster answers again: what failed meanwhile does not wait for its own back-off. */
  retryNow(): void {
    this.queue.retryDelayed();
    for (const follower of this.#followers.values()) if (follower.error !== undefined) void follower.resync();
  }

  #changed(): void {
    this.holds.changed();
    this.#options.onChange();
  }

  #makeContext(): MirrorContext {
    const { identity, options, source, target, fence, ledger, namespace, clock, auditLog, name, continuous, watch } =
      this.#options;
    const context = makeContext({
      identity,
      options,
      source,
      target,
      namespace,
      adaptations: () => this.#adaptations,
      memory: this.memory,
      fence,
      ledger,
      deleteOrder: this.#deleteOrder,
      clock,
      signal: this.#abort.signal,
      bodiesAreTracked: continuous && watch,
      tombstones: this.#tombstones,
      mayWrite: () => fence.open && this.#options.leads(),
      kinds: () => this.#kinds,
      kindListed: (kind) => this.#followers.get(kind)?.listed ?? false,
      missingKind: (kind) => this.#definitions.ensure(kind, this.#abort.signal),
      usedRules: this.#usedRules,
      audit: (operation, kind, object, resourceVersion) =>
        auditLog.info("{operation} {kind} {name}", {
          operation,
          kind,
          name: object,
          namespace: identity.destinationNamespace,
          cluster: target.name,
          replication: name,
          resourceVersion,
        }),
    });
    return { ...context, target: this.#options.writes.over(target.client) };
  }

  /** Follows what both ends serve now; kinds that came or changed their version start, those that went stop. */
  #replan(): void {
    const { source, target, selection, adaptation, continuous, watch } = this.#options;
    if (source.catalogue === undefined || target.catalogue === undefined || this.#abort.signal.aborted) return;
    this.#plan = planKinds({
      source: source.catalogue.discovery,
      target: target.catalogue.discovery,
      stored: [target.catalogue.storageVersions, source.catalogue.storageVersions],
      scalePaths: source.catalogue.scalePaths,
      before: this.#kinds,
      ...selection.resolve(source.catalogue.discovery),
    });
    this.#adaptations = adaptationsOf(adaptation, source.catalogue.discovery);
    this.#kinds = new Map(this.#plan.kinds.map((kind) => [kind.name, kind]));
    for (const [name, follower] of this.#followers) {
      if (isSameKind(follower.kind, this.#kinds.get(name))) continue;
      follower.close();
      this.#followers.delete(name);
    }
    for (const kind of this.#plan.kinds) {
      if (this.#followers.has(kind.name)) continue;
      const follower = new KindFollower(kind, {
        context: this.#context,
        queue: this.queue,
        source,
        target,
        watchSource: continuous && watch && kind.selected,
        watchCopies: continuous,
        tombstones: this.#tombstones,
        knownVersion: this.#options.namespace.knownVersionOf(kind.source),
        wentBack: this.#options.namespace.wentBack,
        random: this.#options.random,
        turnOf: (tier) => this.#passes.turnOf(tier),
        confirmed: (key) => this.#verifier.confirm(key),
        listed: (name, result) => this.#onListed(name, result),
      });
      this.#followers.set(kind.name, follower);
      follower.start();
    }
    this.#retryWithNewSchemas();
    this.#passes.listed();
    this.#changed();
    if (!continuous || this.#isFirstPassBegun) return;
    this.#isFirstPassBegun = true;
    void this.#firstPass();
  }

  /** What DR did not take by a schema it had before may be welcome now; what is not served any more is set aside. */
  #retryWithNewSchemas(): void {
    for (const [key, { kind: name, remainder, failure, state }] of this.memory.entries()) {
      const kind = this.#kinds.get(name);
      if (kind === undefined) {
        // Gone with its objects, as far as anybody can tell.
        if (state !== "Deleting") this.queue.add(key);
        continue;
      }
      const isOutdated = remainder !== undefined && remainder.schema !== this.#context.targetSchema(kind);
      if (isOutdated || failure?.failureClass === "FieldUnknown") this.queue.add(key, { checkCopy: true });
    }
  }

  #onStalled(key: string): void {
    const { kind, name: object } = splitKey(key);
    const { log, name } = this.#options;
    log.warn("watch of {kind} has missed a change of {object}: opened anew", { kind, object, replication: name });
    this.#followers.get(kind)?.reconnect("a hint was not followed by an event");
  }

  #onListed(kind: string, result: object): void {
    if ("failureClass" in result) {
      const failure = result as Failure;
      if (failure.failureClass === "Unreachable") this.#options.onUnreachable();
      this.#options.log.warn("cannot list {kind}: {reason}", {
        kind,
        reason: failure.message,
        replication: this.#options.name,
      });
    }
    this.#passes.listed();
    if (this.queue.active === 0) this.#onQuiet();
    this.#changed();
  }

  #resyncAfterCollection(kind: string): void {
    // The hook runs before each delete commits: look when the admission of the slowest hook must be over.
    for (const delayMs of [50, 500, 5_000]) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#followers.get(kind)?.resync();
      }, delayMs);
      this.#timers.add(timer);
    }
  }

  async #work(item: Item, progress: () => void): Promise<void> {
    const coolMs = this.#heat.waitMs(item.key);
    if (coolMs > 0) {
      return this.queue.done(item.key, { retryInMs: coolMs, failed: false, checkCopy: item.checkCopy });
    }
    let outcome: Outcome;
    try {
      outcome = await mirrorKey(item, withProgress(this.#context, progress));
    } catch (error) {
      outcome = { type: "Failed", failure: classify(error) };
    }
    if (this.#abort.signal.aborted) return;
    if (outcome.type !== "Waiting" || !outcome.keepsTurn) this.#deleteOrder.leave(item.key);
    this.#settle(item, outcome);
    this.#followers.get(splitKey(item.key).kind)?.settle(item.key);
    if (this.queue.active === 0) this.#onQuiet();
    this.#changed();
  }

  /** Kinds that came, or could be listed, only after a pass. */
  #onQuiet(): void {
    if (this.#lastPass === undefined) return;
    for (const follower of this.#followers.values()) if (follower.tried) follower.watchCopies();
  }

  #endPass(startedWallMs: number): void {
    this.#lastPass = { startedWallMs, endedWallMs: this.#options.clock.wallMs() };
    for (const follower of this.#followers.values()) follower.watchCopies();
    this.#options.onChange();
  }

  #settle(item: Item, outcome: Outcome): void {
    const { metrics, name, clock } = this.#options;
    const { kind } = splitKey(item.key);
    const entry = this.memory.get(item.key);
    if (outcome.type !== "Failed" && outcome.type !== "Conflict" && entry !== undefined) entry.failure = undefined;
    if (entry !== undefined) entry.left = outcome.type === "Left" ? outcome : undefined;
    switch (outcome.type) {
      case "Written":
        if (outcome.operation === "delete") this.deleted++;
        else metrics.lag.observe({ replication: name }, (clock.monotonicMs() - item.sinceMs) / 1000);
        metrics.writes.inc({ replication: name, kind, class: outcome.operation });
        this.#heat.wrote(item.key, outcome.writes);
        this.#omissions.written(item.key);
        return this.queue.done(item.key);
      case "Unchanged":
      case "Skipped":
      case "Gone":
        if (outcome.type === "Skipped" && entry !== undefined) entry.state = "Skipped";
        if (outcome.type === "Gone" && entry !== undefined && entry.copy === undefined) this.memory.forget(item.key);
        return this.queue.done(item.key);
      case "Left":
        if (entry !== undefined) entry.state = outcome.reason;
        // Whoever owns it in DR may be gone by then; an edit stays until somebody changes either side.
        return this.queue.done(
          item.key,
          outcome.reason === "OwnedByDR" ? { retryInMs: OWNED_REVIEW_MS, failed: false, checkCopy: true } : undefined,
        );
      case "Held":
        return this.queue.done(item.key);
      case "Waiting": {
        const isDelete = this.#options.ledger.intents.has(item.key);
        return this.queue.done(item.key, { retryInMs: outcome.retryInMs, failed: false, urgent: !isDelete });
      }
      case "Conflict":
        return this.#fail(item, { failureClass: "Conflict", message: outcome.message });
      case "Failed":
        return this.#fail(item, outcome.failure);
    }
  }

  #fail(item: Item, failure: Failure): void {
    const { metrics, name, clock, log, target, random, onUnreachable } = this.#options;
    const { kind, name: object } = splitKey(item.key);
    const retryInMs = backOffMs(failure, item.attempts, random);
    const entry = this.memory.ensure(item.key);
    entry.state = failure.failureClass === "Conflict" ? "Conflict" : "Failed";
    entry.failure = {
      failureClass: failure.failureClass,
      message: `${failure.message}; ${remedyOf(failure)}`,
      attempts: item.attempts + 1,
      nextRetryWallMs: clock.wallMs() + retryInMs,
    };
    metrics.writes.inc({ replication: name, kind, class: failure.failureClass });
    if (failure.failureClass === "Unreachable") onUnreachable();
    if (failure.failureClass === "KindMissing") void target.refreshCatalogue(this.#abort.signal).catch(() => {});
    if (failure.failureClass === "NamespaceMissing") void this.#ensureNamespace();
    if (item.attempts === 0) {
      log.warn("cannot mirror {kind} {object}: {reason}", {
        kind,
        object,
        reason: failure.message,
        class: failure.failureClass,
        replication: name,
      });
    }
    this.queue.done(item.key, { retryInMs, failed: true, checkCopy: true });
  }

  async #ensureNamespace(): Promise<void> {
    const { namespace, identity } = this.#options;
    const result = await namespace.ensureDestination().catch(() => "failed" as const);
    if (result === "created") this.#context.audit("create", "namespaces", identity.destinationNamespace, "");
  }

  async #readSource(key: string): Promise<KubeObject | undefined> {
    const { kind: kindName, name } = splitKey(key);
    const kind = this.#kinds.get(kindName);
    if (kind === undefined) return undefined;
    return await this.#options.namespace.readObject(kind.source, name, this.#abort.signal);
  }

  /** An object is known when its resourceVersion was mirrored, or waits in the queue. */
  #isKnown(key: string, object: KubeObject | undefined): boolean {
    if (this.queue.has(key)) return true;
    const entry = this.memory.get(key);
    if (object === undefined) return entry?.sourceUid === undefined;
    return entry?.sourceUid === object.metadata.uid &&
      entry?.sourceResourceVersion === object.metadata.resourceVersion;
  }
}
