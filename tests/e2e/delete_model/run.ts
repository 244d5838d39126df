/**
 * The process that mirrors in a world: the real parts from the standby's fence to the queue, started, stopped and looked at as a
 * Replication does it.
 *
 * @module
 */
import type { Log } from "../../../kube/log.ts";
import type { KubeClient } from "../../../kube/types.ts";
import { Cluster } from "../../../reconciler/cluster.ts";
import type { Fence } from "../../../reconciler/fence.ts";
import { DeletionLedger } from "../../../reconciler/intents.ts";
import type { Metrics } from "../../../reconciler/metrics.ts";
import { Replicator } from "../../../reconciler/replicator.ts";
import { Selection } from "../../../reconciler/selection.ts";
import type { SourceNamespace } from "../../../reconciler/source_namespace.ts";
import { prepareStandby, proveStandby, type Standby } from "../../../reconciler/standby.ts";
import { WritesUnderWay } from "../../../reconciler/writes_under_way.ts";
import { waitFor } from "../../wait.ts";
import { type Clusters, RESOURCES } from "./clusters.ts";
import { Gate } from "./gate.ts";
import { happen, type Happening } from "./happenings.ts";
import { Sight } from "./sight.ts";
import { HOLDER, type World } from "./world.ts";

const nothing = () => {};
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
/** So long without a call: what is left waits for a time to pass. */
const QUIET_MS = 10;
const DEADLINE_MS = 60_000;
/** Longer than any write that was sent takes. */
const FINISH_MS = 20_000;

/** What the test itself does between happenings. */
export type Turn =
  | Happening
  | { readonly do: "soon"; readonly calls: number; readonly what: Happening }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "start"; readonly without: readonly string[] }
  | { readonly do: "resync" | "look at the fence" | "approve" };

interface Process extends Standby {
  readonly replicator: Replicator;
  readonly ledger: DeletionLedger;
  readonly fence: Fence;
  readonly namespace: SourceNamespace;
  readonly gate: Gate;
  /** Ends its connections, once its last write is answered. */
  close(): Promise<void>;
}

/** A world, and the process that mirrors in it. */
export class Run {
  readonly world: World;
  readonly #clusters: Clusters;
  readonly #metrics: Metrics;
  #process: Process | undefined;
  #without: readonly string[] = [];
  readonly #approvals = new Set<string>();
  readonly #endings: Promise<void>[] = [];

  constructor(world: World, clusters: Clusters, metrics: Metrics) {
    this.world = world;
    this.#clusters = clusters;
    this.#metrics = metrics;
  }

  async turn(turn: Turn): Promise<void> {
    switch (turn.do) {
      case "soon":
        return this.world.soon(turn.calls, () => happen(turn.what, this.world, this));
      case "pass":
        await this.#pass(turn.ms);
        return await this.#tick();
      case "start":
        this.stop();
        this.#without = turn.without;
        return await this.#start();
      case "resync":
        void this.#process?.replicator.resync();
        return await this.#settled();
      case "look at the fence":
        await this.#process?.fence.recheck().catch(nothing);
        return;
      case "approve":
        await this.#within(() => this.#approve());
        return await this.#settled();
      default:
        await this.#within(() => happen(turn, this.world, this));
        return await this.#settled();
    }
  }

  /** The process ends, whatever it was at. */
  stop(): void {
    this.#process?.replicator.stop();
    if (this.#process !== undefined) this.#endings.push(this.#process.close());
    this.#process = undefined;
  }

  /** Stops it, and returns when nothing of it is left. */
  async end(): Promise<void> {
    this.stop();
    await Promise.all(this.#endings);
  }

  async watches(become: "Broken" | "Open" | "Opened anew"): Promise<void> {
    if (this.#process === undefined) return;
    const { gate, replicator } = this.#process;
    const followers = () => [...replicator.followers.values()].filter(({ kind }) => kind.selected);
    if (become !== "Open") await gate.breakWatches(() => !followers().some(({ connected }) => connected));
    if (become !== "Broken") gate.openWatches(become === "Opened anew");
  }

  #within(work: () => Promise<void> | void): Promise<void> {
    return this.world.turn(async () => {
      this.world.step();
      await work();
    });
  }

  /** What a Replication does each time that it is looked at. */
  async #tick(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return await this.#start();
    const { fence, replicator, ledger } = process;
    if (!fence.open) await fence.recheck().catch(nothing);
    else await proveStandby(process, replicator, ledger).catch(nothing);
    if (!fence.open) return this.stop();
    this.#process?.replicator.holds.approve(this.#approvals);
    this.#process?.replicator.retryNow();
    await this.#settled();
  }

  async #start(): Promise<void> {
    const { world } = this;
    const { clock, identity } = world;
    const sight = new Sight(world.truth);
    const gate = new Gate(this.#clusters, world, sight);
    const end = (name: string, client: KubeClient, clusterId: string) =>
      new Cluster({ name, client, clusterId, clock, onReconnect: nothing });
    const source = end("source", gate.source, identity.sourceClusterId);
    const target = end("dr", gate.dr, identity.destinationClusterId);
    const { knownEpoch } = world;
    const { signal } = new AbortController();
    const ports = { identity, holder: HOLDER, knownEpoch, clock, signal, trackingKeys: [], created: nothing };
    await Promise.all([source.refreshCatalogue(), target.refreshCatalogue()]);
    const standby = await prepareStandby({ source, target }, ports).catch(nothing);
    await this.#within(async () => {
      world.knownEpoch = standby?.fence.epoch ?? world.knownEpoch;
      await world.note();
    });
    if (standby?.fence.open !== true) return void this.#endings.push(gate.close());
    sight.begin(new Set(RESOURCES.filter((kind) => !this.#without.includes(kind))));
    const ledger: DeletionLedger = new DeletionLedger(world.truth.persisted, () => world.persist(ledger.statusWindow));
    const writes = new WritesUnderWay();
    const replicator = this.#replicator({ source, target }, standby, ledger, writes);
    const close = async () => {
      await writes.finish(FINISH_MS);
      await gate.close();
    };
    this.#process = { replicator, ledger, ...standby, gate, close };
    replicator.start();
    // Proofs of life list in their own time, which no turn waits for.
    source.proofs.close();
    await this.#settled();
  }

  #replicator(
    ends: { readonly source: Cluster; readonly target: Cluster },
    standby: Standby,
    ledger: DeletionLedger,
    writes: WritesUnderWay,
  ): Replicator {
    const { world } = this;
    return new Replicator({
      name: "control/shop",
      identity: world.identity,
      options: {
        scaleToZero: true,
        rbacObjects: "Mirror",
        crds: "Never",
        deletion: world.truth.policy,
        conflictPolicy: "Abort",
        driftPolicy: "Correct",
        immutableFieldPolicy: "Report",
        helmReleases: "Skip",
        trackingKeys: [],
      },
      selection: new Selection([], this.#without),
      adaptation: {},
      ...ends,
      ...standby,
      ledger,
      writes,
      continuous: true,
      watch: true,
      clock: world.clock,
      log,
      auditLog: log,
      metrics: this.#metrics,
      random: () => 0.5,
      leads: () => world.leads,
      onUnreachable: nothing,
      onChange: nothing,
    });
  }

  async #approve(): Promise<void> {
    for (const { id, sample } of this.#process?.ledger.holds() ?? []) {
      this.#approvals.add(id);
      for (const key of sample ?? []) await this.world.approve(key);
    }
    this.#process?.replicator.holds.approve(this.#approvals);
  }

  /** Time passes while nothing is under way: no call takes as long. */
  async #pass(ms: number): Promise<void> {
    do await this.#settled(); while (!this.#isAtRest());
    this.world.step();
    this.world.truth.tell(`${ms} ms pass`);
    this.world.clock.advance(ms);
  }

  #isAtRest(): boolean {
    return this.world.waiting === 0 && (this.#process?.replicator.queue.active ?? 0) === 0;
  }

  /** Resolves when nothing is asked any more. */
  async #settled(): Promise<void> {
    let before = -1;
    let quietSinceMs = performance.now();
    const isQuiet = () => {
      const calls = this.#process?.gate.calls ?? 0;
      if (calls !== before || !this.#isAtRest()) quietSinceMs = performance.now();
      before = calls;
      return performance.now() - quietSinceMs >= QUIET_MS;
    };
    await waitFor("the process at rest", isQuiet, { deadlineMs: DEADLINE_MS, pollMs: 2 });
  }
}
