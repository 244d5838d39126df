/**
 * The calls of one cluster, on raw JSON objects.
 *
 * @module
 */
import type { ClusterAddress } from "./address.ts";
import { discover } from "./discovery.ts";
import { KubeError } from "./errors.ts";
import { type Exec, EXEC_PROTOCOLS, execPath, type ExecRequest, followExec } from "./exec.ts";
import { actionOf, collectionPath, objectPath } from "./paths.ts";
import {
  followPortForward,
  PORT_FORWARD_PROTOCOLS,
  type PortForward,
  portForwardPath,
  type PortForwardRequest,
} from "./port_forward.ts";
import { readObject, readPage } from "./read_object.ts";
import type { Transport, TransportCall } from "./transport_types.ts";
import type {
  ApplyOptions,
  Call,
  DeleteOptions,
  Discovery,
  KubeClient,
  KubeObject,
  ListQuery,
  ObjectPage,
  ObjectRef,
  Patch,
  ResourceType,
  WatchHandle,
  WatchQuery,
  WatchSink,
  WriteOptions,
} from "./types.ts";
import { startWatch } from "./watch.ts";

export { listAll } from "./list_all.ts";

const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/** YAML is a superset of JSON, and this media type is the one every supported server knows. */
const APPLY_TYPE = "application/apply-patch+yaml";
const PATCH_TYPES = { merge: "application/merge-patch+json", json: "application/json-patch+json" } as const;

/** Starts a watch on a transport; `startWatch` of watch.ts unless told otherwise. */
export type WatchStarter = (
  transport: Transport,
  type: ResourceType,
  query: WatchQuery,
  sink: WatchSink,
  signal: AbortSignal,
) => WatchHandle;

/** Makes the client of one cluster. `close` closes the transport too. */
export function createKubeClient(transport: Transport, watcher: WatchStarter = startWatch): KubeClient {
  return new ApiClient(transport, watcher);
}

class ApiClient implements KubeClient {
  readonly #transport: Transport;
  readonly #watcher: WatchStarter;

  constructor(transport: Transport, watcher: WatchStarter) {
    this.#transport = transport;
    this.#watcher = watcher;
  }

  get server(): string {
    return this.#transport.server;
  }

  async get(type: ResourceType, ref: ObjectRef, call: Call = {}): Promise<KubeObject> {
    return await this.#one(type, {
      ...bounds(call),
      method: "GET",
      path: objectPath(type, ref),
      action: actionOf("get", type, ref),
    });
  }

  async list(type: ResourceType, query: ListQuery = {}): Promise<ObjectPage> {
    const action = actionOf("list", type, { namespace: query.namespace });
    const answer = await this.#transport.request({
      ...bounds(query),
      method: "GET",
      path: collectionPath(type, query.namespace),
      query: listParameters(query),
      ...(query.metadataOnly === true ? { accept: METADATA_LIST } : {}),
      bulk: true,
      maxBytes: query.maxBytes,
      action,
    });
    return readPage(type, answer.body, answer.sizeBytes, action);
  }

  async create(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const ref = refOf(object);
    const path = options.subresource === undefined
      ? collectionPath(type, requireNamespace(type, ref.namespace))
      : objectPath(type, ref, options.subresource);
    return await this.#write(type, { method: "POST", verb: "create", path, ref, body: object }, options);
  }

  async replace(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const ref = refOf(object);
    const path = objectPath(type, ref, options.subresource);
    return await this.#write(type, { method: "PUT", verb: "replace", path, ref, body: object }, options);
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const ref = refOf(object);
    const path = objectPath(type, ref, options.subresource);
    const force = String(options.force ?? true);
    const write = { method: "PATCH", verb: "apply", path, ref, body: object, contentType: APPLY_TYPE, force };
    return await this.#write(type, write, options);
  }

  async patch(type: ResourceType, ref: ObjectRef, patch: Patch, options: WriteOptions = {}): Promise<KubeObject> {
    const path = objectPath(type, ref, options.subresource);
    const contentType = PATCH_TYPES[patch.type];
    return await this.#write(
      type,
      { method: "PATCH", verb: "patch", path, ref, body: patch.body, contentType },
      options,
    );
  }

  async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#transport.request({
      ...bounds(options),
      method: "DELETE",
      path: objectPath(type, ref),
      body: deleteBody(options),
      action: actionOf("delete", type, ref),
      sensitive: isSensitive(type),
    });
  }

  watch(type: ResourceType, query: WatchQuery, sink: WatchSink, signal: AbortSignal): WatchHandle {
    return this.#watcher(this.#transport, type, query, sink, signal);
  }

  async json(method: string, path: string, body?: unknown, call: Call = {}): Promise<unknown> {
    const answer = await this.#transport.request({ ...bounds(call), method, path, body, sensitive: true });
    if (typeof answer.body !== "string") return answer.body;
    try {
      // The index of OpenAPI v3 comes as text/plain.
      return JSON.parse(answer.body);
    } catch {
      throw new KubeError("BadResponse", `Cannot ${method} ${path}: the answer is not JSON`);
    }
  }

  async exec(request: ExecRequest): Promise<Exec> {
    const { namespace, pod, signal, deadlineMs } = request;
    const action = `run a program in pods ${namespace}/${pod}`;
    const path = execPath(request);
    const socket = await this.#transport.socket({ path, protocols: EXEC_PROTOCOLS, signal, deadlineMs, action });
    return followExec(socket, request);
  }

  async portForward(request: PortForwardRequest): Promise<PortForward> {
    const { namespace, pod, port, signal, deadlineMs } = request;
    const action = `connect to port ${port} of pods ${namespace}/${pod}`;
    const [path, protocols] = [portForwardPath(request), PORT_FORWARD_PROTOCOLS];
    return followPortForward(await this.#transport.socket({ path, protocols, signal, deadlineMs, action }), request);
  }

  discover(call: Call = {}): Promise<Discovery> {
    return discover(this.#transport, call);
  }

  updateAddress(address: ClusterAddress): void {
    this.#transport.updateAddress(address);
  }

  close(): void {
    this.#transport.close();
  }

  async #write(type: ResourceType, write: Write, options: WriteOptions): Promise<KubeObject> {
    const { method, verb, path, ref, body, contentType, force } = write;
    return await this.#one(type, {
      ...bounds(options),
      method,
      path,
      query: {
        fieldManager: options.fieldManager,
        fieldValidation: options.fieldValidation,
        force,
        dryRun: options.dryRun === true ? "All" : undefined,
      },
      body,
      ...(contentType === undefined ? {} : { contentType }),
      action: actionOf(verb, type, ref, options.subresource),
      sensitive: isSensitive(type),
    });
  }

  async #one(type: ResourceType, call: TransportCall & { action: string }): Promise<KubeObject> {
    const answer = await this.#transport.request(call);
    return readObject(type, answer.body, call.action);
  }
}

/** What one write is, apart from its options. */
interface Write {
  readonly method: string;
  readonly verb: string;
  readonly path: string;
  readonly ref: Partial<ObjectRef>;
  readonly body: unknown;
  readonly contentType?: string;
  readonly force?: string;
}

function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

function bounds(call: Call): Call {
  return {
    ...(call.signal === undefined ? {} : { signal: call.signal }),
    ...(call.sendUntil === undefined ? {} : { sendUntil: call.sendUntil }),
    ...(call.deadlineMs === undefined ? {} : { deadlineMs: call.deadlineMs }),
  };
}

function listParameters(query: ListQuery): Record<string, string | undefined> {
  return {
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    limit: query.limit === undefined ? undefined : String(query.limit),
    continue: query.continue,
    resourceVersion: query.resourceVersion,
    resourceVersionMatch: query.resourceVersionMatch,
  };
}

function deleteBody(options: DeleteOptions): Record<string, unknown> {
  const { uid, resourceVersion, propagationPolicy } = options;
  const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(options.dryRun === true ? { dryRun: ["All"] } : {}),
  };
}

/** A create without a namespace would go to all of them, which the server answers with an odd 405. */
function requireNamespace(type: ResourceType, namespace: string | undefined): string | undefined {
  if (!type.namespaced || (namespace !== undefined && namespace !== "")) return namespace;
  throw new KubeError("BadRequest", `Cannot create ${type.resource}: the namespace is missing`);
}

/** Kinds whose refusals may quote secret values. */
function isSensitive(type: ResourceType): boolean {
  return type.group === "" && type.resource === "secrets";
}
