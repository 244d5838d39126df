/**
 * A cluster as the reconciler uses it: its client, identity, catalogue of kinds, shared watches and write capacity.
 *
 * @module
 */
import { MANAGED_BY } from "../crds/keys.ts";
import {
  type Call,
  type Discovery,
  groupResource,
  type KubeClient,
  type KubeObject,
  type ResourceType,
} from "../kube/types.ts";
import { ClassNames } from "./classes.ts";
import type { Clock } from "./clock.ts";
import { CopyCounts } from "./copy_counts.ts";
import {
  type DefinitionFacts,
  type Definitions,
  factsOf,
  namesToKnow,
  readDefinition,
  readDefinitions,
} from "./definition_facts.ts";
import { Dispatcher } from "./dispatcher.ts";
import { NAMESPACES } from "./builtin_types.ts";
import { LifeProofs } from "./proof.ts";
import { readSchemaDigests } from "./schema_digests.ts";
import { SharedRead } from "./shared_read.ts";
import { PathMemory } from "./volumes/path_plan.ts";
import { VolumeTurns } from "./volumes/volume_turns.ts";
import { WatchHub } from "./watch_hub.ts";

/** What a cluster serves, at one moment. */
export interface Catalogue extends DefinitionFacts {
  readonly discovery: Discovery;
  /** Digest of the schemas of each group version (`apps/v1`, `v1`). */
  readonly schemas: ReadonlyMap<string, string>;
}

/** How long a kind counts as young: longer than API servers hold back its creates (2 s after it was Established). */
const YOUNG_MS = 30_000;

/** A catalogue, and the definitions that it rests on. */
export interface Look {
  readonly catalogue: Catalogue;
  readonly definitions: Definitions;
}

interface Reading {
  readonly order: number;
  readonly discovery: Discovery;
  readonly definitions: Definitions;
}

/** A connected cluster whose identity is known. */
export class Cluster {
  readonly name: string;
  readonly client: KubeClient;
  /** uid of Namespace kube-system. */
  readonly clusterId: string;
  /** Watches of source objects. */
  readonly objects: WatchHub;
  /** Watches of our copies: metadata only. */
  readonly copies: WatchHub;
  /** Proof that the watches of source objects have told of everything. */
  readonly proofs: LifeProofs;
  readonly dispatcher: Dispatcher;
  readonly classes: ClassNames;
  /** Of volumes that are copied to it. */
  readonly volumeTurns = new VolumeTurns();
  readonly volumePaths = new PathMemory();
  /** Copies in this cluster of kinds that only it serves. */
  readonly copyCounts: CopyCounts;
  #catalogue: Catalogue | undefined;
  readonly #clock: Clock;
  readonly #youngSince = new Map<string, number>();
  #definitions: Definitions = new Map();
  /** Readings that have begun, and the last of them that counted. */
  #begun = 0;
  #applied = 0;
  readonly #refreshing = new SharedRead((signal) => this.#readAll(signal));
  readonly #listeners = new Set<() => void>();
  readonly #redefinitionListeners = new Set<(kind: string) => void>();

  constructor(options: {
    name: string;
    client: KubeClient;
    clusterId: string;
    clock: Clock;
    onReconnect: (cluster: string, kind: string) => void;
    /** How many writes at once the cluster bears, whenever that changes. */
    onLimit?: (limit: number) => void;
  }) {
    const { name, client, clock } = options;
    this.name = name;
    this.client = client;
    this.#clock = clock;
    this.clusterId = options.clusterId;
    this.proofs = new LifeProofs(client, clock);
    this.classes = new ClassNames(client);
    this.copyCounts = new CopyCounts(client, clock);
    this.dispatcher = new Dispatcher({ clock, onLimit: options.onLimit });
    const reconnected = (kind: string) => options.onReconnect(name, kind);
    this.objects = new WatchHub(client, {}, clock, reconnected);
    this.copies = new WatchHub(client, { metadataOnly: true, labelSelector: MANAGED_BY }, clock, reconnected);
  }

  /** Whether a kind came within the last half minute, as far as is known: it was not there at an earlier look. */
  isYoung(kind: string): boolean {
    const sinceMs = this.#youngSince.get(kind);
    return sinceMs !== undefined && this.#clock.monotonicMs() - sinceMs < YOUNG_MS;
  }

  /** What the cluster serves; undefined before the first refresh. */
  get catalogue(): Catalogue | undefined {
    return this.#catalogue;
  }

  /** Reads what the cluster serves; calls at the same time share one read. Listeners are told when it changed. */
  refreshCatalogue(signal?: AbortSignal): Promise<Catalogue> {
    return this.#refreshing.get(signal);
  }

  /** Reads what the cluster serves, and of the definitions only those that have changed. Throws `KubeError`. */
  async lookAgain(changed: ReadonlySet<string>, signal: AbortSignal): Promise<Look> {
    const order = ++this.#begun;
    const discovery = await this.client.discover({ signal });
    const definitions = new Map(this.#definitions);
    const unknown = [...namesToKnow(discovery)].filter((name) => !definitions.has(name));
    const read = await Promise.all(
      [...new Set([...changed, ...unknown])].map(async (name) =>
        [name, await readDefinition(this.client, name, signal)] as const
      ),
    );
    for (const [name, definition] of read) {
      if (definition === undefined) definitions.delete(name);
      else definitions.set(name, definition);
    }
    return { catalogue: await this.#readSchemas({ order, discovery, definitions }, signal), definitions };
  }

  /** Tells when the catalogue has changed. */
  onCatalogue(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of a kind whose definition has changed: what was read of its objects may lack fields that they have. */
  onRedefinition(listener: (kind: string) => void): () => void {
    this.#redefinitionListeners.add(listener);
    return () => this.#redefinitionListeners.delete(listener);
  }

  /** The definition of a kind has changed, or may have. */
  redefined(kind: string): void {
    this.objects.redefined(kind);
    for (const listener of this.#redefinitionListeners) listener(kind);
  }

  close(): void {
    this.#listeners.clear();
    this.#redefinitionListeners.clear();
    this.proofs.close();
    this.client.close();
  }

  async #readAll(signal: AbortSignal): Promise<Catalogue> {
    const order = ++this.#begun;
    const discovery = await this.client.discover({ signal });
    const definitions = await readDefinitions(this.client, discovery, signal);
    return await this.#readSchemas({ order, discovery, definitions }, signal);
  }

  async #readSchemas({ order, discovery, definitions }: Reading, signal: AbortSignal): Promise<Catalogue> {
    const schemas = await readSchemaDigests(this.client, signal) ?? this.#catalogue?.schemas ?? new Map();
    const before = this.#catalogue;
    // What began later knows better.
    if (before !== undefined && order < this.#applied) return before;
    this.#applied = order;
    const facts = factsOf(definitions, discovery);
    this.#definitions = definitions;
    if (before !== undefined) this.#noteYoung(before.discovery, discovery);
    this.#catalogue = { discovery: keepStale(discovery, before?.discovery), ...facts, schemas };
    if (before === undefined || describe(before) !== describe(this.#catalogue)) {
      for (const listener of this.#listeners) listener();
    }
    return this.#catalogue;
  }

  #noteYoung(before: Discovery, now: Discovery): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [kind, sinceMs] of this.#youngSince) if (nowMs - sinceMs >= YOUNG_MS) this.#youngSince.delete(kind);
    for (const kind of now.versions.keys()) if (!before.versions.has(kind)) this.#youngSince.set(kind, nowMs);
  }
}

/** Kinds of a group whose discovery failed are unknown, not gone: what was known of them stays, versions included. */
export function keepStale(now: Discovery, before: Discovery | undefined): Discovery {
  if (before === undefined || now.stale.length === 0) return now;
  const types = [...now.types];
  const versions = new Map(now.versions);
  for (const type of before.types.filter(({ group }) => now.stale.includes(group))) {
    const kind = groupResource(type);
    if (!now.types.some((other) => groupResource(other) === kind)) types.push(type);
    versions.set(kind, [...new Set([...versions.get(kind) ?? [], ...before.versions.get(kind) ?? []])]);
  }
  return { ...now, types, versions };
}

function describe(catalogue: Catalogue): string {
  const types = catalogue.discovery.types.map((t: ResourceType) =>
    [`${t.group}/${t.version}/${t.resource}:${t.verbs.length}`, t.kind, t.singular, ...t.shortNames].join()
  );
  const versions = [...catalogue.discovery.versions].map(([kind, served]) => `${kind}=${served.join(",")}`);
  const { scalePaths, storageVersions, schemas } = catalogue;
  const maps = [scalePaths, storageVersions, schemas].map((map) => [...map].flat().join(" "));
  return [...types.sort(), ...versions.sort(), ...maps].join(" ");
}

/** Identity of a cluster: the uid of its Namespace kube-system. Throws `KubeError`. */
export async function readClusterId(client: KubeClient, call: Call = {}): Promise<string> {
  const namespace: KubeObject = await client.get(NAMESPACES, { name: "kube-system" }, call);
  return namespace.metadata.uid ?? "";
}
