/**
 * A client whose writes are dry runs: the API server judges each and stores none. Later reads of the same client see them.
 *
 * @module
 */
import { isKubeError, KubeError } from "../../kube/errors.ts";
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
  /** False: its namespace is yet to be made, or its predecessor to go, so no server could judge it. */
  readonly checked: boolean;
}

/** See the module. Nothing that is handed this client can write. */
export class DryRunClient implements KubeClient {
  readonly writes: DryWrite[] = [];
  readonly #client: KubeClient;
  readonly #written = new Map<string, KubeObject | undefined>();

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
    return this.#write(type, object, () => this.#client.apply(type, object, { ...options, dryRun: true }));
  }

  async patch(type: ResourceType, ref: ObjectRef, patch: Patch, options?: WriteOptions): Promise<KubeObject> {
    const before = await this.#find(type, ref, options);
    const after = await this.#client.patch(type, ref, patch, { ...options, dryRun: true });
    return this.#note({ type, name: ref.name, before, after, checked: true }, ref);
  }

  async delete(type: ResourceType, ref: ObjectRef, options?: DeleteOptions): Promise<void> {
    const before = await this.#find(type, ref, options);
    await this.#client.delete(type, ref, { ...options, dryRun: true });
    this.#written.set(keyOf(type, ref), undefined);
    this.writes.push({ type, name: ref.name, before, checked: true });
  }

  watch(): WatchHandle {
    throw new KubeError("BadRequest", "Cannot watch: a dry run looks once");
  }

  async json(method: string, path: string, body?: unknown, call?: Call): Promise<unknown> {
    if (method === "GET") return await this.#client.json(method, path, body, call);
    throw new KubeError("BadRequest", `Cannot ${method} ${path}: a dry run makes no raw writes`);
  }

  discover(call?: Call): Promise<Discovery> {
    return this.#client.discover(call);
  }

  close(): void {
    this.#client.close();
  }

  async #write(type: ResourceType, object: KubeObject, send: () => Promise<KubeObject>): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const ref = namespace === undefined ? { name } : { namespace, name };
    const before = await this.#find(type, ref);
    let after = object;
    let checked = !this.#isDeleted(type, ref);
    try {
      if (checked) after = await send();
    } catch (error) {
      if (!this.#isToBeMade(namespace, error)) throw error;
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

function keyOf(type: ResourceType, { namespace = "", name }: ObjectRef): string {
  return `${groupResource(type)}/${namespace}/${name}`;
}
