/**
 * A cluster in memory behind the port that the reconciler is given: for tests of what it decides when anything may happen between
 * two calls. What an API server answers is tested on real ones.
 *
 * @module
 */
import { KubeError } from "../../kube/errors.ts";
import type { Exec } from "../../kube/exec.ts";
import {
  type ApplyOptions,
  type Call,
  type DeleteOptions,
  type Discovery,
  groupResource,
  type KubeClient,
  type KubeObject,
  type ListQuery,
  type ObjectMeta,
  type ObjectPage,
  type ObjectRef,
  type Patch,
  type ResourceType,
  type WatchHandle,
  type WatchQuery,
  type WatchSink,
} from "../../kube/types.ts";

/** Objects of a page, whatever was asked for: every list is one of several pages. */
const PAGE = 2;

/** A call that is about to be answered. */
export interface MemoryCall {
  readonly verb: "get" | "list" | "create" | "replace" | "apply" | "patch" | "delete";
  /** `resource.group`. */
  readonly resource: string;
  readonly name: string;
  /** Of a list: it is its first page. */
  readonly isFirst?: boolean;
  /** Of a delete: its preconditions. */
  readonly preconditions?: Pick<ObjectMeta, "uid" | "resourceVersion">;
}

interface Stream {
  readonly resource: string;
  readonly query: WatchQuery;
  readonly sink: WatchSink;
  isUp: boolean;
  missed: (() => void)[];
}

/** What a call is answered with: the truth, or (a read) that there is nothing. */
export type MemoryAnswer = "truth" | "nothing";

/** What a test learns of the calls. */
export interface MemoryPorts {
  /** A call is about to be answered: anything may be changed, or a `KubeError` thrown. */
  answering(call: MemoryCall): MemoryAnswer;
  /** The last page of a list of a kind was answered. */
  listed(resource: string): void;
}

/** Objects, watches and calls of one cluster. */
export class MemoryCluster implements KubeClient {
  readonly server = "memory";
  readonly #discovery: Discovery;
  readonly #ports: MemoryPorts;
  readonly #objects = new Map<string, KubeObject>();
  readonly #streams = new Set<Stream>();
  /** The rest of each list that was begun, by its token. */
  readonly #lists = new Map<string, KubeObject[]>();
  #version = 100;

  constructor(discovery: Discovery, ports: MemoryPorts) {
    this.#discovery = discovery;
    this.#ports = ports;
  }

  /** An object as it is now; undefined when there is none. */
  find(resource: string, name: string): KubeObject | undefined {
    return this.#objects.get(`${resource}/${name}`);
  }

  /** Names of the objects of a kind. */
  names(resource: string): string[] {
    const start = `${resource}/`;
    return [...this.#objects.keys()].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length))
      .sort();
  }

  /** Stores an object as somebody else wrote it; one without a uid is a new one. Answers it as stored. */
  put(resource: string, object: KubeObject): KubeObject {
    const before = this.find(resource, object.metadata.name);
    const resourceVersion = String(++this.#version);
    const uid = object.metadata.uid ?? `uid-${this.#version}`;
    const stored = {
      ...structuredClone(object),
      metadata: { ...structuredClone(object.metadata), uid, resourceVersion },
    };
    if (before !== undefined && before.metadata.uid !== uid) this.remove(resource, object.metadata.name);
    this.#objects.set(`${resource}/${object.metadata.name}`, stored);
    this.#tell(resource, before?.metadata.uid === uid ? before : undefined, stored);
    return stored;
  }

  /** Somebody else deletes an object. */
  remove(resource: string, name: string): void {
    const before = this.find(resource, name);
    if (!this.#objects.delete(`${resource}/${name}`)) return;
    const metadata = { ...(before as KubeObject).metadata, resourceVersion: String(++this.#version) };
    this.#tell(resource, { ...before as KubeObject, metadata }, undefined);
  }

  /** Breaks the connections of every watch; what happens meanwhile is not delivered. */
  breakWatches(): void {
    for (const stream of this.#streams) {
      if (!stream.isUp) continue;
      stream.isUp = false;
      stream.sink.disconnected?.(new KubeError("Unreachable", "the connection broke"), 0);
    }
  }

  /** Opens them again: where they were, or, when the server has forgotten that, at the present. */
  openWatches(isForgotten: boolean): void {
    for (const stream of this.#streams) {
      if (stream.isUp && !isForgotten) continue;
      stream.isUp = true;
      const missed = stream.missed.splice(0);
      stream.sink.connected?.();
      if (isForgotten) stream.sink.live(String(this.#version));
      else for (const deliver of missed) deliver();
    }
  }

  async get(type: ResourceType, ref: ObjectRef, call?: Call): Promise<KubeObject> {
    const answer = await this.#answer({ verb: "get", resource: groupResource(type), name: ref.name }, call);
    if (answer === "nothing") throw new KubeError("NotFound", `${ref.name} not found`, { httpStatus: 404 });
    return structuredClone(this.#existing(type, ref.name));
  }

  async list(type: ResourceType, query: ListQuery = {}): Promise<ObjectPage> {
    const resource = groupResource(type);
    const isFirst = query.continue === undefined;
    const answer = await this.#answer({ verb: "list", resource, name: "", isFirst }, query);
    const isListed = (object: KubeObject) => answer === "truth" && isSelected(object, query.labelSelector);
    const whole = isFirst ? this.#all(resource).filter(isListed) : this.#lists.get(query.continue as string) ?? [];
    const count = Math.min(query.limit ?? PAGE, PAGE);
    const items = whole.slice(0, count).map((object) => view(object, query.metadataOnly));
    const resourceVersion = String(this.#version);
    const sizeBytes = 100 * items.length;
    if (whole.length <= count) {
      this.#ports.listed(resource);
      return { items, resourceVersion, sizeBytes };
    }
    // The rest is as it was when the list began.
    const token = String(this.#lists.size);
    this.#lists.set(token, whole.slice(count));
    return { items, resourceVersion, sizeBytes, continue: token };
  }

  async create(type: ResourceType, object: KubeObject, call?: Call): Promise<KubeObject> {
    const { name } = object.metadata;
    await this.#answer({ verb: "create", resource: groupResource(type), name }, call);
    if (this.find(groupResource(type), name) !== undefined) throw new KubeError("AlreadyExists", `${name} exists`);
    return structuredClone(this.put(groupResource(type), object));
  }

  async replace(type: ResourceType, object: KubeObject, call?: Call): Promise<KubeObject> {
    await this.#answer({ verb: "replace", resource: groupResource(type), name: object.metadata.name }, call);
    this.#demand(this.#existing(type, object.metadata.name), object.metadata);
    return structuredClone(this.put(groupResource(type), object));
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { name } = object.metadata;
    await this.#answer({ verb: "apply", resource: groupResource(type), name }, options);
    const live = this.#existing(type, name);
    this.#demand(live, object.metadata);
    const { ownerReferences } = live.metadata;
    return structuredClone(
      this.put(groupResource(type), {
        ...object,
        metadata: { ...object.metadata, ...(ownerReferences === undefined ? {} : { ownerReferences }) },
      }),
    );
  }

  async patch(type: ResourceType, ref: ObjectRef, { body }: Patch, options?: Call): Promise<KubeObject> {
    await this.#answer({ verb: "patch", resource: groupResource(type), name: ref.name }, options);
    const live = this.#existing(type, ref.name);
    const { annotations = {}, ...asked } = (body as { metadata: ObjectMeta }).metadata;
    this.#demand(live, asked);
    const kept = Object.entries({ ...live.metadata.annotations, ...annotations }).filter(([, value]) => value !== null);
    const metadata = { ...live.metadata, annotations: Object.fromEntries(kept) };
    return structuredClone(this.put(groupResource(type), { ...live, metadata }));
  }

  async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const resource = groupResource(type);
    const { uid, resourceVersion } = options;
    await this.#answer({ verb: "delete", resource, name: ref.name, preconditions: { uid, resourceVersion } }, options);
    this.#demand(this.#existing(type, ref.name), { uid, resourceVersion });
    this.remove(resource, ref.name);
  }

  watch(type: ResourceType, query: WatchQuery, sink: WatchSink, signal: AbortSignal): WatchHandle {
    const stream: Stream = { resource: groupResource(type), query, sink, isUp: true, missed: [] };
    this.#streams.add(stream);
    signal.addEventListener("abort", () => this.#streams.delete(stream), { once: true });
    queueMicrotask(() => stream.isUp && !signal.aborted && sink.live(String(this.#version)));
    return { reconnect: () => {}, done: Promise.resolve() };
  }

  json(): Promise<unknown> {
    return Promise.reject(new KubeError("KindMissing", "no such path"));
  }

  exec(): Promise<Exec> {
    return Promise.reject(new KubeError("BadRequest", "no Pods run here"));
  }

  discover(): Promise<Discovery> {
    return Promise.resolve(this.#discovery);
  }

  updateAddress(): void {}

  close(): void {}

  async #answer(call: MemoryCall, { signal }: Call = {}): Promise<MemoryAnswer> {
    await Promise.resolve();
    const answer = signal?.aborted ? "truth" : this.#ports.answering(call);
    if (signal?.aborted) throw new KubeError("Aborted", "the caller has gone");
    return answer;
  }

  #all(resource: string): KubeObject[] {
    return this.names(resource).map((name) => this.find(resource, name) as KubeObject);
  }

  #existing(type: ResourceType, name: string): KubeObject {
    const object = this.find(groupResource(type), name);
    if (object === undefined) throw new KubeError("NotFound", `${name} not found`, { httpStatus: 404 });
    return object;
  }

  #demand({ metadata }: KubeObject, { uid, resourceVersion }: Pick<ObjectMeta, "uid" | "resourceVersion">): void {
    const isSame = (uid ?? metadata.uid) === metadata.uid &&
      (resourceVersion ?? metadata.resourceVersion) === metadata.resourceVersion;
    if (!isSame) throw new KubeError("Conflict", `${metadata.name} is another by now`, { httpStatus: 409 });
  }

  #tell(resource: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    for (const stream of this.#streams) {
      if (stream.resource !== resource) continue;
      const { labelSelector, metadataOnly } = stream.query;
      const was = before !== undefined && isSelected(before, labelSelector);
      const is = after !== undefined && isSelected(after, labelSelector);
      if (!was && !is) continue;
      const type = is ? was ? "Modified" : "Added" : "Deleted";
      const object = view((after ?? before) as KubeObject, metadataOnly);
      const deliver = () => stream.sink.event({ type, object, sizeBytes: 100, receivedAtMs: 0 });
      if (stream.isUp) deliver();
      else stream.missed.push(deliver);
    }
  }
}

function isSelected({ metadata }: KubeObject, selector: string | undefined): boolean {
  if (selector === undefined) return true;
  const [key = "", value] = selector.split("=");
  const is = metadata.labels?.[key];
  return is !== undefined && (value === undefined || is === value);
}

function view(object: KubeObject, metadataOnly = false): KubeObject {
  const { apiVersion, kind, metadata } = object;
  return structuredClone(metadataOnly ? { apiVersion, kind, metadata } : object);
}
