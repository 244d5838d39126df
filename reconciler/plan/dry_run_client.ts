/**
 * A client whose writes are dry runs: the API server judges each and stores none. Later reads of the same client see them.
 *
 * @module
 */
import { isKubeError, KubeError } from "../../kube/errors.ts";
import type { Exec, ExecRequest } from "../../kube/exec.ts";
import type { PortForward, PortForwardRequest } from "../../kube/port_forward.ts";
import { isObject, type JsonObject } from "../desired/json.ts";
import { classify } from "../failure.ts";
import { withoutLeft } from "./left_fields.ts";
import { actionOf } from "../../kube/paths.ts";
import {
  type ApplyOptions,
  type Call,
  type DeleteOptions,
  type Discovery,
  groupResource,
  type KubeClient,
  type KubeObject,
  type ListQuery,
  type ObjectPage,
  type ObjectRef,
  type Patch,
  type ResourceType,
  type WatchHandle,
  type WriteOptions,
} from "../../kube/types.ts";

/** A write that was tried. */
export interface DryWrite {
  readonly type: ResourceType;
  readonly name: string;
  /** The object before; undefined when there was none. */
  readonly before?: KubeObject;
  /** The object as the server would store it; undefined for a delete. */
  readonly after?: KubeObject;
  /** False: its namespace is yet to be made, its predecessor to go, or its fields to change hands: no server could judge it. */
  readonly checked: boolean;
}

/** See the module. Nothing that is handed this client can write. */
export class DryRunClient implements KubeClient {
  readonly writes: DryWrite[] = [];
  readonly #client: KubeClient;
  readonly #written = new Map<string, KubeObject | undefined>();
  /** Objects that a patch would have changed, `managedFields` included: the server knows nothing of it when they are applied next. */
  readonly #handedOver = new WeakSet<KubeObject>();
  /** Objects whose fields this dry run has given to other managers; the server still merges by those they had. */
  readonly #retaken = new Set<string>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  get server(): string {
    return this.#client.server;
  }

  async get(type: ResourceType, ref: ObjectRef, call?: Call): Promise<KubeObject> {
    const key = keyOf(type, ref);
    if (!this.#written.has(key)) return await this.#client.get(type, ref, call);
    const object = this.#written.get(key);
    if (object !== undefined) return object;
    const details = { kind: type.resource, name: ref.name };
    throw new KubeError("NotFound", `Cannot ${actionOf("get", type, ref)}: it would be deleted`, {
      httpStatus: 404,
      status: { details },
    });
  }

  list(type: ResourceType, query?: ListQuery): Promise<ObjectPage> {
    return this.#client.list(type, query);
  }

  create(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.#write(type, object, () => this.#client.create(type, object, { ...options, dryRun: true }));
  }

  replace(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    return this.#write(type, object, () => this.#client.replace(type, object, { ...options, dryRun: true }));
  }

  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    return this.#write(type, object, async (before) => {
      const after = await this.#client.apply(type, object, { ...options, dryRun: true });
      const owned = before !== undefined && this.#handedOver.has(before)
        ? fieldsOf(before, options.fieldManager)
        : undefined;
      return owned === undefined ? after : await this.#without(type, after, withoutLeft(after, owned, object), options);
    });
  }

  async patch(type: ResourceType, ref: ObjectRef, patch: Patch, options?: WriteOptions): Promise<KubeObject> {
    const before = await this.#find(type, ref, options);
    const after = await this.#client.patch(type, ref, patch, { ...options, dryRun: true });
    this.#handedOver.add(after);
    if (patch.type === "merge" && givesFields(patch.body)) this.#retaken.add(keyOf(type, ref));
    return this.#note({ type, name: ref.name, before, after, checked: true }, ref);
  }

  async delete(type: ResourceType, ref: ObjectRef, options?: DeleteOptions): Promise<void> {
    const before = await this.#find(type, ref, options);
    await this.#client.delete(type, ref, { ...options, dryRun: true });
    this.#written.set(keyOf(type, ref), undefined);
    this.writes.push({ type, name: ref.name, before, checked: true });
  }

  updateAddress(): void {
    throw new KubeError("BadRequest", "Cannot change the address: a dry run looks once");
  }

  watch(): WatchHandle {
    throw new KubeError("BadRequest", "Cannot watch: a dry run looks once");
  }

  async json(method: string, path: string, body?: unknown, call?: Call): Promise<unknown> {
    if (method === "GET") return await this.#client.json(method, path, body, call);
    throw new KubeError("BadRequest", `Cannot ${method} ${path}: a dry run makes no raw writes`);
  }

  exec({ namespace, pod }: ExecRequest): Promise<Exec> {
    const message = `Cannot run a program in ${namespace}/${pod}: a dry run runs none`;
    return Promise.reject(new KubeError("BadRequest", message));
  }

  portForward({ namespace, pod }: PortForwardRequest): Promise<PortForward> {
    const message = `Cannot connect to ${namespace}/${pod}: a dry run connects to no Pod`;
    return Promise.reject(new KubeError("BadRequest", message));
  }

  discover(call?: Call): Promise<Discovery> {
    return this.#client.discover(call);
  }

  close(): void {
    this.#client.close();
  }

  /** What the server makes of an object once fields have left it: it may have defaults for them. */
  async #without(
    type: ResourceType,
    applied: KubeObject,
    rest: KubeObject,
    options: ApplyOptions,
  ): Promise<KubeObject> {
    const { name, namespace, labels, annotations } = rest.metadata;
    const members = new Set([...Object.keys(applied), ...Object.keys(rest)].filter((key) => !IDENTITY.has(key)));
    const body = [
      ...Object.entries({ labels, annotations }).map(([key, value]) => ({
        op: "add",
        path: `/metadata/${key}`,
        value: value ?? {},
      })),
      ...[...members].map((key) => ({ op: "add", path: `/${key}`, value: rest[key] ?? null })),
    ];
    const ref = namespace === undefined ? { name } : { namespace, name };
    const { fieldManager, signal } = options;
    return await this.#client.patch(type, ref, { type: "json", body }, { fieldManager, signal, dryRun: true });
  }

  async #write(
    type: ResourceType,
    object: KubeObject,
    send: (before: KubeObject | undefined) => Promise<KubeObject>,
  ): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const ref = namespace === undefined ? { name } : { namespace, name };
    const before = await this.#find(type, ref);
    let after = object;
    let checked = !this.#isDeleted(type, ref);
    try {
      if (checked) after = await send(before);
    } catch (error) {
      const isRetaken = before !== undefined && this.#retaken.has(keyOf(type, ref)) &&
        classify(error).failureClass === "Invalid";
      if (!isRetaken && !this.#isToBeMade(namespace, error)) throw error;
      if (isRetaken) after = overlaid(before, object) as KubeObject;
      checked = false;
    }
    // What is not stored has no version yet, and later writes name one.
    const { uid = before?.metadata.uid ?? "unstored", resourceVersion = before?.metadata.resourceVersion ?? "1" } =
      after.metadata;
    const stored = { ...after, metadata: { ...after.metadata, uid, resourceVersion } };
    return this.#note({ type, name, before, after: stored, checked }, ref);
  }

  #note(write: DryWrite & { readonly after: KubeObject }, ref: ObjectRef): KubeObject {
    this.writes.push(write);
    this.#written.set(keyOf(write.type, ref), write.after);
    return write.after;
  }

  async #find(type: ResourceType, ref: ObjectRef, call?: Call): Promise<KubeObject | undefined> {
    try {
      return await this.get(type, ref, call);
    } catch (error) {
      if (isKubeError(error, "NotFound", "KindMissing")) return undefined;
      throw error;
    }
  }

  /** Whether this dry run has deleted the object: the server, which still has it, cannot judge another in its place. */
  #isDeleted(type: ResourceType, ref: ObjectRef): boolean {
    const key = keyOf(type, ref);
    return this.#written.has(key) && this.#written.get(key) === undefined;
  }

  /** Whether an error is about a namespace that this dry run has made. */
  #isToBeMade(namespace: string | undefined, error: unknown): boolean {
    return namespace !== undefined && isKubeError(error, "NotFound") && error.status?.details?.kind === "namespaces" &&
      this.#written.get(`namespaces//${namespace}`) !== undefined;
  }
}

/** Members that no write changes, and the status, which has a way of its own. */
const IDENTITY: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata", "status"]);

/** The fields that a manager's applies own. */
function fieldsOf(object: KubeObject | undefined, manager: string): JsonObject | undefined {
  const entries = (object?.metadata.managedFields ?? []).filter(isObject);
  const entry = entries.find((one) => one.manager === manager && one.operation === "Apply" && !one.subresource);
  return isObject(entry?.fieldsV1) ? entry.fieldsV1 : undefined;
}

function givesFields({ metadata }: Record<string, unknown>): boolean {
  return isObject(metadata) && metadata.managedFields !== undefined;
}

/** An object with the values of another over its own; lists are values. */
function overlaid(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over;
  const all: JsonObject = { ...under };
  for (const [key, value] of Object.entries(over)) all[key] = overlaid(under[key], value);
  return all;
}

function keyOf(type: ResourceType, { namespace = "", name }: ObjectRef): string {
  return `${groupResource(type)}/${namespace}/${name}`;
}
