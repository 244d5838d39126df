/**
 * Writes that outlive the order to stop: none begins after it, and what the server was sent is waited for, so that whoever
 * sent it learns what became of it and says so in the audit log.
 *
 * @module
 */
import type { ClusterAddress } from "../kube/address.ts";
import type { Exec, ExecRequest } from "../kube/exec.ts";
import type { PortForward, PortForwardRequest } from "../kube/port_forward.ts";
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
} from "../kube/types.ts";

/** How long writes that were sent are waited for, unless told otherwise: 10 s. */
export const FINISH_MS = 10_000;

/** The writes of one owner. */
export class WritesUnderWay {
  readonly #stopped = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #open = new Set<Promise<unknown>>();

  /** A client whose writes, dry runs aside, end with `finish` and not with the signal that they are called with. */
  over(client: KubeClient): KubeClient {
    return new FinishingClient(client, (options, write) => this.#write(options, write));
  }

  /** No write begins from now on; resolves when those that were sent are answered, or cut off after `graceMs`. */
  async finish(graceMs: number): Promise<void> {
    this.#stopped.abort();
    const timer = setTimeout(() => this.#cutOff.abort(), graceMs);
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
    clearTimeout(timer);
    // What follows an answer, such as its audit line, follows within the same turn.
    await new Promise((resolve) => setTimeout(resolve));
  }

  /**
   * Work of more than one call that cleans up after itself when it is told to end: `finish` waits for it, too, and aborts the
   * signal that it is given after `graceMs`. It must not fail.
   */
  outlive(work: (cutOff: AbortSignal) => Promise<void>): void {
    const working = work(this.#cutOff.signal);
    this.#open.add(working);
    void working.finally(() => this.#open.delete(working));
  }

  #write<O extends WriteOptions | DeleteOptions, T>(options: O, write: (options: O) => Promise<T>): Promise<T> {
    if (options.dryRun) return write(options);
    const written = write({ ...options, signal: this.#cutOff.signal, sendUntil: this.#stopped.signal });
    this.#open.add(written);
    const forget = () => void this.#open.delete(written);
    written.then(forget, forget);
    return written;
  }
}

type Write = <O extends WriteOptions | DeleteOptions, T>(options: O, write: (options: O) => Promise<T>) => Promise<T>;

class FinishingClient implements KubeClient {
  readonly #client: KubeClient;
  readonly #write: Write;

  constructor(client: KubeClient, write: Write) {
    this.#client = client;
    this.#write = write;
  }

  get server(): string {
    return this.#client.server;
  }

  get(type: ResourceType, ref: ObjectRef, call?: Call): Promise<KubeObject> {
    return this.#client.get(type, ref, call);
  }

  list(type: ResourceType, query?: ListQuery): Promise<ObjectPage> {
    return this.#client.list(type, query);
  }

  create(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    return this.#write(options, (finishing) => this.#client.create(type, object, finishing));
  }

  replace(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    return this.#write(options, (finishing) => this.#client.replace(type, object, finishing));
  }

  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    return this.#write(options, (finishing) => this.#client.apply(type, object, finishing));
  }

  patch(type: ResourceType, ref: ObjectRef, patch: Patch, options: WriteOptions = {}): Promise<KubeObject> {
    return this.#write(options, (finishing) => this.#client.patch(type, ref, patch, finishing));
  }

  delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    return this.#write(options, (finishing) => this.#client.delete(type, ref, finishing));
  }

  watch(type: ResourceType, query: WatchQuery, sink: WatchSink, signal: AbortSignal): WatchHandle {
    return this.#client.watch(type, query, sink, signal);
  }

  json(method: string, path: string, body?: unknown, call?: Call): Promise<unknown> {
    return this.#client.json(method, path, body, call);
  }

  exec(request: ExecRequest): Promise<Exec> {
    return this.#client.exec(request);
  }

  portForward(request: PortForwardRequest): Promise<PortForward> {
    return this.#client.portForward(request);
  }

  discover(call?: Call): Promise<Discovery> {
    return this.#client.discover(call);
  }

  updateAddress(address: ClusterAddress): void {
    this.#client.updateAddress(address);
  }

  close(): void {
    this.#client.close();
  }
}
