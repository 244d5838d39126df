/**
 * The backstop of a standby: our quota is kept there, and who has Pods or tries to start some is found.
 *
 * Every bell (Pods, refusals, the quota itself, what overrides allow) ends in one look, which reads what is there now.
 *
 * @module
 */
import { COMPONENT, FIELD_MANAGER } from "../crds/keys.ts";
import { systemClock, waitFor } from "../kube/clock.ts";
import { isKubeError } from "../kube/errors.ts";
import { listAll } from "../kube/list_all.ts";
import type { KubeClient, KubeObject, ResourceType, WatchQuery, WatchSink } from "../kube/types.ts";
import { EVENTS, PODS, RESOURCE_QUOTAS } from "./builtin_types.ts";
import type { Clock } from "./clock.ts";
import type { Pods } from "./desired/pods.ts";
import { classify, type Failure, remedyOf } from "./failure.ts";
import { readQuota, removeQuota } from "./live_quota.ts";
import { LookLoop } from "./look_loop.ts";
import { ownerChain, type OwnerLookup } from "./owner_chain.ts";
import { REFUSALS, StandbyAttempts } from "./standby_attempts.ts";
import type { Intruder, StandbyFacts } from "./standby_quiet.ts";
import { judgeQuota, podsWanted, STANDBY_QUOTA, type StandbyQuota, wantedQuota } from "./standby_quota.ts";

/** Pods that have ended hold nothing. */
const RUNNING_PODS = "status.phase!=Succeeded,status.phase!=Failed";
/** From one look to the next, however many bells ring. */
const PAUSE_MS = 2_000;
const CALL_DEADLINE_MS = 10_000;

/** What a backstop needs. */
export interface BackstopPorts {
  readonly client: KubeClient;
  /** The DR namespace. */
  readonly namespace: string;
  readonly replicationId: string;
  /** False: the quota is removed, and nothing is looked at. */
  readonly scaleToZero: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Kinds of the DR cluster. */
  types(): readonly ResourceType[];
  /** Whether the fence is ours and this process leads, at this moment. */
  mayWrite(): boolean;
  /** Reads the fence Lease again. */
  recheckFence(): Promise<unknown>;
  /** Pods that overrides let run, and whether every copy is known by now. */
  allowance(): { readonly pods: Pods; readonly complete: boolean };
  audit(operation: string, name: string, resourceVersion: string): void;
  /** What it knows has changed. */
  changed(): void;
}

/** See the module. */
export class Backstop {
  readonly #ports: BackstopPorts;
  readonly #attempts = new StandbyAttempts();
  #facts: StandbyFacts;
  #allowance = "";
  readonly #deaf = new Map<ResourceType, string>();
  readonly #looks: LookLoop;

  constructor(ports: BackstopPorts) {
    this.#ports = ports;
    const problem = { reason: "NotLooked", message: "not looked at yet" };
    this.#facts = { wanted: ports.scaleToZero, intruders: [], refused: [], inForce: false, problem };
    this.#looks = new LookLoop({ signal: ports.signal, look: () => this.#lookAndPause() });
  }

  get facts(): StandbyFacts {
    return this.#facts;
  }

  /** The first look, which sets the quota before anything is mirrored. Never fails: what it cannot do, the facts tell. */
  async prepare(): Promise<void> {
    await this.#look();
  }

  /** Follows what rings. */
  start(): void {
    const { client, namespace, scaleToZero, clock, signal } = this.#ports;
    if (!scaleToZero) return;
    const follow = (
      type: ResourceType,
      query: Omit<WatchQuery, "namespace">,
      sink: Pick<WatchSink, "event" | "item">,
    ) => client.watch(type, { namespace, ...query }, { ...this.#ears(type), ...sink }, signal);
    follow(PODS, { metadataOnly: true, fieldSelector: RUNNING_PODS, start: "now" }, {
      // A Pod that only changes is the one we know.
      event: ({ type }) => type === "Modified" || this.look(),
    });
    follow(RESOURCE_QUOTAS, { fieldSelector: `metadata.name=${STANDBY_QUOTA}`, start: "now" }, {
      event: () => this.look(),
    });
    follow(EVENTS, { fieldSelector: REFUSALS, start: "list" }, {
      item: ({ object }) => void this.#attempts.note(object, undefined),
      event: ({ type, object }) =>
        type === "Deleted" || (this.#attempts.note(object, clock.monotonicMs()) && this.look()),
    });
  }

  /** Copies have changed: looks if what overrides allow did. */
  allowanceChanged(): void {
    if (!this.#ports.scaleToZero || this.#allowance === JSON.stringify(this.#ports.allowance())) return;
    this.look();
  }

  /** Time has passed: what was not as it should be may have ended without a bell. */
  tick(): void {
    const { intruders, problem, inForce, wanted } = this.#facts;
    if (this.#attempts.open || intruders.length > 0 || problem !== undefined || (wanted && !inForce)) this.look();
  }

  /** Looks soon; calls meanwhile ask for one more look. */
  look(): void {
    void this.#looks.ask();
  }

  async #lookAndPause(): Promise<void> {
    await this.#look();
    await waitFor(systemClock, PAUSE_MS, this.#ports.signal);
  }

  /** A watch that may not be opened must not look like silence. */
  #ears(type: ResourceType): Omit<WatchSink, "event"> {
    return {
      live: () => this.look(),
      connected: () => void (this.#deaf.delete(type) && this.look()),
      disconnected: (error) => {
        if (!isKubeError(error, "Forbidden") || this.#deaf.has(type)) return;
        this.#deaf.set(type, error.message);
        this.look();
      },
    };
  }

  async #look(): Promise<void> {
    const before = JSON.stringify(this.#facts);
    try {
      this.#facts = this.#ports.scaleToZero ? await this.#readFacts() : await this.#stepBack();
    } catch (error) {
      if (this.#ports.signal.aborted) return;
      this.#facts = { ...this.#facts, problem: problemOf(classify(error)) };
    }
    if (JSON.stringify(this.#facts) !== before) this.#ports.changed();
  }

  async #readFacts(): Promise<StandbyFacts> {
    const allowance = this.#ports.allowance();
    this.#allowance = JSON.stringify(allowance);
    const quota = judgeQuota(await readQuota(this.#ports.client, this.#ports.namespace, this.#call()));
    const lookup = this.#lookup();
    const intruders = await this.#findIntruders(lookup);
    const refused = await this.#attempts.review(lookup, this.#ports.clock.monotonicMs());
    const kept = await this.#keep(quota, intruders);
    const facts = { wanted: true, intruders, refused };
    if (kept.type === "Foreign") {
      const message = `a ResourceQuota ${STANDBY_QUOTA} that is not ours is in the DR namespace and stays as it is: ` +
        "rename or delete it, and Pods are refused by ours";
      return { ...facts, inForce: false, problem: { reason: "QuotaConflict", message } };
    }
    if (kept.type === "Absent") return { ...facts, inForce: false };
    const [unheard] = this.#deaf.values();
    const problem = unheard === undefined ? {} : { problem: forbidden(unheard) };
    return { ...facts, quota: kept.pods, inForce: kept.inForce, ...problem };
  }

  /** Makes the quota what it should be, where that is ours to do. */
  async #keep(quota: StandbyQuota, intruders: readonly Intruder[]): Promise<StandbyQuota> {
    const { pods, complete } = this.#ports.allowance();
    if (quota.type === "Foreign") return quota;
    // Where others run already, it would be a trap: they go on until they are to be started anew.
    if (quota.type === "Absent" && intruders.some(({ foreign }) => foreign)) return quota;
    const now = quota.type === "Ours" ? quota.pods : undefined;
    const wanted = podsWanted(now, pods, complete);
    if (now === wanted || !this.#ports.mayWrite()) return quota;
    return judgeQuota(await this.#write(wanted, quota));
  }

  async #write(pods: Pods, quota: StandbyQuota): Promise<KubeObject | undefined> {
    const { client, namespace, audit } = this.#ports;
    const body = wantedQuota(namespace, pods);
    const { uid, resourceVersion } = quota.type === "Ours"
      ? quota.live.metadata
      : { uid: undefined, resourceVersion: "1" };
    Object.assign(body.metadata, { resourceVersion }, uid === undefined ? {} : { uid });
    try {
      const stored = await client.apply(RESOURCE_QUOTAS, body, { fieldManager: FIELD_MANAGER, ...this.#call() });
      const operation = quota.type === "Ours" ? "update" : "create";
      audit(operation, STANDBY_QUOTA, stored.metadata.resourceVersion ?? "");
      return stored;
    } catch (error) {
      if (!isKubeError(error, "Conflict", "AlreadyExists")) throw error;
      // Somebody was faster: the Lease first, then another look.
      await this.#ports.recheckFence();
      this.look();
      return quota.type === "Ours" ? quota.live : undefined;
    }
  }

  /** The application may run: a quota of ours goes. */
  async #stepBack(): Promise<StandbyFacts> {
    const { client, namespace, audit } = this.#ports;
    const mayWrite = () => this.#ports.mayWrite();
    const removed = await removeQuota(client, namespace, mayWrite, this.#call());
    if (removed !== undefined) audit("delete", STANDBY_QUOTA, removed);
    return { wanted: false, intruders: [], refused: [], inForce: false };
  }

  /** Who has Pods that no override allows, the most Pods first. */
  async #findIntruders(lookup: OwnerLookup): Promise<Intruder[]> {
    const { client, namespace } = this.#ports;
    const found = new Map<string, Intruder>();
    const query = { namespace, fieldSelector: RUNNING_PODS, metadataOnly: true, ...this.#call() };
    for await (const { items } of listAll(client, PODS, query, { firstLimit: 500 })) {
      for (const pod of items) {
        if (pod.metadata.labels?.[COMPONENT] !== undefined) continue;
        const { name, ours, allowed } = await ownerChain({ ...pod, kind: PODS.kind }, lookup);
        if (allowed) continue;
        found.set(name, { name, pods: (found.get(name)?.pods ?? 0) + 1, foreign: !ours });
      }
    }
    return [...found.values()].sort((a, b) => b.pods - a.pods || (a.name < b.name ? -1 : 1));
  }

  #lookup(): OwnerLookup {
    const { client, namespace, replicationId, types } = this.#ports;
    return { client, namespace, replicationId, types: types(), call: this.#call(), known: new Map() };
  }

  #call(): { readonly signal: AbortSignal; readonly deadlineMs: number } {
    return { signal: this.#ports.signal, deadlineMs: CALL_DEADLINE_MS };
  }
}

function problemOf(failure: Failure): StandbyFacts["problem"] {
  return { reason: failure.failureClass, message: `${failure.message}; ${remedyOf(failure)}` };
}

function forbidden(message: string): StandbyFacts["problem"] {
  return problemOf({ failureClass: "Forbidden", message });
}
