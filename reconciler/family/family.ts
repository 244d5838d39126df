/**
 * One Replication with a selector: makes, keeps equal and ends its children, and tells how they are.
 *
 * Level-triggered: every event ends in `#reconcile`, which compares the children that should be with those that are.
 *
 * @module
 */
import { isChildOf } from "../../crds/family.ts";
import { SYNC_NOW } from "../../crds/keys.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import type { AnyReplication, Replication, ReplicationFamily, ReplicationStatus } from "../../crds/types.ts";
import { describe, type Verdict } from "../../crds/validate.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { Log } from "../../kube/log.ts";
import type { KubeClient, KubeObject } from "../../kube/types.ts";
import { announceChanges } from "../announce.ts";
import type { Clock } from "../clock.ts";
import { DeletionLedger } from "../intents.ts";
import { deletionWindowOf } from "../replication_settings.ts";
import type { NotRunning } from "../status.ts";
import { ReconcileLoop } from "../reconcile_loop.ts";
import { StatusWriter } from "../status_writer.ts";
import { onlyStatusDiffers } from "../verdicts.ts";
import type { ChildWriter } from "./child_writer.ts";
import { holdsOf, retireLeavers } from "./leavers.ts";
import { type Members, planMembers } from "./members.ts";
import { computeFamilyStatus } from "./status.ts";

/** How often everything that has no event is looked at again. */
const TICK_MS = 30_000;
/** Delay before a failed write is tried again. */
const RETRY_MS = 2_000;
/** Children written at once; each write waits for our own admission webhook. */
const CONCURRENCY = 8;

/** The source cluster as a family sees it. */
export interface FamilySource {
  readonly client: Pick<KubeClient, "get">;
  /** Every Namespace; undefined until the list was complete once. */
  readonly namespaces: readonly KubeObject[] | undefined;
  /** Why Namespaces are not watched, if they are not. */
  readonly problem: string | undefined;
}

/** What all families share. */
export interface FamilyPorts {
  /** The controller's own cluster. */
  readonly client: KubeClient;
  readonly controlNamespace: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly children: ChildWriter;
  /** All Replications of one namespace. */
  replications(): readonly Replication[];
  /** Undefined while the cluster of this name (undefined: the own one) is not reached. */
  source(cluster: string | undefined): FamilySource | undefined;
  judge(replication: AnyReplication): Verdict;
  event(regarding: KubeObject, type: "Normal" | "Warning", reason: string, note: string): void;
}

const NOBODY: Members = {
  children: [],
  create: [],
  update: [],
  leaving: [],
  gone: [],
  skipped: 0,
  leftOut: 0,
  reports: [],
};

/** A family at work. */
export class FamilyRunner {
  readonly #ports: FamilyPorts;
  readonly #abort = new AbortController();
  readonly #writer: StatusWriter<ReplicationStatus>;
  readonly #ledger: DeletionLedger;
  #object: ReplicationFamily;
  #invalid: NotRunning | undefined;
  #denied = false;
  #waiting: NotRunning | undefined = { reason: "Starting", message: "the controller has just seen it" };
  #members: Members = NOBODY;
  /** The children at the last look, as they were. */
  #seen: ReadonlySet<Replication> = new Set();
  readonly #errors = new Map<string, NotRunning>();
  /** `uid value` of every child that was handed a `sync-now`. */
  readonly #handed = new Set<string>();
  #lastManualSync: string | undefined;
  readonly #loop: ReconcileLoop;

  constructor(object: ReplicationFamily, ports: FamilyPorts) {
    this.#object = object;
    this.#ports = ports;
    this.#lastManualSync = object.status?.lastManualSync;
    this.#loop = new ReconcileLoop({
      signal: this.#abort.signal,
      reconcile: async () => {
        const againInMs = await this.#reconcile().catch((error: unknown) => this.#onFailure(error));
        return Math.min(againInMs, TICK_MS);
      },
      settled: () => this.#writer.changed(),
    });
    this.#ledger = new DeletionLedger(deletionWindowOf(object, ports.clock.wallMs()), () => this.#writer.flush());
    const { name, namespace = "" } = object.metadata;
    this.#writer = new StatusWriter<ReplicationStatus>({
      client: ports.client,
      type: REPLICATIONS,
      namespace,
      name,
      clock: ports.clock,
      signal: this.#abort.signal,
      // Until the namespaces are listed, a moment after each start, there is nothing to say.
      compute: () => this.#isStarting ? undefined : { object: this.#object, status: this.#status() },
      written: (before, after) => announceChanges(before, after, (...event) => ports.event(this.#object, ...event)),
      failed: (error) =>
        ports.log.warn("cannot write status of {replication}: {reason}", { replication: name, reason: String(error) }),
    });
  }

  get object(): ReplicationFamily {
    return this.#object;
  }

  /** Replications have changed, itself perhaps; `isNews`: in more than the status of some. */
  update(object: ReplicationFamily, isNews: boolean): void {
    const onlyStatus = onlyStatusDiffers(this.#object, object);
    this.#object = object;
    if (isNews || !onlyStatus || this.#haveChildrenChanged()) this.kick();
  }

  /** Since the last look at them. */
  #haveChildrenChanged(): boolean {
    const now = this.#ports.replications().filter((one) => isChildOf(one, this.#object));
    return now.length !== this.#seen.size || now.some((child) => !this.#seen.has(child));
  }

  /** Namespaces, Replications or clusters may have changed. */
  kick(): void {
    this.#loop.kick();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop.ended();
  }

  get #isStarting(): boolean {
    return this.#waiting?.reason === "Starting" && !this.#denied;
  }

  #onFailure(error: unknown): number {
    if (!this.#abort.signal.aborted) {
      const { name } = this.#object.metadata;
      this.#ports.log.warn("cannot arrange {replication}: {reason}", { replication: name, reason: String(error) });
    }
    return RETRY_MS;
  }

  /** Answers in how many milliseconds to look again. */
  async #reconcile(): Promise<number> {
    const family = this.#object;
    const verdict = this.#ports.judge(family);
    const problem = verdict.denials[0] ?? verdict.warnings[0];
    this.#invalid = problem === undefined ? undefined : { reason: problem.reason, message: describe(problem) };
    this.#denied = verdict.denials.length > 0;
    const source = this.#ports.source(family.spec.sourceCluster);
    this.#waiting = waitingFor(family, source);
    this.#members = this.#plan(source);
    // What becomes of the children of a parent that goes is decided in `orphans.ts`.
    if (this.#denied || family.metadata.deletionTimestamp !== undefined) return TICK_MS;
    const allWritten = await this.#write(this.#members);
    this.#followSync(this.#members.children);
    const againInMs = source === undefined || family.spec.paused ? TICK_MS : await this.#retire(source);
    return allWritten ? againInMs : Math.min(againInMs, RETRY_MS);
  }

  #plan(source: FamilySource | undefined): Members {
    this.#seen = new Set(this.#ports.replications().filter((one) => isChildOf(one, this.#object)));
    return planMembers({
      family: this.#object,
      namespaces: source?.namespaces,
      replications: this.#ports.replications(),
      controlNamespace: this.#ports.controlNamespace,
      objection: (child) => {
        const [denial] = this.#ports.judge(child).denials;
        return denial === undefined ? undefined : { reason: denial.reason, message: describe(denial) };
      },
      wasHanded: (child) => this.#wasHanded(child),
    });
  }

  /** One child that cannot be written keeps no other from it. */
  async #write({ create, update }: Members): Promise<boolean> {
    this.#errors.clear();
    const { children } = this.#ports;
    const writes = [
      ...create.map((child) => () => this.#try(child, () => children.create(child))),
      ...update.map(({ child, patch }) => async () => {
        const written = await this.#try(child, () => children.patch(child, patch));
        if (written) this.#noteHanded(child, patch);
      }),
    ];
    const worker = async () => {
      for (let write = writes.shift(); write !== undefined; write = writes.shift()) await write();
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return this.#errors.size === 0;
  }

  async #try({ metadata: { name } }: Replication, write: () => Promise<void>): Promise<boolean> {
    if (this.#abort.signal.aborted) return false;
    try {
      await write();
      return true;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.#errors.set(name, { reason: error.reason, message: error.message });
      this.#ports.log.warn("cannot write Replication {name}: {reason}", { name, reason: error.message });
      return false;
    }
  }

  #retire(source: FamilySource): Promise<number> {
    const { clock, children } = this.#ports;
    const facts = { family: this.#object, children: this.#members.children, leaving: this.#members.leaving };
    return retireLeavers(facts, {
      ledger: this.#ledger,
      clock,
      source: source.client,
      remove: (child) => children.delete(child, "its namespace lost the labels"),
      signal: this.#abort.signal,
    });
  }

  #wasHanded({ metadata }: Replication): boolean {
    const syncNow = this.#object.metadata.annotations?.[SYNC_NOW];
    if (metadata.annotations?.[SYNC_NOW] === syncNow) this.#handed.add(`${metadata.uid} ${syncNow}`);
    return syncNow === this.#lastManualSync || this.#handed.has(`${metadata.uid} ${syncNow}`);
  }

  #noteHanded({ metadata }: Replication, patch: Record<string, unknown>): void {
    const { annotations } = patch.metadata as { annotations?: Record<string, string> };
    if (annotations?.[SYNC_NOW] !== undefined) this.#handed.add(`${metadata.uid} ${annotations[SYNC_NOW]}`);
  }

  /** Echoed once every child has carried it out, or was asked anew by somebody else since. */
  #followSync(children: readonly Replication[]): void {
    const syncNow = this.#object.metadata.annotations?.[SYNC_NOW];
    if (syncNow === undefined || syncNow === this.#lastManualSync || this.#waiting !== undefined) return;
    const isDone = ({ metadata, status }: Replication) =>
      this.#handed.has(`${metadata.uid} ${syncNow}`) &&
      (status?.lastManualSync === syncNow || metadata.annotations?.[SYNC_NOW] !== syncNow);
    // What was just handed is not seen in the store yet.
    if (this.#members.update.length + this.#members.create.length > 0 || !children.every(isDone)) return;
    this.#lastManualSync = syncNow;
    this.#handed.clear();
  }

  #status(): ReplicationStatus {
    return computeFamilyStatus({
      // What was written last may not have come back by the watch yet.
      family: { ...this.#object, status: this.#writer.last ?? this.#object.status },
      now: new Date(this.#ports.clock.wallMs()),
      invalid: this.#invalid,
      denied: this.#denied,
      waiting: this.#waiting,
      members: this.#members,
      errors: this.#errors,
      holds: holdsOf(this.#ledger),
      window: this.#ledger.statusWindow,
      lastManualSync: this.#lastManualSync,
    });
  }
}

/** Why it is not known which namespaces match. */
function waitingFor({ spec }: ReplicationFamily, source: FamilySource | undefined): NotRunning | undefined {
  const name = spec.sourceCluster ?? "(own cluster)";
  if (source === undefined) {
    return { reason: "SourceNotReady", message: `source cluster ${name} cannot be used: see its RemoteCluster` };
  }
  if (source.namespaces !== undefined) return undefined;
  const why = source.problem === undefined ? "" : `: ${source.problem}`;
  const reason = source.problem === undefined ? "Starting" : "NamespacesUnknown";
  return { reason, message: `the Namespaces of ${name} are not listed yet${why}; no Replication is made or deleted` };
}
