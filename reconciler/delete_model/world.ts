/**
 * Two clusters in memory in which anything may happen, also between two calls, and of which everything is known.
 *
 * @module
 */
import { FENCE_LEASE, IGNORE, MANAGED_BY, ORIGIN, ROLE } from "../../crds/keys.ts";
import { replicationId } from "../../crds/replication_id.ts";
import { KubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { DeletionPolicy, DeletionWindow } from "../deletes.ts";
import { discoveryOf, HandClock, kindOf } from "../testing.ts";
import { type MemoryAnswer, type MemoryCall, MemoryCluster } from "./memory_cluster.ts";
import { Truth } from "./truth.ts";

export const KINDS = { configmaps: "ConfigMap", secrets: "Secret", persistentvolumeclaims: "PersistentVolumeClaim" };
export type Resource = keyof typeof KINDS;
export const RESOURCES = Object.keys(KINDS) as Resource[];

/** Both ends. */
export const ENDS = {
  sourceClusterId: "source-id",
  sourceNamespace: "shop",
  destinationClusterId: "dr-id",
  destinationNamespace: "shop-dr",
};
export const ID = replicationId(ENDS);
export const HOLDER = "us/dr-syncer-system";
const LEASES = "leases.coordination.k8s.io";
/** A namespace shows that it ends this long before the first of its objects goes, as measured on API servers. */
const ENDING_MS = 5_000;

/** How lists of a kind are answered. */
export type Lists = "whole" | "refused" | "broken off" | "empty";
/** What somebody else in DR does to a copy. */
export type Meddling = "edit" | "remove" | "replace" | "label off" | "label of another" | "other origin" | "owner";
/** What somebody makes of the fence Lease; undefined takes it away. */
export type LeaseFields = { readonly role?: string; readonly holder?: string; readonly epochs?: number } | undefined;

/** See the module. All that happens is done through its methods. */
export class World {
  readonly clock = new HandClock();
  readonly truth: Truth;
  readonly source: MemoryCluster;
  readonly dr: MemoryCluster;
  knownEpoch: number | undefined;
  leads = true;
  /** What is to happen before the n-th call from now is answered. */
  #soon: { calls: number; event: () => void }[] = [];
  readonly #lists = new Map<Resource, Lists>();
  #readsFail = false;
  #persistFails = false;
  #leaseAnnotations: Record<string, string> | undefined;
  /** When the last list of a kind began, unless it failed. */
  readonly #listing = new Map<string, number>();
  #openedTick = 0;
  #isConnected = true;

  constructor(policy: DeletionPolicy) {
    this.truth = new Truth(policy, this.clock);
    const discovery = discoveryOf(RESOURCES.map((resource) => kindOf(resource, KINDS[resource])));
    this.source = new MemoryCluster(discovery, {
      answering: (call) => this.#atSource(call),
      listed: (resource) => this.#noteListed(resource),
    });
    this.dr = new MemoryCluster(discovery, { answering: (call) => this.#atDr(call), listed: () => {} });
    this.source.put("namespaces", namespaceNamed("kube-system", ENDS.sourceClusterId));
    this.source.put("namespaces", namespaceNamed(ENDS.sourceNamespace));
    this.dr.put("namespaces", namespaceNamed(ENDS.destinationNamespace));
    this.#note();
  }

  /** How many calls and steps there were. */
  get calls(): number {
    return this.truth.tick;
  }

  /** Moves on: what happens now happens after every call so far. */
  step(): void {
    this.truth.tick++;
  }

  /** Lets `event` happen before the n-th call from now is answered. */
  soon(calls: number, event: () => void): void {
    this.#soon.push({ calls, event });
  }

  /** A process begins, with these kinds selected. */
  begin(selected: ReadonlySet<string>): void {
    const { truth } = this;
    truth.selected = selected;
    truth.startedMs = this.clock.monotonicMs();
    this.#isConnected = true;
    this.#openedTick = truth.tick;
    for (const resource of RESOURCES) {
      this.#noteListed(resource);
      for (const name of "abcd") this.#noteWanted(resource, name);
    }
  }

  create(resource: Resource, name: string): void {
    const namespace = this.source.find("namespaces", ENDS.sourceNamespace);
    if (namespace === undefined || this.source.find(resource, name) !== undefined) return;
    const metadata = { name, namespace: ENDS.sourceNamespace };
    const { uid } = this.source.put(resource, { apiVersion: "v1", kind: KINDS[resource], metadata, data: {} }).metadata;
    this.truth.bornIn.set(uid as string, namespace.metadata.uid as string);
    this.#noteWanted(resource, name);
  }

  remove(resource: Resource, name: string): void {
    this.source.remove(resource, name);
    this.#noteWanted(resource, name);
  }

  ignore(resource: Resource, name: string, isIgnored: boolean): void {
    const object = this.source.find(resource, name);
    if (object === undefined) return;
    this.source.put(resource, { ...object, metadata: { ...object.metadata, labels: { [IGNORE]: String(isIgnored) } } });
    this.#noteWanted(resource, name);
  }

  namespace(becomes: "Terminating" | "Gone" | "Created"): void {
    const namespace = this.source.find("namespaces", ENDS.sourceNamespace);
    if (becomes === "Created" && namespace === undefined) {
      this.source.put("namespaces", namespaceNamed(ENDS.sourceNamespace));
    }
    if (becomes !== "Created" && namespace !== undefined) {
      const deletionTimestamp = new Date(this.clock.wallMs()).toISOString();
      this.source.put("namespaces", { ...namespace, metadata: { ...namespace.metadata, deletionTimestamp } });
    }
    this.#note();
    if (becomes === "Gone") this.#emptyNamespace();
  }

  #emptyNamespace(): void {
    this.clock.advance(ENDING_MS);
    for (const resource of RESOURCES) for (const name of this.source.names(resource)) this.remove(resource, name);
    this.source.remove("namespaces", ENDS.sourceNamespace);
    this.#note();
  }

  /** Another cluster, which has nothing, answers at the source's address; or the known one again. */
  identity(isKnown: boolean): void {
    this.source.put("namespaces", namespaceNamed("kube-system", isKnown ? ENDS.sourceClusterId : "another"));
    this.#note();
  }

  lists(resource: Resource, how: Lists): void {
    this.#lists.set(resource, how);
  }

  fail(what: { readonly reads?: boolean; readonly persist?: boolean }): void {
    this.#readsFail = what.reads ?? this.#readsFail;
    this.#persistFails = what.persist ?? this.#persistFails;
  }

  /** The watches of the source break, come back where they were, or at the present. */
  watches(become: "Broken" | "Open" | "Opened anew"): void {
    if (become === "Broken") this.source.breakWatches();
    this.#isConnected = become !== "Broken";
    if (become === "Opened anew") {
      this.#openedTick = this.truth.tick;
      this.#listing.clear();
    }
    for (const resource of RESOURCES) this.#noteListed(resource);
    if (become !== "Broken") this.source.openWatches(become === "Opened anew");
  }

  lease(fields: LeaseFields): void {
    const lease = this.dr.find(LEASES, FENCE_LEASE);
    // Whoever puts it back has kept what it said.
    if (lease !== undefined) this.#leaseAnnotations = lease.metadata.annotations;
    if (fields === undefined) this.dr.remove(LEASES, FENCE_LEASE);
    else {
      const annotations = { ...this.#leaseAnnotations, [ROLE]: fields.role ?? "Standby" };
      const leaseTransitions = (this.knownEpoch ?? 1) + (fields.epochs ?? 0);
      this.dr.put(LEASES, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { ...lease?.metadata, name: FENCE_LEASE, namespace: ENDS.destinationNamespace, annotations },
        spec: { ...lease?.spec as object, holderIdentity: fields.holder ?? HOLDER, leaseTransitions },
      });
    }
    this.#note();
  }

  lead(leads: boolean): void {
    this.leads = leads;
    this.#note();
  }

  /** Somebody else in DR writes or deletes an object with the name of a copy. */
  meddle(resource: Resource, name: string, how: Meddling): void {
    const live = this.dr.find(resource, name);
    if (how === "remove") return this.dr.remove(resource, name);
    if (live === undefined && how !== "replace") return;
    const metadata = { ...live?.metadata, name, namespace: ENDS.destinationNamespace, ...meddled(name, how) };
    if (how === "edit") metadata.labels = { ...metadata.labels, edited: "yes" };
    const { uid } = this.dr.put(resource, { apiVersion: "v1", kind: KINDS[resource], ...live, metadata }).metadata;
    if (how !== "edit") this.truth.strangers.add(uid as string);
  }

  /** A person approves what a hold names. */
  approve(key: string): void {
    const [resource = "", name = ""] = key.split("/");
    this.truth.approve(key, this.dr.find(resource, name)?.metadata.uid);
  }

  /** Writes the window into the status. */
  async persist(window: DeletionWindow): Promise<void> {
    await Promise.resolve();
    this.#called();
    if (this.#persistFails) throw new KubeError("Unavailable", "the status cannot be written");
    this.truth.persisted = window;
  }

  #called(): void {
    this.truth.tick++;
    const due = this.#soon.filter((one) => --one.calls <= 0);
    this.#soon = this.#soon.filter((one) => one.calls > 0);
    for (const { event } of due) event();
    this.#note();
  }

  #note(): void {
    const { truth } = this;
    const lease = this.dr.find(LEASES, FENCE_LEASE);
    const spec = (lease?.spec ?? {}) as { holderIdentity?: string; leaseTransitions?: number };
    const isOurs = spec.holderIdentity === HOLDER && lease?.metadata.annotations?.[ROLE] === "Standby" &&
      spec.leaseTransitions === this.knownEpoch;
    truth.set(truth.fence, isOurs && this.leads);
    const namespace = this.source.find("namespaces", ENDS.sourceNamespace);
    const ends = namespace?.metadata.deletionTimestamp !== undefined;
    truth.set(truth.namespace, ends ? undefined : namespace?.metadata.uid);
    const { uid } = this.source.find("namespaces", "kube-system")?.metadata ?? {};
    truth.set(truth.identity, uid === ENDS.sourceClusterId);
  }

  #noteWanted(resource: Resource, name: string): void {
    const { truth } = this;
    const object = this.source.find(resource, name);
    const isMirrored = object !== undefined && object.metadata.labels?.[IGNORE] !== "true";
    truth.set(truth.wanted(`${resource}/${name}`), isMirrored && truth.selected.has(resource));
  }

  #noteListed(resource: string): void {
    const isWhole = (this.#listing.get(resource) ?? -1) >= this.#openedTick;
    this.truth.set(this.truth.listed(resource), this.#isConnected && isWhole);
  }

  #atSource({ verb, resource, name, isFirst }: MemoryCall): MemoryAnswer {
    this.#called();
    const { truth } = this;
    if (verb === "get" && this.#readsFail) throw new KubeError("ServerError", "no answer");
    if (!(resource in KINDS)) return "truth";
    const key = `${resource}/${name}`;
    const answer = truth.identity.now ? "truth" : "nothing";
    if (verb === "get") {
      truth.looks(key).sourceTick = truth.tick;
      if (truth.wanted(key).now && answer === "truth") truth.sawWanted(key);
    }
    if (verb !== "list") return answer;
    const how = this.#lists.get(resource as Resource) ?? "whole";
    if (isFirst) this.#listing.set(resource, truth.tick);
    if (how !== "refused" && (how !== "broken off" || isFirst)) return how === "empty" ? "nothing" : answer;
    this.#listing.delete(resource);
    this.#noteListed(resource);
    throw new KubeError(isFirst ? "ServerError" : "Gone", "the list is not whole");
  }

  #atDr(call: MemoryCall): MemoryAnswer {
    this.#called();
    const { truth } = this;
    const { verb, resource, name } = call;
    const key = `${resource}/${name}`;
    const live = this.dr.find(resource, name);
    if (verb === "get" && resource in KINDS) {
      const uid = live?.metadata.uid;
      const wasOurs = uid !== undefined && !truth.strangers.has(uid);
      Object.assign(truth.looks(key), { copyTick: truth.tick, copyUid: uid, wasOurs });
    }
    if (verb === "create" || verb === "apply") truth.sawWanted(key);
    if (verb === "delete") truth.judge(call, live);
    return "truth";
  }
}

/** What of a copy's metadata becomes another by it. */
function meddled(name: string, how: Meddling): Partial<KubeObject["metadata"]> {
  const { sourceClusterId: cluster, sourceNamespace } = ENDS;
  switch (how) {
    case "replace":
      return { uid: undefined, labels: undefined, annotations: undefined };
    case "label off":
      return { labels: {} };
    case "label of another":
      return { labels: { [MANAGED_BY]: "ffffffffffff" } };
    case "other origin":
      return {
        annotations: { [ORIGIN]: JSON.stringify({ cluster, namespace: `${sourceNamespace}-prod`, name, uid: "any" }) },
      };
    case "owner":
      return {
        ownerReferences: [{ apiVersion: "x.io/v1", kind: "Maker", name: "one", uid: "one", controller: true }],
      };
    case "edit":
    case "remove":
      return {};
  }
}

function namespaceNamed(name: string, uid?: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, ...(uid === undefined ? {} : { uid }) } };
}
