/**
 * Notices kinds that come and go: definitions are watched, and what the cluster serves is read again until it shows what an
 * event announced.
 *
 * @module
 */
import type { ObjectMeta } from "../kube/types.ts";
import { type Announced, isShown } from "./announced.ts";
import { DEFINITIONS } from "./builtin_types.ts";
import type { Cluster } from "./cluster.ts";
import type { Log } from "../kube/log.ts";

/**
 * A definition shows in discovery and in schemas a moment after its event, on a busy server later: waits between looks, and after
 * the last one nothing more is expected.
 */
const WAITS_MS: readonly number[] = [10, 40, 60, 100, 150, 250, 400, 1_000, 2_000, 4_000, 12_000];
/** After a look that took long the next waits longer, and more events meet in it. */
const REST_FACTOR = 3;
/** The digest of a group tells that one of its definitions has changed, not that all have: one more look after this long. */
const CONFIRM_MS = 3_000;

/** Keeps a cluster's catalogue fresh until the signal is aborted. */
export function watchCatalogue(cluster: Cluster, log: Log, signal: AbortSignal): void {
  const watch = new CatalogueWatch(cluster, log, signal);
  let listing = new Map<string, string>();
  cluster.client.watch(DEFINITIONS, { metadataOnly: true, start: "list" }, {
    begin: () => listing = new Map(),
    item: ({ object: { metadata } }) => listing.set(metadata.name, idOf(metadata)),
    live: () => watch.listed(listing),
    event: ({ type, object: { metadata } }) => {
      // A deletion may come within a list, of an item of it.
      if (type === "Deleted") listing.delete(metadata.name);
      watch.changed(metadata.name, type === "Deleted" ? undefined : idOf(metadata));
    },
  }, signal);
}

function idOf({ uid, generation }: ObjectMeta): string {
  return `${uid}/${generation}`;
}

interface Pending extends Announced {
  /** uid and generation; undefined: it is gone. */
  readonly id: string | undefined;
}

class CatalogueWatch {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #pending = new Map<string, Pending>();
  /** uid and generation of every definition as told last; undefined before the first list. */
  #ids: Map<string, string> | undefined;
  /** What is shown of definitions that changed: their ids, and the digests of their schemas. */
  readonly #shown = new Map<string, { readonly id: string; readonly schemas: string | undefined }>();
  /** Groups of the definitions that were shown since nothing was pending. */
  #groups: string[] = [];
  #waits = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking = false;

  constructor(cluster: Cluster, log: Log, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#log = log;
    this.#signal = signal;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** All definitions there are. Those that came, changed or went while nobody told of it have done so now. */
  listed(listing: ReadonlyMap<string, string>): void {
    this.#cluster.refreshCatalogue(this.#signal).catch((error: unknown) => this.#warn(error));
    const known = this.#ids;
    this.#ids = new Map(listing);
    if (known === undefined) return;
    for (const [name, id] of listing) if (known.get(name) !== id) this.changed(name, id);
    for (const name of known.keys()) if (!listing.has(name)) this.changed(name, undefined);
  }

  /** A definition is there with this uid and generation, or is gone. */
  changed(name: string, id: string | undefined): void {
    if (id === undefined) this.#ids?.delete(name);
    else this.#ids?.set(name, id);
    const shown = this.#shown.get(name);
    // A status that changes announces nothing, once what it is the status of is shown.
    if (id !== undefined && shown?.id === id) return;
    const before = this.#pending.get(name);
    if (before === undefined || before.id !== id) {
      const schemasBefore = before?.schemasBefore ?? this.#cluster.catalogue?.schemas ?? new Map();
      const ownBefore = before === undefined ? shown?.schemas : before.ownBefore;
      this.#pending.set(name, { name, id, schemasBefore, ownBefore });
      if (id !== undefined) this.#cluster.redefined(name);
    }
    this.#waits = 0;
    if (!this.#looking) this.#lookLater(0);
  }

  #lookLater(tookMs: number): void {
    clearTimeout(this.#timer);
    const waitMs = WAITS_MS[this.#waits++];
    if (this.#signal.aborted) return;
    if (waitMs === undefined) return this.#giveUp();
    this.#timer = setTimeout(() => void this.#look(), Math.max(waitMs, tookMs * REST_FACTOR));
  }

  #giveUp(): void {
    const { name: cluster } = this.#cluster;
    this.#log.debug("{cluster} does not show changes of {definitions}", {
      cluster,
      definitions: [...this.#pending.keys()].join(", "),
    });
    this.#pending.clear();
    this.#groups = [];
  }

  async #look(): Promise<void> {
    const looked = [...this.#pending.values()];
    const startedMs = performance.now();
    this.#looking = true;
    try {
      const names = new Set(looked.map(({ name }) => name));
      const { catalogue, definitions } = await this.#cluster.lookAgain(names, this.#signal);
      for (const one of looked) {
        const definition = definitions.get(one.name);
        if (isShown(one, definition, catalogue)) this.#settle(one, definition?.schemas);
      }
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#looking = false;
    }
    if (this.#pending.size > 0) this.#lookLater(performance.now() - startedMs);
    else this.#confirm();
  }

  #settle(pending: Pending, schemas: string | undefined): void {
    const { name, id } = pending;
    // Another event may have come meanwhile.
    if (this.#pending.get(name) !== pending) return;
    this.#pending.delete(name);
    this.#groups.push(name.slice(name.indexOf(".") + 1));
    if (id === undefined) this.#shown.delete(name);
    else this.#shown.set(name, { id, schemas });
  }

  #confirm(): void {
    const several = new Set(this.#groups).size < this.#groups.length;
    this.#groups = [];
    clearTimeout(this.#timer);
    if (several && !this.#signal.aborted) this.#timer = setTimeout(() => void this.#look(), CONFIRM_MS);
  }

  #warn(error: unknown): void {
    if (this.#signal.aborted) return;
    const reason = String(error);
    this.#log.warn("cannot read what {cluster} serves: {reason}", { cluster: this.#cluster.name, reason });
  }
}
