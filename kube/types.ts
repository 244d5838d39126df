/**
 * Kubernetes objects as they travel: raw JSON that keeps the fields we do not know.
 *
 * @module
 */

import type { ClusterAddress } from "./address.ts";
import type { Exec, ExecRequest } from "./exec.ts";
import type { PortForward, PortForwardRequest } from "./port_forward.ts";

/** Owner reference, as in `metadata.ownerReferences`. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Object metadata; unknown fields are kept. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
  [field: string]: unknown;
}

/** Any Kubernetes object. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** One kind as the API server serves it (from aggregated discovery). */
export interface ResourceType {
  /** API group, empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural resource name in URLs, for example `deployments`. */
  readonly resource: string;
  readonly kind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** Names of subresources, for example `scale` and `status`. */
  readonly subresources: readonly string[];
}

/** Where an object of a known kind is; no namespace for cluster-scoped kinds. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** Bounds of one call. Every call has a deadline, 30 s unless told otherwise. */
export interface Call {
  readonly signal?: AbortSignal;
  /** Once aborted nothing is sent any more; what was sent is waited for. */
  readonly sendUntil?: AbortSignal;
  readonly deadlineMs?: number;
}

/** What to list. Without a namespace, all namespaces. */
export interface ListQuery extends Call {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
  /** Ask for PartialObjectMetadata instead of whole objects. */
  readonly metadataOnly?: boolean;
  /** A page longer than this is given up half-way with KubeError TooLarge; no bound unless told otherwise. */
  readonly maxBytes?: number;
}

/** One page of a list; `continue` is set when there is more. */
export interface ObjectPage {
  readonly items: KubeObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
  /** Length of the response body, for page sizing. */
  readonly sizeBytes: number;
}

/** Options of a write. */
export interface WriteOptions extends Call {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
  readonly subresource?: string;
}

/** Options of a server-side apply. Force is on unless told otherwise: the mirror owns its copies. */
export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  readonly force?: boolean;
}

/** Options of a delete; a call with preconditions fails with Conflict when they do not hold. */
export interface DeleteOptions extends Call {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly dryRun?: boolean;
}

/** A patch body with its media type: JSON merge patch (RFC 7386) or JSON patch (RFC 6902). */
export type Patch =
  | { readonly type: "merge"; readonly body: Record<string, unknown> }
  | { readonly type: "json"; readonly body: readonly Record<string, unknown>[] };

/** Reads of one cluster. All methods throw `KubeError`. */
export interface Reader {
  get(type: ResourceType, ref: ObjectRef, call?: Call): Promise<KubeObject>;
  list(type: ResourceType, query?: ListQuery): Promise<ObjectPage>;
}

/** Writes of one cluster. All methods throw `KubeError` and answer with the object as stored. */
export interface Writer {
  create(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  replace(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  patch(type: ResourceType, ref: ObjectRef, patch: Patch, options?: WriteOptions): Promise<KubeObject>;
  delete(type: ResourceType, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
}

/** What a watch follows. */
export interface WatchQuery {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly metadataOnly?: boolean;
  /**
   * `list`: the sink first gets every object that exists (WatchList, or paged lists where that is missing).
   * `now`: the watch begins at the present; what existed before is the consumer's to list when `live` is called.
   */
  readonly start: "list" | "now";
}

/** One change as the watch delivered it. */
export interface WatchEvent {
  readonly type: "Added" | "Modified" | "Deleted";
  readonly object: KubeObject;
  /** Length of the line it came in. */
  readonly sizeBytes: number;
  /** `performance.now()` when the line was complete. */
  readonly receivedAtMs: number;
}

/** Where the events of a watch go. Calls are synchronous, in order, and must not throw. */
export interface WatchSink {
  /** `list` only: a full list begins; every object that exists follows as `item`. */
  begin?(): void;
  /** `list` only: one object of the full list. */
  item?(event: WatchEvent): void;
  /**
   * `list`: the list is complete, what was not an item is gone.
   * `now`: the watch runs from this point; whatever changed before it was not delivered, so list now. Called again after
   * each gap (410 Gone and its like), not after a reconnect that lost nothing.
   */
  live(resourceVersion: string): void;
  /** One change. */
  event(event: WatchEvent): void;
  /** Proof of life: everything up to this resourceVersion was delivered. */
  bookmark?(resourceVersion: string): void;
  /** The stream is open, for the first time or again: what happens from here on arrives without another word. */
  connected?(): void;
  /** The connection was lost; a reconnect follows by itself. `retryInMs` tells when. */
  disconnected?(error: Error, retryInMs: number): void;
}

/** Watches of one cluster. */
export interface Watcher {
  /** Follows a kind until the signal is aborted; reconnects by itself, never rejects but for a programming error. */
  watch(type: ResourceType, query: WatchQuery, sink: WatchSink, signal: AbortSignal): WatchHandle;
}

/** A running watch. */
export interface WatchHandle {
  /** Drops the connection and opens a new one from the last resourceVersion (a stalled watch). */
  reconnect(why: string): void;
  /** Resolves when the watch has ended after its signal was aborted. */
  readonly done: Promise<void>;
}

/** Everything one cluster offers. */
export interface KubeClient extends Reader, Writer, Watcher {
  /** Base URL of the API server. */
  readonly server: string;
  /** Raw call, for what has no typed method; answers the parsed JSON body. */
  json(method: string, path: string, body?: unknown, call?: Call): Promise<unknown>;
  /** Runs a program in a Pod; resolves once its stream is open. */
  exec(request: ExecRequest): Promise<Exec>;
  /** Connects to a port of a Pod; resolves once its stream is open, which does not say that somebody listens. */
  portForward(request: PortForwardRequest): Promise<PortForward>;
  /** Every kind the server has, one (preferred) version each, with their other served versions. */
  discover(call?: Call): Promise<Discovery>;
  /**
   * Another address or credential of the same cluster, which the caller has made sure of: calls from now on use it, watches go on
   * where they are over new streams. Throws ConfigError for unusable certificates: then nothing has changed.
   */
  updateAddress(address: ClusterAddress): void;
  /** Ends every call, watch and connection. */
  close(): void;
}

/** What a server serves. */
export interface Discovery {
  /** One entry a kind, at the server's preferred version. */
  readonly types: readonly ResourceType[];
  /** All served versions of a kind, by `resource.group`. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  /** Groups whose discovery failed (an aggregated API server that is down): their kinds are unknown, not gone. */
  readonly stale: readonly string[];
}

/** `resource.group`, the name of a kind independent of its version (`deployments.apps`, `configmaps`). */
export function groupResource(type: Pick<ResourceType, "group" | "resource">): string {
  return type.group === "" ? type.resource : `${type.resource}.${type.group}`;
}

/** apiVersion of a kind (`v1`, `apps/v1`). */
export function apiVersionOf(type: Pick<ResourceType, "group" | "version">): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}
