/**
 * One full pass of a Replication whose DR client stores nothing: the very code that mirrors decides what it would do.
 *
 * @module
 */
import { FIELD_MANAGER } from "../../crds/keys.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/types.ts";
import { type Adaptations, adaptationsOf, type AdaptationSpec } from "../adaptation.ts";
import { DEFINITIONS } from "../builtin_types.ts";
import type { Clock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { makeContext } from "../context_factory.ts";
import { desiredCrd } from "../desired/crd.ts";
import { Dispatcher } from "../dispatcher.ts";
import { classify, type Failure } from "../failure.ts";
import type { DeletionLedger } from "../intents.ts";
import { type KindPlan, type MirroredKind, planKinds } from "../kinds.ts";
import { Memory } from "../memory.ts";
import { mirrorKey } from "../mirror.ts";
import type { MirrorContext, MirrorIdentity, MirrorOptions } from "../mirror_context.ts";
import type { Outcome } from "../outcome.ts";
import { KeyedQueue } from "../queue.ts";
import { resyncKind } from "../resync.ts";
import type { Selection } from "../selection.ts";
import type { Standby } from "../standby.ts";

/** What a pass is made of. The target's client is one that stores nothing. */
export interface PassOptions extends Standby {
  readonly source: Cluster;
  readonly target: Cluster;
  readonly identity: MirrorIdentity;
  readonly options: MirrorOptions;
  readonly selection: Selection;
  readonly adaptation: AdaptationSpec;
  readonly ledger: DeletionLedger;
  readonly approvals: ReadonlySet<string>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What a pass found. */
export interface PassResult {
  readonly plan: KindPlan;
  /** Of every key that was looked at one by one. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Copies that are as they should be. */
  readonly memory: Memory;
  /** Kinds that could not be listed, by `resource.group`. */
  readonly unlisted: ReadonlyMap<string, Failure>;
}

/** A key whose kind would be there after its definition was created. */
export const DEFINITION_PLANNED = "its definition would be created first";

/** Runs one pass. Throws what is no answer of an API server. */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const pass = new Pass(options);
  await pass.compare();
  await pass.decideDeletes();
  return pass;
}

class Pass implements PassResult {
  readonly plan: KindPlan;
  readonly outcomes = new Map<string, Outcome>();
  readonly memory = new Memory();
  readonly unlisted = new Map<string, Failure>();
  readonly #options: PassOptions;
  readonly #queue: KeyedQueue;
  readonly #context: MirrorContext;
  readonly #adaptations: Adaptations;
  readonly #definitions = new Map<string, Promise<Outcome>>();
  #listed = false;

  constructor(options: PassOptions) {
    const { source, target, selection } = options;
    if (source.catalogue === undefined || target.catalogue === undefined) throw new Error("catalogues come first");
    this.#options = options;
    this.plan = planKinds({
      source: source.catalogue.discovery,
      target: target.catalogue.discovery,
      stored: [target.catalogue.storageVersions, source.catalogue.storageVersions],
      scalePaths: source.catalogue.scalePaths,
      ...selection.resolve(source.catalogue.discovery),
    });
    this.#adaptations = adaptationsOf(options.adaptation, source.catalogue.discovery);
    this.#queue = new KeyedQueue(options.clock);
    this.#context = this.#makeContext();
  }

  /** Compares every kind, tier by tier, and tries what differs. Deletes only announce themselves. */
  async compare(): Promise<void> {
    for (const tier of Map.groupBy(this.plan.kinds, (kind) => kind.tier).values()) {
      await this.#work(() => Promise.all(tier.map((kind) => this.#compareKind(kind))));
    }
  }

  /** With every intent known, the guards judge each; the budget and approvals count all of them. */
  async decideDeletes(): Promise<void> {
    this.#listed = true;
    const { ledger, approvals } = this.#options;
    const waiting = [...this.outcomes].filter(([key]) => ledger.intents.has(key)).map(([key]) => key);
    await this.#retry(waiting);
    await this.#retry(ledger.approve(approvals));
  }

  async #compareKind(kind: MirroredKind): Promise<void> {
    try {
      await resyncKind(kind, this.#context, this.#queue);
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.unlisted.set(kind.name, classify(error));
    }
  }

  async #retry(keys: readonly string[]): Promise<void> {
    await this.#work(() => {
      for (const key of keys) this.#queue.add(key, { checkCopy: true });
      return Promise.resolve();
    });
  }

  /** Runs the queue until `fill` is done and nothing is left. */
  async #work(fill: () => Promise<unknown>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let filled = false;
    const quiet = () => {
      if (filled && this.#queue.active === 0) resolve();
    };
    const stop = new Dispatcher().register(this.#queue, async ({ key, ...item }) => {
      const outcome = await mirrorKey({ key, ...item }, this.#context).catch((error: unknown): Outcome => {
        if (!isKubeError(error)) reject(error);
        return { type: "Failed", failure: classify(error) };
      });
      const entry = this.memory.get(key);
      if (outcome.type === "Failed" && entry !== undefined) entry.state = "Failed";
      this.outcomes.set(key, outcome);
      this.#queue.done(key);
      quiet();
    });
    try {
      await fill();
      filled = true;
      quiet();
      await promise;
    } finally {
      stop();
      this.#queue.clear();
    }
  }

  #makeContext(): MirrorContext {
    const { identity, options, source, target, fence, ledger, namespace, clock, signal } = this.#options;
    return makeContext({
      identity,
      // A plan is about what happens in the end: every grace is over.
      options: { ...options, deletion: { ...options.deletion, graceMs: 0 } },
      source,
      target,
      namespace,
      adaptations: () => this.#adaptations,
      memory: this.memory,
      fence,
      ledger,
      clock,
      signal,
      bodiesAreTracked: true,
      tombstones: new Set(),
      mayWrite: () => fence.open,
      kinds: () => new Map(this.plan.kinds.map((kind) => [kind.name, kind])),
      kindListed: (kind) => this.#listed && !this.unlisted.has(kind),
      missingKind: (kind) => this.#missingKind(kind),
      usedRules: new Set(),
      audit: () => {},
    });
  }

  #missingKind(kind: MirroredKind): Promise<Outcome> {
    let planned = this.#definitions.get(kind.name);
    if (planned === undefined) {
      planned = this.#planDefinition(kind);
      this.#definitions.set(kind.name, planned);
    }
    return planned;
  }

  async #planDefinition({ name }: MirroredKind): Promise<Outcome> {
    const { source, target, options, signal } = this.#options;
    const missing = (message: string): Outcome => ({
      type: "Failed",
      failure: { failureClass: "KindMissing", message },
    });
    if (target.catalogue?.discovery.versions.has(name)) {
      return missing(`both clusters serve ${name}, but at no version that is the same`);
    }
    if (options.crds === "Never") return missing(`the DR cluster does not serve ${name}, and spec.crds is Never`);
    let definition: KubeObject;
    try {
      definition = desiredCrd(
        await source.client.get(DEFINITIONS, { name }, { signal }),
        source.clusterId,
        options.trackingKeys,
      );
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
      return missing(`the DR cluster does not serve ${name}, and it is not a CRD`);
    }
    const body = { ...definition, metadata: { ...definition.metadata, resourceVersion: "1" } };
    await target.client.apply(DEFINITIONS, body, { fieldManager: FIELD_MANAGER, signal });
    return { type: "Waiting", retryInMs: 0, why: DEFINITION_PLANNED };
  }
}
