/**
 * The end of a Replication: its standby is given up or deleted (`spec.onDelete`), then its finalizer goes.
 *
 * Level-triggered like everything else: each step looks at what is there, so that a process that was killed half-way is
 * made up for by the next one. It never hangs: see `judgeTeardown`.
 *
 * @module
 */
import { FENCE_LEASE, MANAGED_BY } from "../../crds/keys.ts";
import type { Replication } from "../../crds/types.ts";
import { destinationNamespaceOf, nameOf } from "../../crds/world.ts";
import { isKubeError } from "../../kube/errors.ts";
import { type Lease, readLease } from "../../kube/lease.ts";
import type { Log } from "../../kube/log.ts";
import type { KubeClient } from "../../kube/types.ts";
import type { Clock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { classify } from "../failure.ts";
import { isReleased, judgeFence } from "../fence.ts";
import type { Metrics } from "../metrics.ts";
import { expectedId, type KnownClusters, policyOf } from "./circumstances.ts";
import {
  passOverCopies,
  type PassPorts,
  type TeardownPass,
  type TeardownPolicy,
  type TeardownTarget,
} from "./copies.ts";
import { hasFinalizer, removeFinalizer } from "./finalizer.ts";
import { judgeTeardown, type LeftReason, type TeardownFacts } from "./judge.ts";
import { removeQuota } from "../live_quota.ts";
import { STANDBY_QUOTA } from "../standby_quota.ts";
import type { WritesUnderWay } from "../writes_under_way.ts";
import { giveUpFence, unlabelNamespace } from "./standby_namespace.ts";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

/** What a teardown needs. */
export interface TeardownPorts extends KnownClusters {
  /** Of the cluster that holds the Replication. */
  readonly client: KubeClient;
  /** Name of this installation, the holder of fences. */
  readonly holder: string;
  /** How long nothing may move before what is left is left. */
  readonly teardownTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly auditLog: Log;
  readonly metrics: Metrics;
  /** Whether this process leads at this very moment; asked before each write. */
  leads(): boolean;
  /** `namespace/name` of another Replication that stays and has a claim on the same copies. */
  heir(replication: Replication): string | undefined;
  event(replication: Replication, type: "Normal" | "Warning", reason: string, note: string): void;
}

/** What is known of the standby from its life. */
export interface StandbyRecord {
  readonly replicationId?: string;
  readonly epoch?: number;
}

/** What one step works on. */
interface Site {
  readonly object: Replication;
  readonly cluster: Cluster;
  readonly target: TeardownTarget;
  readonly policy: TeardownPolicy;
  readonly epoch?: number;
}

/** The fence does not allow a write: nothing more is touched. */
class FenceLost extends Error {
  override readonly name = "FenceLost";
  readonly reason: "Fenced" | "NotStandby";

  constructor(reason: "Fenced" | "NotStandby", message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The end of one Replication. */
export class Teardown {
  readonly #ports: TeardownPorts;
  readonly #signal: AbortSignal;
  readonly #writes: WritesUnderWay;
  readonly #changed: () => void;
  #movedAtMs: number;
  #fruitless = 0;
  #failure: string | undefined;
  #waitsFor: string | undefined;
  #released = 0;
  #deleted = 0;
  #over = false;
  /** When the next step is due, in milliseconds from the end of the last. */
  retryInMs = FIRST_RETRY_MS;

  constructor(ports: TeardownPorts, signal: AbortSignal, writes: WritesUnderWay, changed: () => void) {
    this.#ports = ports;
    this.#signal = signal;
    this.#writes = writes;
    this.#changed = changed;
    this.#movedAtMs = ports.clock.monotonicMs();
  }

  /** What the status says of it. */
  get state(): { readonly reason: string; readonly message: string } {
    if (this.#waitsFor !== undefined) return { reason: "DeletionWaits", message: this.#waitsFor };
    const done = `${this.#deleted} copies deleted, ${this.#released} given up`;
    return { reason: "Deleting", message: this.#over ? `done: ${done}` : `${done} so far` };
  }

  /** One step; throws nothing but for a programming error. */
  async step(object: Replication, record: StandbyRecord): Promise<void> {
    this.retryInMs = MAX_RETRY_MS;
    this.#over ||= !hasFinalizer(object);
    if (this.#over) return;
    const facts = this.#facts(object, record);
    const next = judgeTeardown(facts);
    try {
      if (next.type === "Work") await this.#work(object, record);
      else if (next.type === "Leave") await this.#leave(object, record, next.reason, next.why);
      else this.#wait(next.why);
    } catch (error) {
      await this.#onError(object, record, error);
    }
    const leftMs = facts.giveUpAfterMs - this.#stalledForMs();
    this.retryInMs = Math.min(this.#backOffMs(), Math.max(FIRST_RETRY_MS, leftMs));
    this.#changed();
  }

  #facts(object: Replication, { replicationId: known }: StandbyRecord): TeardownFacts {
    const remote = this.#ports.remoteCluster(object.spec.destinationCluster);
    const expected = expectedId(object, this.#ports);
    return {
      heir: this.#ports.heir(object),
      remoteExists: remote !== undefined,
      identityChanged: remote?.state.error?.reason === "IdentityChanged" ||
        (known !== undefined && expected !== undefined && known !== expected),
      idKnown: (known ?? expected) !== undefined,
      problem: remote?.problem,
      stalledForMs: this.#stalledForMs(),
      giveUpAfterMs: this.#ports.teardownTimeoutMs,
      failure: this.#failure,
    };
  }

  async #work(object: Replication, record: StandbyRecord): Promise<void> {
    const cluster = this.#ports.remoteCluster(object.spec.destinationCluster)?.cluster;
    const id = record.replicationId ?? expectedId(object, this.#ports);
    if (cluster === undefined || id === undefined) return;
    const target: TeardownTarget = {
      replicationId: id,
      sourceNamespace: object.spec.sourceNamespace,
      destinationClusterId: cluster.clusterId,
      destinationNamespace: destinationNamespaceOf(object),
    };
    const policy = await policyOf(object, this.#ports.client, this.#signal);
    const site: Site = { object, cluster, target, policy, epoch: record.epoch };
    const isFenced = await this.#readFence(site) !== undefined;
    const { discovery } = cluster.catalogue ?? await cluster.refreshCatalogue(this.#signal);
    for (;;) {
      const pass = await passOverCopies(policy, target, { ...this.#passPorts(site), types: discovery.types });
      // Groups whose API server is away: their kinds are not known.
      pass.unlisted.push(...discovery.stale);
      this.#account(object, pass);
      if (pass.failures.length + pass.pending.length > 0) return;
      // What was listed a moment ago may be out of date: over is what was looked at once more.
      if (pass.found === 0) return await this.#finish(site, pass, isFenced);
    }
  }

  /** The Lease if it is ours and Standby; undefined when there is none or it was given up. Throws `FenceLost`. */
  async #readFence({ cluster, target, epoch }: Site): Promise<Lease | undefined> {
    const ref = { namespace: target.destinationNamespace, name: FENCE_LEASE };
    const lease = await readLease(cluster.client, ref, { signal: this.#signal });
    if (lease === undefined || isReleased(lease)) return undefined;
    const facts = { lease, holder: this.#ports.holder, knownEpoch: epoch, copiesExist: true };
    const verdict = judgeFence(facts);
    if (verdict.type === "NotStandby") throw new FenceLost("NotStandby", `the DR namespace is ${verdict.role}`);
    if (verdict.type === "Fenced") throw new FenceLost("Fenced", verdict.message);
    return lease;
  }

  /** The fence, read live before a write. Throws `FenceLost`. */
  async #guard(site: Site): Promise<Lease> {
    const lease = await this.#readFence(site);
    if (lease === undefined) throw new FenceLost("Fenced", "the fence Lease is gone, or given up, while copies exist");
    if (!this.#ports.leads()) throw new Error("this process does not lead");
    return lease;
  }

  #passPorts(site: Site): Omit<PassPorts, "types"> {
    return {
      client: this.#writes.over(site.cluster.client),
      signal: this.#signal,
      guard: async () => void await this.#guard(site),
      written: (operation, kind, name, resourceVersion) => {
        if (operation === "delete") this.#deleted++;
        else this.#released++;
        this.#audit(site, operation, kind, name, resourceVersion);
        this.#ports.metrics.writes.inc({ replication: nameOf(site.object), kind, class: operation });
        this.#changed();
      },
    };
  }

  #audit({ object, cluster, target }: Site, operation: string, kind: string, name: string, resourceVersion: string) {
    const namespace = target.destinationNamespace;
    const what = { operation, kind, name, namespace, cluster: cluster.name, resourceVersion };
    this.#ports.auditLog.info("{operation} {kind} {name}", { ...what, replication: nameOf(object) });
  }

  #account(object: Replication, pass: TeardownPass): void {
    const hasMoved = pass.released + pass.deleted > 0;
    if (hasMoved) this.#movedAtMs = this.#ports.clock.monotonicMs();
    this.#fruitless = hasMoved ? 0 : this.#fruitless + 1;
    const pending = pass.pending.length === 0 ? [] : [
      `${pass.pending.length} copies are held by a finalizer, or changed just now: ${
        pass.pending.slice(0, 5).join(", ")
      }`,
    ];
    this.#failure = [...pass.failures, ...pending].join("; ") || undefined;
    this.#waitsFor = this.#failure === undefined ? undefined : this.#until(this.#failure);
    this.#ports.log.info("standby of {replication} is given up: {done}", {
      replication: nameOf(object),
      done: `${this.#deleted} copies deleted, ${this.#released} given up`,
      obstacle: this.#failure,
    });
  }

  /** Nothing of ours is left but the fence. */
  async #finish(site: Site, pass: TeardownPass, isFenced: boolean): Promise<void> {
    const { object, cluster, target, policy } = site;
    const remarks: string[] = [];
    if (isFenced) {
      await this.#removeQuota(site);
      await this.#guard(site);
      const refusal = await unlabelNamespace(cluster.client, target, this.#signal);
      if (refusal !== undefined) remarks.push(`the Namespace keeps our label: ${refusal}`);
      const lease = await this.#guard(site);
      const last = { replicationId: target.replicationId, syncedUpTo: object.status?.syncedUpTo };
      if (!await giveUpFence(cluster.client, lease, policy, last, this.#signal)) return;
    }
    if (policy !== object.spec.onDelete) remarks.push("its own namespace is being deleted: nothing was deleted in DR");
    if (pass.foreign > 0) remarks.push(`${pass.foreign} objects with our label, but without proof, stay as they are`);
    if (pass.unlisted.length > 0) remarks.push(`not looked at, as they may not be listed: ${pass.unlisted.join(", ")}`);
    const done = `${this.#deleted} copies deleted, ${this.#released} given up in ${place(object)}`;
    const type = remarks.length === 0 ? "Normal" : "Warning";
    this.#tell(object, type, policy === "Delete" ? "StandbyDeleted" : "StandbyOrphaned", [done, ...remarks].join("; "));
    await this.#letGo(object);
  }

  /** What kept the standby empty would keep it empty for ever. */
  async #removeQuota(site: Site): Promise<void> {
    const { cluster, target: { destinationNamespace } } = site;
    const client = this.#writes.over(cluster.client);
    const isOurs = async () => await this.#guard(site) !== undefined;
    const removed = await removeQuota(client, destinationNamespace, isOurs, { signal: this.#signal });
    if (removed !== undefined) this.#audit(site, "delete", "resourcequotas", STANDBY_QUOTA, removed);
  }

  async #leave(object: Replication, record: StandbyRecord, reason: LeftReason, why: string): Promise<void> {
    const id = record.replicationId ?? expectedId(object, this.#ports) ?? "unknown";
    const before = this.#deleted + this.#released > 0
      ? ` (${this.#deleted} copies deleted, ${this.#released} given up before)`
      : "";
    const note = `the standby in ${place(object)} is left as it is${before}: ${why}; copies there keep label ` +
      `${MANAGED_BY}=${id}, Lease ${FENCE_LEASE} its holder, and ResourceQuota ${STANDBY_QUOTA} keeps Pods away`;
    this.#tell(object, reason === "TakenOver" ? "Normal" : "Warning", `StandbyLeft`, `${reason}: ${note}`);
    await this.#letGo(object);
  }

  async #letGo(object: Replication): Promise<void> {
    if (!this.#ports.leads()) return;
    await removeFinalizer(this.#ports.client, object, this.#signal);
    this.#waitsFor = undefined;
    this.#over = true;
  }

  #tell(object: Replication, type: "Normal" | "Warning", reason: string, note: string): void {
    this.#ports.event(object, type, reason, note.slice(0, 1_024));
    this.#ports.log[type === "Normal" ? "info" : "warn"]("{replication}: {note}", {
      replication: nameOf(object),
      reason,
      note,
    });
  }

  async #onError(object: Replication, record: StandbyRecord, error: unknown): Promise<void> {
    if (this.#signal.aborted) return;
    if (error instanceof FenceLost) {
      return await this.#leave(object, record, error.reason, error.message).catch((failed: unknown) =>
        this.#wait(classify(failed).message)
      );
    }
    this.#fruitless++;
    this.#failure = classify(error).message;
    this.#wait(this.#failure);
    if (isKubeError(error, "Unreachable", "Timeout", "Unavailable")) {
      this.#ports.remoteCluster(object.spec.destinationCluster)?.probe();
    }
  }

  #wait(why: string): void {
    this.#waitsFor = this.#until(why);
  }

  #until(why: string): string {
    const seconds = Math.round(this.#ports.teardownTimeoutMs / 1000);
    return `${why}; when nothing moves for ${seconds} s, what is left is left as it is`;
  }

  #stalledForMs(): number {
    return this.#ports.clock.monotonicMs() - this.#movedAtMs;
  }

  #backOffMs(): number {
    return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#fruitless, 10));
  }
}

function place(object: Replication): string {
  return `namespace ${destinationNamespaceOf(object)} of cluster ${object.spec.destinationCluster}`;
}
