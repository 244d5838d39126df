/**
 * What happened to the objects of a cluster, as plain watches of its API server tell it: none of our own code looks.
 *
 * @module
 */
import { apiVersionOf, type ResourceType } from "../../kube/types.ts";
import type { Printed } from "../e2e/scene.ts";
import { TextLineStream } from "../line_stream.ts";
import type { Cluster } from "../rig/cluster.ts";

/** One event of a watch. */
export interface Happening {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** `Kind namespace/name`. */
  readonly key: string;
  readonly uid: string;
  /** uid of the source object that it was a copy of; undefined for what is no copy. */
  readonly origin?: string;
  /** A person asked for it not to be mirrored. */
  readonly ignored: boolean;
}

/** Everything that happened since the watches began. `await using` ends them. */
export interface History extends AsyncDisposable {
  readonly happenings: readonly Happening[];
  /** uids of what is there now, as far as was told, by key. */
  alive(): Map<string, string>;
  /** Why a watch ended too early, if one did. */
  readonly gap: string | undefined;
}

/** Watches kinds in some namespaces of a cluster; resolves when every watch runs. */
export async function watchHistory(
  cluster: Cluster,
  kinds: readonly ResourceType[],
  namespaces: readonly string[],
): Promise<History> {
  const client = Deno.createHttpClient({ caCerts: [cluster.caPem] });
  const happenings: Happening[] = [];
  const state: { ending: boolean; gap?: string } = { ending: false };
  const get = async (path: string) => {
    const headers = { authorization: `Bearer ${cluster.adminToken}` };
    const response = await fetch(`${cluster.server}${path}`, { headers, client });
    if (!response.ok) throw new Error(`Cannot read ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const follow = async (path: string, lines: ReadableStreamDefaultReader<string>) => {
    for (let line = await lines.read(); !line.done; line = await lines.read()) {
      const event = JSON.parse(line.value);
      if (event.type === "ERROR") throw new Error(line.value);
      if (namespaces.includes(event.object.metadata.namespace)) happenings.push(happeningOf(event));
    }
    if (!state.ending) throw new Error(`the watch of ${path} has ended`);
  };
  const watches = await Promise.all(kinds.map(async (kind) => {
    const path = `${kind.group === "" ? "/api" : "/apis"}/${apiVersionOf(kind)}/${kind.resource}`;
    const { metadata } = await (await get(path)).json();
    const { body } = await get(`${path}?watch=true&timeoutSeconds=3600&resourceVersion=${metadata.resourceVersion}`);
    const text = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream());
    const lines = text.pipeThrough(new TextLineStream()).getReader();
    const ended = follow(path, lines).catch((error: unknown) => void (state.gap ??= String(error)));
    return { lines, ended };
  }));
  return {
    happenings,
    alive: () => aliveAfter(happenings),
    get gap() {
      return state.gap;
    },
    async [Symbol.asyncDispose]() {
      state.ending = true;
      await Promise.all(watches.flatMap(({ lines, ended }) => [lines.cancel(), ended]));
      client.close();
    },
  };
}

function happeningOf({ type, object: { kind, metadata } }: Printed): Happening {
  const { namespace, name, uid, labels, annotations } = metadata;
  const origin = annotations?.["dr-syncer.io/origin"];
  return {
    type,
    key: `${kind} ${namespace}/${name}`,
    uid,
    origin: origin === undefined ? undefined : JSON.parse(origin).uid,
    ignored: labels?.["dr-syncer.io/ignore"] === "true",
  };
}

function aliveAfter(happenings: readonly Happening[]): Map<string, string> {
  const alive = new Map<string, string>();
  for (const { type, key, uid } of happenings) {
    if (type === "DELETED") alive.delete(key);
    else alive.set(key, uid);
  }
  return alive;
}

/**
 * Copies that were created more often than their source gave reason to: once for each source object, and once more each time that a
 * person took `dr-syncer.io/ignore` off it. One line a source object.
 */
export function madeTooOften(source: readonly Happening[], dr: readonly Happening[]): string[] {
  const allowed = new Map<string, number>();
  const ignored = new Set<string>();
  for (const { type, uid, ignored: isIgnored } of source) {
    if (type === "ADDED") allowed.set(uid, 1);
    if (!isIgnored && ignored.delete(uid)) allowed.set(uid, (allowed.get(uid) ?? 0) + 1);
    if (isIgnored) ignored.add(uid);
  }
  const made = new Map<string, Happening[]>();
  for (const happening of dr) {
    if (happening.type !== "ADDED" || happening.origin === undefined) continue;
    made.set(happening.origin, [...made.get(happening.origin) ?? [], happening]);
  }
  return [...made].flatMap(([origin, copies]) => {
    const most = allowed.get(origin) ?? 0;
    return copies.length <= most ? [] : [`${copies[0]?.key}: created ${copies.length} times instead of ${most}`];
  });
}

/** Copies that were deleted although their source object is there to this day, and nobody ever asked for it not to be mirrored. */
export function deletedForNothing(source: readonly Happening[], dr: readonly Happening[]): string[] {
  const excused = new Set<string>();
  for (const { type, uid, ignored } of source) if (type === "DELETED" || ignored) excused.add(uid);
  return dr.flatMap(({ type, key, origin }) =>
    type === "DELETED" && origin !== undefined && !excused.has(origin)
      ? [`${key}: deleted, but its source is there`]
      : []
  );
}
