/**
 * A consumer of a watch that keeps what it was told, as the product's reflector does.
 *
 * @module
 */
import type { KubeObject, Reader, ResourceType, WatchEvent, WatchSink } from "../../kube/types.ts";
import { compareVersions } from "../../kube/watch_rules.ts";

/** ConfigMaps, as discovery tells them. */
export const CONFIG_MAPS: ResourceType = {
  group: "",
  version: "v1",
  resource: "configmaps",
  kind: "ConfigMap",
  singular: "configmap",
  shortNames: ["cm"],
  namespaced: true,
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  subresources: [],
};

/** A ConfigMap of the namespace `default`. */
export function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

/** What a watch told so far. */
export class Follower implements WatchSink {
  /** What exists, as far as the watch (and our own lists at `live`) told: name to resourceVersion. */
  readonly known = new Map<string, string>();
  /** Every call but items, events and bookmarks, in short. */
  readonly calls: string[] = [];
  readonly errors: Error[] = [];
  readonly events: WatchEvent[] = [];
  items = 0;
  bookmarks = 0;
  readonly #deleted = new Map<string, string>();
  #listed: Set<string> | undefined;

  /** @param reader Lists at each `live`, as a watch that starts now wants it; without one the watch itself lists. */
  constructor(readonly reader?: Reader, readonly namespace = "default") {}

  count(call: string): number {
    return this.calls.filter((one) => one === call).length;
  }

  begin(): void {
    this.calls.push("begin");
    this.#listed = new Set();
  }

  item(event: WatchEvent): void {
    this.items++;
    this.#listed?.add(event.object.metadata.name);
    this.#learn(event.object);
  }

  live(): void {
    this.calls.push("live");
    if (this.reader !== undefined) return void this.#list(this.reader);
    for (const name of this.known.keys()) if (this.#listed?.has(name) === false) this.known.delete(name);
    this.#listed = undefined;
  }

  event(event: WatchEvent): void {
    this.events.push(event);
    const { name, resourceVersion = "" } = event.object.metadata;
    if (event.type !== "Deleted") return this.#learn(event.object);
    this.known.delete(name);
    this.#deleted.set(name, resourceVersion);
  }

  bookmark(): void {
    this.bookmarks++;
  }

  connected(): void {
    this.calls.push("connected");
  }

  disconnected(error: Error): void {
    this.calls.push("disconnected");
    this.errors.push(error);
  }

  #learn(object: KubeObject): void {
    const { name, resourceVersion = "" } = object.metadata;
    const gone = this.#deleted.get(name);
    if (gone !== undefined && compareVersions(resourceVersion, gone) < 0) return;
    const before = this.known.get(name);
    if (before === undefined || compareVersions(before, resourceVersion) < 0) this.known.set(name, resourceVersion);
  }

  async #list(reader: Reader): Promise<void> {
    const { items } = await reader.list(CONFIG_MAPS, { namespace: this.namespace });
    const names = new Set(items.map((item) => item.metadata.name));
    for (const item of items) this.#learn(item);
    for (const name of this.known.keys()) {
      if (!names.has(name) && !this.events.some((event) => event.object.metadata.name === name)) {
        this.known.delete(name);
      }
    }
    this.calls.push("listed");
  }
}
