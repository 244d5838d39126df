/**
 * The way of one process to the two clusters: fault proxies that let one call at a time through, between which anything happens.
 *
 * @module
 */
import { createKubeClient } from "../../../kube/client.ts";
import { parseInlineKubeconfig } from "../../../kube/config.ts";
import { createTransport } from "../../../kube/transport.ts";
import type { KubeClient } from "../../../kube/types.ts";
import { startWatch } from "../../../kube/watch.ts";
import {
  type ApiCall,
  type ApiProxy,
  failing,
  type Fault,
  type PlainFault,
  startApiProxy,
  statusBody,
} from "../../faults/api_proxy.ts";
import { waitFor } from "../../wait.ts";
import { type Clusters, isResource, KINDS, type Resource, RESOURCES, type Side } from "./clusters.ts";
import type { Sight } from "./sight.ts";
import type { World } from "./world.ts";

/** Objects of a page, whatever was asked for: every list is one of several pages. */
const PAGE = "2";
/** Watches come back within milliseconds: part of the longest wait that their back-off allows. */
const EAGER = 0.02;

type Verb = "get" | "list" | "create" | "replace" | "apply" | "patch" | "delete";

/** A call for one object or one list in a namespace, or for a Namespace. */
interface Asked {
  readonly verb: Verb;
  readonly resource: string;
  readonly name: string;
}

/** See the module. */
export class Gate {
  readonly source: KubeClient;
  readonly dr: KubeClient;
  readonly #world: World;
  readonly #sight: Sight;
  readonly #clusters: Clusters;
  readonly #proxies: { readonly source: ApiProxy; readonly dr: ApiProxy };
  #isBroken = false;
  /** Kinds whose next watch is told that the server has forgotten where it was. */
  readonly #forgotten = new Set<string>();
  /** Calls so far, watches included. */
  calls = 0;

  constructor(clusters: Clusters, world: World, sight: Sight) {
    this.#clusters = clusters;
    this.#world = world;
    this.#sight = sight;
    this.#proxies = { source: startApiProxy(clusters.source.cluster), dr: startApiProxy(clusters.dr.cluster) };
    for (const end of ["source", "dr"] as const) this.#proxies[end].inject((call) => this.#judge(end, call));
    this.source = clientThrough(this.#proxies.source, clusters.source);
    this.dr = clientThrough(this.#proxies.dr, clusters.dr);
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    this.source.close();
    this.dr.close();
    const proxies = [this.#proxies.source, this.#proxies.dr];
    for (const proxy of proxies) proxy.breakWatches();
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  /** The watches of the source break; returns when `areDown` tells that this was noticed. */
  async breakWatches(areDown: () => boolean): Promise<void> {
    this.#isBroken = true;
    await waitFor("the end of the watches noticed", () => {
      this.#proxies.source.breakWatches();
      return areDown();
    }, { deadlineMs: 20_000, pollMs: 2 });
    this.#sight.broken();
  }

  /** They may come back, where they were or, when the server has forgotten that, at the present. */
  openWatches(isForgotten: boolean): void {
    if (isForgotten) { for (const resource of RESOURCES) this.#forgotten.add(resource); }
    this.#isBroken = false;
    this.#sight.opened(isForgotten);
  }

  #judge(end: "source" | "dr", call: ApiCall): Fault | undefined {
    this.calls++;
    const discovery = this.#clusters.discovery.get(call.path);
    if (discovery !== undefined) return { do: "answer", status: 200, body: discovery };
    if (end === "source" && call.watch) return this.#judgeWatch(call);
    if (end === "source" && isProbe(call)) return this.#isBroken ? failing(500, "InternalError") : undefined;
    const asked = call.watch ? undefined : askedOf(call);
    if (asked === undefined) return undefined;
    const { promise: until, resolve } = Promise.withResolvers<PlainFault | undefined>();
    const turn = this.#world.turn(async () => {
      await this.#world.called();
      await (end === "source" ? this.#atSource(asked, call, resolve) : this.#atDr(asked, call, resolve));
      const { verb, resource, name } = asked;
      this.#world.truth.tell(`${verb} ${resource} ${name} in ${end}: ${await call.answered}`);
    });
    turn.catch((error) => this.#world.truth.violate(error)).finally(() => resolve(undefined));
    return { do: "hold", until: until as Promise<PlainFault> };
  }

  #judgeWatch({ path, query }: ApiCall): PlainFault | undefined {
    if (this.#isBroken) return failing(500, "InternalError");
    const resource = path.slice(path.lastIndexOf("/") + 1);
    return query.has("resourceVersion") && this.#forgotten.delete(resource) ? failing(410, "Expired") : undefined;
  }

  async #atSource(asked: Asked, call: ApiCall, answer: (fault?: PlainFault) => void): Promise<void> {
    const { verb, resource, name } = asked;
    if (verb === "list" && isResource(resource)) answer(await this.#list(resource, call));
    else if (verb === "get" && this.#world.readsFail) answer(failing(500, "InternalError"));
    else if (this.#world.isElsewhere && name === "kube-system") answer(OTHER_CLUSTER);
    else if (this.#world.isElsewhere && isResource(resource)) answer(missing(resource, name));
    else answer();
    const status = await call.answered;
    if (verb !== "get" || !isResource(resource) || status === 500) return;
    const key = `${resource}/${name}`;
    this.#sight.looks(key).sourceTick = this.#world.truth.tick;
    if (status === 200 && await this.#world.noteMirrored(resource, name)) this.#sight.sawWanted(key);
  }

  /** A page of the source's own; or how lists of the kind are answered at present. */
  async #list(resource: Resource, { path, query, headers }: ApiCall): Promise<PlainFault> {
    const isFirst = !query.has("continue");
    const how = this.#world.lists.get(resource) ?? "whole";
    if (isFirst) this.#sight.listBegan(resource);
    if (how === "refused" || (how === "broken off" && !isFirst)) {
      this.#sight.listFailed(resource);
      return isFirst ? failing(500, "InternalError") : failing(410, "Expired");
    }
    const asked = new URLSearchParams(query);
    asked.set("limit", PAGE);
    const page = await this.#clusters.source.read(`${path}?${asked}`, headers.get("accept"));
    const metadata = page.metadata as { resourceVersion: string; continue?: string };
    const isEmpty = isFirst && (how === "empty" || this.#world.isElsewhere);
    if (isEmpty || metadata.continue === undefined) this.#sight.listEnded(resource);
    const { resourceVersion } = metadata;
    const body = isEmpty ? { ...page, metadata: { resourceVersion }, items: [] } : page;
    return { do: "answer", status: 200, body };
  }

  async #atDr({ verb, resource, name }: Asked, call: ApiCall, answer: (fault?: PlainFault) => void): Promise<void> {
    const key = `${resource}/${name}`;
    if (!isResource(resource)) answer();
    else if (verb === "delete") await this.#delete(resource, name, call, answer);
    else {
      if (verb === "get") this.#sight.sawCopy(key);
      if (verb === "create" || verb === "apply") this.#sight.sawWanted(key);
      answer();
    }
    await call.answered;
  }

  /** Held while everything that it depends on is read from the servers. */
  async #delete(resource: Resource, name: string, call: ApiCall, go: () => void): Promise<void> {
    const { truth, dr } = this.#world;
    const [live] = await Promise.all([
      dr.find(resource, name),
      this.#world.note(),
      this.#world.noteMirrored(resource, name),
    ]);
    const { preconditions } = call.body() as { preconditions?: { uid?: string; resourceVersion?: string } };
    const { persisted } = truth;
    go();
    const isCarriedOut = await call.answered === 200;
    truth.judge({ resource, name, preconditions, live, persisted, isCarriedOut }, this.#sight);
  }
}

const OTHER_CLUSTER: PlainFault = {
  do: "answer",
  status: 200,
  body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-system", uid: "another" } },
};

/** As API servers say it: without the name, it would be the kind that is missing. */
function missing(resource: string, name: string): PlainFault {
  const body = statusBody(404, "NotFound", `${resource} "${name}" not found`, { details: { name, kind: resource } });
  return { do: "answer", status: 404, body };
}

function clientThrough(proxy: ApiProxy, { cluster }: Side): KubeClient {
  const transport = createTransport(parseInlineKubeconfig(proxy.kubeconfig(cluster.kubeconfig)));
  return createKubeClient(transport, (...watch) => startWatch(...watch, { random: () => EAGER }));
}

/** A watch asks where the server is before it opens. */
function isProbe({ method, path, query }: ApiCall): boolean {
  const isOfKind = RESOURCES.some((resource) => path.endsWith(`/${KINDS[resource].resource}`));
  return method === "GET" && isOfKind && query.get("limit") === "1";
}

const VERBS: Readonly<Record<string, Verb>> = { PUT: "replace", PATCH: "patch", DELETE: "delete" };

function askedOf({ method, path, headers, creates }: ApiCall): Asked | undefined {
  const match = /^\/apis?\/.*?\/?v1\/namespaces\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(path);
  if (match === null) return undefined;
  const [, namespace = "", resource = "namespaces"] = match;
  const name = creates ?? match[3] ?? (match[2] === undefined ? namespace : "");
  const isApply = headers.get("content-type")?.startsWith("application/apply-patch") === true;
  const verb = method === "GET" ? name === "" ? "list" : "get" : method === "POST" ? "create" : VERBS[method];
  return verb === undefined ? undefined : { verb: isApply ? "apply" : verb, resource, name };
}
