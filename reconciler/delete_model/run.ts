/**
 * The process that mirrors in a world: the real parts from the standby's fence to the queue, started, stopped and looked at as a
 * Replication does it.
 *
 * @module
 */
import type { Log } from "../../kube/log.ts";
import { Cluster } from "../cluster.ts";
import type { Fence } from "../fence.ts";
import { DeletionLedger } from "../intents.ts";
import type { Metrics } from "../metrics.ts";
import { Replicator } from "../replicator.ts";
import { Selection } from "../selection.ts";
import type { SourceNamespace } from "../source_namespace.ts";
import { prepareStandby, proveStandby } from "../standby.ts";
import { WritesUnderWay } from "../writes_under_way.ts";
import {
  ENDS,
  HOLDER,
  ID,
  type LeaseFields,
  type Lists,
  type Meddling,
  type Resource,
  RESOURCES,
  type World,
} from "./world.ts";

const identity = { ...ENDS, replicationId: ID };
const nothing = () => {};
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
/** So many turns of the event loop's microtasks without a call: nothing is under way any more. */
const QUIET_TURNS = 60;

/** One thing that happens. */
export type Happening =
  | { readonly do: "create" | "remove" | "create anew"; readonly of: Resource; readonly name: string }
  | { readonly do: "ignore"; readonly of: Resource; readonly name: string; readonly is: boolean }
  | { readonly do: "meddle"; readonly of: Resource; readonly name: string; readonly how: Meddling }
  | { readonly do: "lists"; readonly of: Resource; readonly how: Lists }
  | { readonly do: "namespace"; readonly becomes: "Terminating" | "Gone" | "Created" | "Created anew" }
  | { readonly do: "watches"; readonly become: "Broken" | "Open" | "Opened anew" }
  | { readonly do: "lease"; readonly is: LeaseFields }
  | { readonly do: "lead" | "identity" | "reads" | "persist"; readonly is: boolean }
  | { readonly do: "stop" | "heal" };

/** What the test itself does between happenings. */
export type Turn =
  | Happening
  | { readonly do: "soon"; readonly calls: number; readonly what: Happening }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "start"; readonly without: readonly string[] }
  | { readonly do: "resync" | "look at the fence" | "approve" };

interface Process {
  readonly replicator: Replicator;
  readonly ledger: DeletionLedger;
  readonly fence: Fence;
  readonly namespace: SourceNamespace;
}

/** A world, and the process that mirrors in it. */
export class Run {
  readonly world: World;
  readonly #metrics: Metrics;
  #process: Process | undefined;
  #without: readonly string[] = [];
  readonly #approvals = new Set<string>();

  constructor(world: World, metrics: Metrics) {
    this.world = world;
    this.#metrics = metrics;
  }

  async turn(turn: Turn): Promise<void> {
    this.world.step();
    switch (turn.do) {
      case "soon":
        return this.world.soon(turn.calls, () => this.happen(turn.what));
      case "pass":
        this.world.clock.advance(turn.ms);
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
        this.#approve();
        return await this.#settled();
      default:
        this.happen(turn);
        return await this.#settled();
    }
  }

  /** Something happens in the world, at once. */
  happen(what: Happening): void {
    const { world } = this;
    switch (what.do) {
      case "create":
        return world.create(what.of, what.name);
      case "remove":
        return world.remove(what.of, what.name);
      case "create anew":
        world.remove(what.of, what.name);
        return world.create(what.of, what.name);
      case "ignore":
        return world.ignore(what.of, what.name, what.is);
      case "meddle":
        return world.meddle(what.of, what.name, what.how);
      case "lists":
        return world.lists(what.of, what.how);
      case "namespace":
        if (what.becomes === "Created anew") world.namespace("Gone");
        return world.namespace(what.becomes === "Created anew" ? "Created" : what.becomes);
      case "watches":
        return world.watches(what.become);
      case "lease":
        return world.lease(what.is);
      case "lead":
        return world.lead(what.is);
      case "identity":
        return world.identity(what.is);
      case "reads":
        return world.fail({ reads: !what.is });
      case "persist":
        return world.fail({ persist: !what.is });
      case "stop":
        return this.stop();
      case "heal":
        return this.#heal();
    }
  }

  /** The process ends, whatever it was at. */
  stop(): void {
    this.#process?.replicator.stop();
    this.#process = undefined;
  }

  #heal(): void {
    const { world } = this;
    for (const resource of RESOURCES) world.lists(resource, "whole");
    world.fail({ reads: false, persist: false });
    world.lead(true);
    world.identity(true);
    world.lease({});
    if (world.source.find("namespaces", ENDS.sourceNamespace)?.metadata.deletionTimestamp !== undefined) {
      world.namespace("Gone");
    }
    world.namespace("Created");
    world.watches("Open");
  }

  /** What a Replication does each time that it is looked at. */
  async #tick(): Promise<void> {
    if (this.#process === undefined) return await this.#start();
    const { fence, replicator, ledger } = this.#process;
    if (!fence.open) await fence.recheck().catch(nothing);
    else await proveStandby(this.#process, replicator, ledger).catch(nothing);
    if (!fence.open) return this.stop();
    this.#process?.replicator.holds.approve(this.#approvals);
    this.#process?.replicator.retryNow();
    await this.#settled();
  }

  async #start(): Promise<void> {
    const { world } = this;
    const { clock } = world;
    const end = (name: string, client: World["source"], clusterId: string) =>
      new Cluster({ name, client, clusterId, clock, onReconnect: nothing });
    const source = end("source", world.source, ENDS.sourceClusterId);
    const target = end("dr", world.dr, ENDS.destinationClusterId);
    await Promise.all([source.refreshCatalogue(), target.refreshCatalogue()]);
    const { signal } = new AbortController();
    const ports = {
      identity,
      holder: HOLDER,
      knownEpoch: world.knownEpoch,
      clock,
      signal,
      trackingKeys: [],
      created: nothing,
    };
    const standby = await prepareStandby({ source, target }, ports).catch(nothing);
    world.knownEpoch = standby?.fence.epoch ?? world.knownEpoch;
    if (standby?.fence.open !== true) return;
    world.begin(new Set(RESOURCES.filter((kind) => !this.#without.includes(kind))));
    const ledger: DeletionLedger = new DeletionLedger(world.truth.persisted, () => world.persist(ledger.statusWindow));
    const replicator = new Replicator({
      name: "control/shop",
      identity,
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
      source,
      target,
      ...standby,
      ledger,
      writes: new WritesUnderWay(),
      continuous: true,
      watch: true,
      clock,
      log,
      auditLog: log,
      metrics: this.#metrics,
      random: () => 0.5,
      leads: () => world.leads,
      onUnreachable: nothing,
      onChange: nothing,
    });
    this.#process = { replicator, ledger, ...standby };
    replicator.start();
    await this.#settled();
  }

  #approve(): void {
    for (const { id, sample } of this.#process?.ledger.holds() ?? []) {
      this.#approvals.add(id);
      for (const key of sample ?? []) this.world.approve(key);
    }
    this.#process?.replicator.holds.approve(this.#approvals);
  }

  /** Resolves when nothing is called any more: what is left waits for a time to pass. */
  async #settled(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      if (this.world.calls !== before) quiet = 0;
      before = this.world.calls;
      await Promise.resolve();
    }
  }
}
