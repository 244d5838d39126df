/**
 * All Replications with a selector: a runner for each, one watch of Namespaces for each source cluster, and no orphans.
 *
 * @module
 */
import type { AnyReplication, Replication, ReplicationFamily } from "../../crds/types.ts";
import { isFamily, isSingle } from "../../crds/types.ts";
import { nameOf } from "../../crds/world.ts";
import { NAMESPACES } from "../builtin_types.ts";
import type { Cluster } from "../cluster.ts";
import { followObjects, type ObjectStore } from "../follow.ts";
import { ChildWriter, type ChildWriterPorts } from "./child_writer.ts";
import { type FamilyPorts, FamilyRunner, type FamilySource } from "./family.ts";
import { findOrphans, removeOrphans } from "./orphans.ts";

/** Delay before orphans that could not be deleted are tried again. */
const RETRY_MS = 2_000;

/** What the families need. */
export interface FamiliesPorts extends Omit<FamilyPorts, "children" | "source" | "replications">, ChildWriterPorts {
  readonly client: FamilyPorts["client"];
  /** Every Replication, of both sorts. */
  all(): readonly AnyReplication[];
  /** The cluster of this name (undefined: the own one); undefined while it is not reached. */
  cluster(name: string | undefined): Cluster | undefined;
}

interface Followed {
  readonly store: ObjectStore;
  readonly abort: AbortController;
}

/** See the module. Works until `stop`. */
export class Families {
  readonly #ports: FamiliesPorts;
  readonly #children: ChildWriter;
  readonly #runners = new Map<string, FamilyRunner>();
  readonly #namespaces = new Map<Cluster, Followed>();
  readonly #abort = new AbortController();
  #sweeping: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: FamiliesPorts) {
    this.#ports = ports;
    this.#children = new ChildWriter(ports);
  }

  /** Replications or clusters have changed; `isNews`: in more than the status of some. */
  arrange(isNews: boolean): void {
    const families = new Map(this.#ports.all().filter(isFamily).map((family) => [nameOf(family), family]));
    for (const [name, runner] of this.#runners) {
      if (families.get(name)?.metadata.uid === runner.object.metadata.uid) continue;
      this.#runners.delete(name);
      void runner.stop();
    }
    this.#forgetUnused([...families.values()]);
    for (const [name, family] of families) {
      const known = this.#runners.get(name);
      if (known === undefined) this.#add(name, family);
      else known.update(family, isNews);
    }
    this.#sweep();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort();
    for (const { abort } of this.#namespaces.values()) abort.abort();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#sweeping;
  }

  #add(name: string, family: ReplicationFamily): void {
    const runner = new FamilyRunner(family, {
      ...this.#ports,
      children: this.#children,
      judge: (replication) => this.#ports.judge(replication),
      event: (...event) => this.#ports.event(...event),
      replications: () => this.#ports.all().filter(isSingle),
      source: (cluster) => this.#sourceOf(cluster),
    });
    this.#runners.set(name, runner);
    runner.kick();
  }

  #sourceOf(name: string | undefined): FamilySource | undefined {
    const cluster = this.#ports.cluster(name);
    if (cluster === undefined) return undefined;
    let followed = this.#namespaces.get(cluster);
    if (followed === undefined) {
      const abort = new AbortController();
      const changed = () => this.#kick();
      const options = { metadataOnly: true };
      const store = followObjects(cluster.client, NAMESPACES, undefined, changed, abort.signal, options);
      followed = { store, abort };
      this.#namespaces.set(cluster, followed);
    }
    const { store } = followed;
    return {
      client: cluster.client,
      namespaces: store.synced ? store.objects() : undefined,
      problem: store.problem,
    };
  }

  #kick(): void {
    for (const runner of this.#runners.values()) runner.kick();
  }

  /** Clusters that no family reads any more, and such that were replaced by another connection. */
  #forgetUnused(families: readonly ReplicationFamily[]): void {
    const used = new Set(families.map(({ spec }) => this.#ports.cluster(spec.sourceCluster)));
    for (const [cluster, { abort }] of this.#namespaces) {
      if (used.has(cluster)) continue;
      abort.abort();
      this.#namespaces.delete(cluster);
    }
  }

  #sweep(): void {
    if (this.#sweeping !== undefined || this.#abort.signal.aborted) return;
    const orphans = this.#orphans();
    if (orphans.length === 0) return;
    clearTimeout(this.#timer);
    this.#sweeping = removeOrphans(orphans, this.#ports.client, this.#children, this.#abort.signal)
      .catch((error: unknown) => {
        if (!this.#abort.signal.aborted) {
          this.#ports.log.warn("cannot delete orphaned Replications: {reason}", { reason: String(error) });
        }
      })
      .finally(() => {
        this.#sweeping = undefined;
        // Nothing may come to tell of those that stayed, and of those that were orphaned meanwhile.
        if (!this.#abort.signal.aborted) this.#timer = setTimeout(() => this.#sweep(), RETRY_MS);
      });
  }

  /** In the control namespace: those of tenants are none of ours. */
  #orphans(): Replication[] {
    const all = this.#ports.all();
    const own = ({ metadata }: AnyReplication) => metadata.namespace === this.#ports.controlNamespace;
    return findOrphans(all, all.filter(isSingle).filter(own));
  }
}
