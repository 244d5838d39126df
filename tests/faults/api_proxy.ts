/**
 * A proxy that understands what passes: it ends TLS before an API server, and answers, delays or damages the calls that a test
 * names. What it is not told about passes as it is, watches included.
 *
 * @module
 */
import { systemClock, waitFor } from "../../kube/clock.ts";
import { issueCa, issueLeaf } from "../../webhook/x509.ts";
import type { Cluster } from "../rig/cluster.ts";
import { inlineKubeconfig } from "../rig/kubeconfig.ts";

const DAY_MS = 86_400_000;

/** A call on its way to the API server. */
export interface ApiCall {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly watch: boolean;
  /** Name of the object that a POST creates. */
  readonly creates?: string;
  /** What was sent; undefined when nothing was. */
  body(): unknown;
  /** HTTP status that the caller is answered with, once it is; 0 when there is no answer. */
  readonly answered: Promise<number>;
  /** Calls that were forwarded and not answered yet, this one not counted. */
  readonly underWay: number;
}

/** What happens to a call at once. */
export type PlainFault =
  /** The API server never sees it. */
  | {
    readonly do: "answer";
    readonly status: number;
    readonly body: unknown;
    readonly headers?: Record<string, string>;
  }
  /** It is forwarded after a while. */
  | { readonly do: "delay"; readonly delayMs: number }
  /** A watch that is half-open: it is there, and nothing comes. */
  | { readonly do: "mute" }
  /** The connection breaks after this many bytes of the answer. */
  | { readonly do: "cut"; readonly afterBytes: number }
  /** The connection breaks; the API server never sees it. */
  | { readonly do: "drop" };

/** What happens to a call. */
export type Fault =
  | PlainFault
  /** It is forwarded once this resolves, or meets the fault that it resolves to. */
  | { readonly do: "hold"; readonly until: Promise<void | PlainFault> };

/** A running proxy. `await using` ends it. */
export interface ApiProxy extends AsyncDisposable {
  readonly server: string;
  /** Calls so far that a fault met. */
  readonly met: number;
  /** An inline kubeconfig as the one given, through the proxy. */
  kubeconfig(direct: string): string;
  /** Watches of now end without a word. */
  breakWatches(): void;
  /** Watches of now stay open and say nothing more, as when a machine on the way vanished; answers how many. */
  muteWatches(): number;
  /**
   * After the next event of each watch of now on this path comes this line, and then nothing more. Answers how many were told so
   * far.
   */
  endWatchesWith(path: string, line: string): () => number;
  /** Judges every call from now on; undefined lets it pass. The result takes the fault away. */
  inject(fault: (call: ApiCall) => Fault | undefined): () => void;
}

/** A Status as API servers answer it (meta/v1). */
export function statusBody(code: number, reason: string, message: string, more: object = {}): object {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code, ...more };
}

/** An answer with a Status as its body. */
export function failing(code: number, reason: string): PlainFault {
  return { do: "answer", status: code, body: statusBody(code, reason, `${reason} by the proxy`) };
}

/** 429 as priority and fairness answers it. */
export function throttled(retryAfterSeconds: number): PlainFault {
  const body = "Too many requests, please try again later.\n";
  return { do: "answer", status: 429, body, headers: { "retry-after": String(retryAfterSeconds) } };
}

/** Starts a proxy before an API server. */
export function startApiProxy(cluster: Cluster): ApiProxy {
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const ca = issueCa("fault proxy", validity);
  const leaf = issueLeaf(ca, ["127.0.0.1"], validity);
  const client = Deno.createHttpClient({ caCerts: [cluster.caPem], http1: true, http2: false });
  const faults = new Set<(call: ApiCall) => Fault | undefined>();
  const state = { met: 0, underWay: 0 };
  const ended = new AbortController();
  const end = new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve()));
  const watches = new Set<OpenWatch>();
  const handle = async (request: Request, answered: Promise<number>): Promise<Response> => {
    const { pathname: path, searchParams: query, search } = new URL(request.url);
    const watch = ["1", "true"].includes(query.get("watch") ?? "");
    const bytes = request.body === null ? null : await request.arrayBuffer();
    const body = () => jsonIn(bytes);
    const creates = request.method === "POST" ? nameIn(bytes) : undefined;
    const { headers, method } = request;
    const call = { method, path, query, headers, watch, creates, body, answered, underWay: state.underWay };
    const judged = [...faults].map((judge) => judge(call)).find((found) => found !== undefined);
    if (judged !== undefined) state.met++;
    if (!watch) state.underWay++;
    try {
      const fault = judged?.do === "hold" ? await Promise.race([judged.until, end]) as PlainFault | undefined : judged;
      if (fault?.do === "answer") return answer(fault);
      if (fault?.do === "mute") return new Response(untilBroken(new ReadableStream(), path, watches));
      if (fault?.do === "drop") return new Response(broken());
      if (fault?.do === "delay") await waitFor(systemClock, fault.delayMs, ended.signal);
      const target = `${cluster.server}${path}${search}`;
      const response = await forward(client, target, request, bytes, ended.signal);
      if (watch) return new Response(untilBroken(response.body, path, watches), response);
      return fault?.do === "cut" ? new Response(cutBody(response.body, fault.afterBytes), response) : response;
    } finally {
      if (!watch) state.underWay--;
    }
  };
  const { signal } = ended;
  const options = { hostname: "127.0.0.1", port: 0, cert: leaf.certPem, key: leaf.keyPem, signal, onListen: () => {} };
  const serve = async (request: Request): Promise<Response> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    try {
      const response = await handle(request, promise);
      resolve(response.status);
      return response;
    } catch {
      // A caller that gave up is no fault of the proxy.
      resolve(0);
      return new Response("no answer", { status: 502 });
    }
  };
  const server = Deno.serve(options, serve);
  const url = `https://127.0.0.1:${server.addr.port}`;
  return {
    server: url,
    get met() {
      return state.met;
    },
    kubeconfig: (direct) => inlineKubeconfig(cluster.name, url, ca.certPem, tokenOf(direct)),
    breakWatches() {
      for (const watch of watches) watch.end();
      watches.clear();
    },
    muteWatches() {
      for (const watch of watches) watch.muted = true;
      return watches.size;
    },
    endWatchesWith(path, line) {
      const told = [...watches].filter((watch) => watch.path === path);
      for (const watch of told) watch.lastWord = line;
      return () => told.filter(({ muted }) => muted).length;
    },
    inject(fault) {
      faults.add(fault);
      return () => faults.delete(fault);
    },
    async [Symbol.asyncDispose]() {
      // Not in good order: watches of a controller that goes on would never end.
      ended.abort();
      client.close();
      await server.finished;
    },
  };
}

function answer({ status, body, headers }: Extract<Fault, { do: "answer" }>): Response {
  const isText = typeof body === "string";
  const type = isText ? "text/plain" : "application/json";
  return new Response(isText ? body : JSON.stringify(body), { status, headers: { "content-type": type, ...headers } });
}

function broken(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.error(new Error("dropped")) });
}

function nameIn(body: ArrayBuffer | null): string | undefined {
  return (jsonIn(body) as { metadata?: { name?: string } } | undefined)?.metadata?.name;
}

function jsonIn(body: ArrayBuffer | null): unknown {
  return body === null ? undefined : JSON.parse(new TextDecoder().decode(body));
}

async function forward(
  client: Deno.HttpClient,
  url: string,
  request: Request,
  body: ArrayBuffer | null,
  signal: AbortSignal,
): Promise<Response> {
  const headers = new Headers(request.headers);
  for (const name of ["host", "content-length"]) headers.delete(name);
  // Left out, fetch would ask for what it likes itself, and unpack a large answer whose headers say that it is packed.
  headers.set("accept-encoding", "identity");
  const response = await fetch(url, { client, method: request.method, headers, body, signal });
  const passed = new Headers(response.headers);
  passed.delete("content-length");
  // Else the server here would compress, and hold back what a watch says.
  passed.set("cache-control", "no-transform");
  return new Response(response.body, { status: response.status, headers: passed });
}

interface OpenWatch {
  readonly path: string;
  muted: boolean;
  /** Said after the next event. */
  lastWord?: string;
  end(): void;
}

/** A signal given to `fetch` may be collected while its body is read: the body itself is ended. */
function untilBroken(body: ReadableStream<Uint8Array> | null, path: string, watches: Set<OpenWatch>) {
  const watch: OpenWatch = { path, muted: false, end: () => {} };
  const forget = () => void watches.delete(watch);
  return body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start(controller) {
        watch.end = () => controller.terminate();
        watches.add(watch);
      },
      transform(chunk, controller) {
        if (watch.muted) return;
        controller.enqueue(chunk);
        if (watch.lastWord === undefined || !endsEvent(chunk)) return;
        controller.enqueue(new TextEncoder().encode(`${watch.lastWord}\n`));
        watch.muted = true;
      },
      flush: forget,
      cancel: forget,
    }),
  ) ?? null;
}

/** Whether a chunk of a watch ends with a whole event, not a bookmark. */
function endsEvent(chunk: Uint8Array): boolean {
  const text = new TextDecoder().decode(chunk);
  return text.endsWith("\n") && !text.includes('"type":"BOOKMARK"');
}

function cutBody(body: ReadableStream<Uint8Array> | null, afterBytes: number): ReadableStream<Uint8Array> | null {
  let left = afterBytes;
  return body?.pipeThrough(
    new TransformStream({
      transform(chunk: Uint8Array, controller) {
        if (chunk.length > left) {
          controller.enqueue(chunk.subarray(0, left));
          return controller.error(new Error("cut"));
        }
        left -= chunk.length;
        controller.enqueue(chunk);
      },
    }),
  ) ?? null;
}

function tokenOf(kubeconfig: string): string {
  const token = /^\s*(?:"?token"?):\s*"?([^"\s,}]+)/m.exec(kubeconfig)?.[1];
  if (token === undefined) throw new Error("Cannot read the token of a kubeconfig that has none");
  return token;
}
